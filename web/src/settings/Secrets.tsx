/** Secrets by name. Values go in and never come out: the page cannot show what it is not told. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { queryClient } from '../api/queries'
import { Button } from '../ui/Button'
import { DataTable, type Column } from '../ui/DataTable'
import { ConfirmDialog, Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Empty, Skeleton } from '../ui/parts'
import { InlineProblem, ProblemPanel } from '../ui/Problem'
import { Ago } from '../ui/Times'
import { t as shared } from '../ui/words'
import ui from '../ui/ui.module.css'
import { settingQueries, settings, type Secret } from './api'
import css from './settings.module.css'
import { t } from './words'

type Layer = { put: string | null } | { remove: string } | null

const refresh = () => queryClient.invalidateQueries({ queryKey: ['secrets'] })

export function Secrets() {
  const { data, error, isPending, refetch } = useQuery(settingQueries.secrets())
  const [layer, setLayer] = useState<Layer>(null)
  const close = () => setLayer(null)
  const columns: Column<Secret>[] = [
    { id: 'name', head: t.secretName, breaks: true, cell: (row) => <code>{row.name}</code> },
    { id: 'updated', head: t.updated, label: t.updated, cell: (row) => <><Ago at={row.updated_at} /> <span className="muted">{t.by(row.updated_by)}</span></> },
    {
      id: 'act', head: <span className="unseen">{t.edit}</span>, cell: (row) => (
        <span className={css.bar}>
          <Button aria-label={t.replaceOf(row.name)} onClick={() => setLayer({ put: row.name })}>{t.replace}</Button>
          <Button kind="quiet" aria-label={t.deleteOf(row.name)} onClick={() => setLayer({ remove: row.name })}>{t.deleteUser}</Button>
        </span>
      ),
    },
  ]
  const add = <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setLayer({ put: null })}>{t.newSecret}</Button>
  return (
    <>
      <p className="muted">{t.secretsHint}</p>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} rows={2} />
      {data?.length === 0 && <Empty title={t.noSecrets}>{add}</Empty>}
      {data && data.length > 0 && <><div>{add}</div><section className={ui.panel}><DataTable label={t.tabs.secrets} columns={columns} rows={data} rowKey={(row) => row.name} /></section></>}
      {layer && 'put' in layer && <Put name={layer.put} close={close} />}
      {layer && 'remove' in layer && <Remove name={layer.remove} close={close} />}
    </>
  )
}

function Put({ name: known, close }: { name: string | null; close: () => void }) {
  const [name, setName] = useState(known ?? '')
  const [value, setValue] = useState('')
  const put = useMutation({
    mutationFn: () => settings.putSecret(name.trim(), value),
    onSuccess: async () => {
      await refresh()
      close()
    },
  })
  const wrong = name !== '' && !/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name.trim())
  return (
    <Dialog
      title={known === null ? t.newSecret : t.setSecret(known)}
      close={close}
      size="small"
      foot={
        <>
          <InlineProblem error={put.error} />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={put.isPending} disabled={name.trim() === '' || wrong || value === ''} onClick={() => put.mutate()}>{put.isPending ? t.keeping : t.keep}</Button>
        </>
      }
    >
      <Field label={t.secretName} hint={wrong ? undefined : t.secretNameHint} error={wrong ? t.secretNameHint : undefined}>
        {(tie) => <input {...tie} type="text" autoCapitalize="none" autoComplete="off" spellCheck={false} readOnly={known !== null} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <Field label={t.value} hint={t.valueHint}>
        {(tie) => <input {...tie} type="password" autoComplete="new-password" spellCheck={false} value={value} onChange={(event) => setValue(event.target.value)} />}
      </Field>
      {name.trim() !== '' && !wrong && <p className="muted">{t.use} <code>{`\${secret.${name.trim()}}`}</code></p>}
    </Dialog>
  )
}

function Remove({ name, close }: { name: string; close: () => void }) {
  const remove = useMutation({
    mutationFn: () => settings.deleteSecret(name),
    onSuccess: async () => {
      await refresh()
      close()
    },
  })
  return <ConfirmDialog title={t.deleteSecret(name)} danger confirm={t.deleteUser} action={remove} onConfirm={() => remove.mutate()} close={close}><p>{t.deleteSecretHint}</p></ConfirmDialog>
}
