/** API tokens: what they may do, until when, when and from where they were last used; made here and revoked here. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useMay } from '../api/permissions'
import { queries, queryClient } from '../api/queries'
import { Button } from '../ui/Button'
import { DataTable, type Column } from '../ui/DataTable'
import { ConfirmDialog, Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { useNow } from '../ui/hooks'
import { Empty, Skeleton, Tag } from '../ui/parts'
import { InlineProblem, ProblemPanel } from '../ui/Problem'
import { Ago, At } from '../ui/Times'
import { t as shared } from '../ui/words'
import ui from '../ui/ui.module.css'
import { settingQueries, settings, type NewToken, type Token } from './api'
import { PermissionPicker } from './PermissionPicker'
import { Shown } from './Shown'
import css from './settings.module.css'
import { tokenLines } from './transfer'
import { t } from './words'

const LIFETIMES = [30, 90, 365]
const DEFAULT_DAYS = 90

const refresh = () => queryClient.invalidateQueries({ queryKey: ['tokens'] })

export function Tokens() {
  const superuser = useMay()('superuser')
  const { all } = useSearch({ strict: false }) as { all?: string }
  const showAll = superuser && all === 'yes'
  const navigate = useNavigate()
  const now = useNow(60_000)
  const { data, error, isPending, refetch } = useQuery(settingQueries.tokens(showAll))
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const columns: Column<Token>[] = [
    { id: 'name', head: t.name, breaks: true, cell: (row) => <strong>{row.name}</strong> },
    ...(showAll ? [{ id: 'user', head: t.owner, label: t.owner, cell: (row: Token) => row.user }] : []),
    { id: 'permissions', head: t.permissions, breaks: true, cell: (row) => <span className={css.marks}>{row.permissions.map((each) => <Tag key={each}>{each}</Tag>)}</span> },
    { id: 'created', head: t.created, label: t.created, cell: (row) => <At at={row.created_at} /> },
    { id: 'expires', head: t.expires, label: t.expires, cell: (row) => (row.expires_at === null ? t.never : Date.parse(row.expires_at) < now ? <span className={css.bad}>{t.expired}</span> : <Ago at={row.expires_at} />) },
    { id: 'used', head: t.lastUsed, label: t.lastUsed, cell: (row) => (row.last_used_at ? <><Ago at={row.last_used_at} /> {row.last_used_from && <span className="muted">{t.from(row.last_used_from)}</span>}</> : t.notUsed) },
    { id: 'revoke', head: <span className="unseen">{t.revoke}</span>, cell: (row) => <Button aria-label={t.revokeOf(row.name)} onClick={() => setRevoking(row)}>{t.revoke}</Button> },
  ]
  const add = <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setMaking(true)}>{t.newToken}</Button>
  return (
    <>
      <p className="muted">{t.tokensHint}</p>
      <div className={css.bar}>
        {data && data.length > 0 && add}
        {superuser && <label className={css.check}><input type="checkbox" checked={showAll} onChange={(event) => void navigate({ to: '/settings/$tab', params: { tab: 'tokens' }, search: event.target.checked ? { all: 'yes' } : {}, replace: true })} />{t.allTokens}</label>}
      </div>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} rows={2} />
      {data?.length === 0 && <Empty title={t.noTokens}>{add}</Empty>}
      {data && data.length > 0 && <section className={ui.panel}><DataTable label={t.tabs.tokens} columns={columns} rows={data} rowKey={(row) => row.id} /></section>}
      {making && <Make close={() => setMaking(false)} />}
      {revoking && <Revoke token={revoking} close={() => setRevoking(null)} />}
    </>
  )
}

function Revoke({ token, close }: { token: Token; close: () => void }) {
  const revoke = useMutation({
    mutationFn: () => settings.revokeToken(token.id),
    onSuccess: async () => {
      await refresh()
      close()
    },
  })
  return <ConfirmDialog title={t.revokeTitle(token.name)} danger confirm={t.revoke} action={revoke} onConfirm={() => revoke.mutate()} close={close}><p>{t.revokeHint}</p></ConfirmDialog>
}

function Make({ close }: { close: () => void }) {
  const { data: me } = useQuery(queries.me())
  const superuser = useMay()('superuser')
  const [name, setName] = useState('')
  const [user, setUser] = useState('')
  const [days, setDays] = useState(String(DEFAULT_DAYS))
  const [narrow, setNarrow] = useState(false)
  const [held, setHeld] = useState<string[]>([])
  const make = useMutation({
    mutationFn: () => {
      const body: NewToken = { name: name.trim() }
      if (user.trim() !== '') body.user = user.trim()
      if (narrow) body.permissions = held
      if (days === 'never') body.never_expires = true
      else body.expires_in_days = Number(days)
      return settings.createToken(body)
    },
    onSuccess: refresh,
  })
  if (make.data) return <Made secret={make.data.secret} close={close} />
  return (
    <Dialog
      title={t.newToken}
      close={close}
      foot={
        <>
          <InlineProblem error={make.error} />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={make.isPending} disabled={name.trim() === '' || (narrow && held.length === 0)} onClick={() => make.mutate()}>{make.isPending ? t.making : t.make}</Button>
        </>
      }
    >
      <Field label={t.tokenName} hint={t.tokenNameHint}>{(tie) => <input {...tie} type="text" maxLength={100} autoFocus value={name} onChange={(event) => setName(event.target.value)} />}</Field>
      {superuser && <Field label={t.owner} hint={t.tokenOwnerHint}>{(tie) => <input {...tie} type="text" autoCapitalize="none" spellCheck={false} autoComplete="off" placeholder={me?.user} value={user} onChange={(event) => setUser(event.target.value)} />}</Field>}
      <Field label={t.lifetime}>
        {(tie) => (
          <select {...tie} value={days} onChange={(event) => setDays(event.target.value)}>
            {LIFETIMES.map((each) => <option key={each} value={each}>{t.days(each)}</option>)}
            <option value="never">{t.neverExpires}</option>
          </select>
        )}
      </Field>
      <Field label={t.permissions}>
        {(tie) => (
          <select {...tie} value={narrow ? 'narrow' : 'all'} onChange={(event) => setNarrow(event.target.value === 'narrow')}>
            <option value="all">{t.allOfOwner}</option>
            <option value="narrow">{t.chosenOnly}</option>
          </select>
        )}
      </Field>
      {narrow && <PermissionPicker label={t.chosenOnly} held={held} onChange={setHeld} of={me?.permissions && !me.permissions.includes('superuser') && !me.permissions.includes('job:*') ? me.permissions : undefined} />}
    </Dialog>
  )
}

function Made({ secret, close }: { secret: string; close: () => void }) {
  const { curl, cli } = tokenLines(document.baseURI, secret)
  return (
    <Dialog title={t.tokenMade} close={close} foot={<Button kind="primary" onClick={close}>{t.done}</Button>}>
      <p><strong>{t.tokenOnce}</strong></p>
      <Shown text={secret} label={t.secret} copy={t.copyToken} />
      <Shown text={curl} label={t.tryCurl} copy={t.copyLine} />
      <Shown text={cli} label={t.tryCli} copy={t.copyLine} />
    </Dialog>
  )
}
