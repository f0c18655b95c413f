/** One's own sessions, and the way to end those elsewhere. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { queryClient } from '../api/queries'
import { signOut } from '../app/session'
import { ActionButton } from '../ui/Button'
import { DataTable, type Column } from '../ui/DataTable'
import { Empty, Panel, Skeleton, Tag } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { settingQueries, settings, type Session } from './api'
import { t } from './words'

/** `Chrome 130 · Linux` where the browser says so in the usual way; else what it says. */
function shortAgent(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\/(\d+)/.exec(agent)
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)
  const name = browser && ({ Edg: 'Edge', OPR: 'Opera' }[browser[1]!] ?? browser[1])
  return browser ? [`${name} ${browser[2]}`, system?.[1]].filter(Boolean).join(' · ') : agent || t.unknownBrowser
}

const columns: Column<Session>[] = [
  { id: 'browser', head: t.browser, breaks: true, cell: (row) => <><span title={row.agent}>{shortAgent(row.agent)}</span> {row.current && <Tag>{t.thisOne}</Tag>}</> },
  { id: 'address', head: t.address, cell: (row) => <code>{row.address}</code> },
  { id: 'by', head: t.openedBy, label: t.openedBy, cell: (row) => row.opened_by },
  { id: 'since', head: t.since, label: t.since, cell: (row) => <At at={row.created_at} /> },
  { id: 'refreshed', head: t.refreshed, label: t.refreshed, cell: (row) => <Ago at={row.refreshed_at} /> },
  { id: 'expires', head: t.expires, label: t.expires, cell: (row) => <Ago at={row.expires_at} /> },
  { id: 'end', head: <span className="unseen">{t.end}</span>, cell: (row) => (row.current ? null : <End session={row} />) },
]

export function Sessions() {
  const { data, error, isPending, refetch } = useQuery(settingQueries.sessions())
  const navigate = useNavigate()
  const all = useMutation({ mutationFn: () => signOut(true, () => void navigate({ to: '/login', search: {} })) })
  return (
    <>
      <p className="muted">{t.sessionsHint}</p>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} rows={2} />
      {data?.length === 0 && <Empty title={t.noSessions}><span>{t.noSessionsHint}</span></Empty>}
      {data && data.length > 0 && (
        <Panel title={t.tabs.sessions} actions={<ActionButton action={all} waiting={t.ending} onClick={() => all.mutate()}>{t.signOutAll}</ActionButton>}>
          <DataTable label={t.tabs.sessions} columns={columns} rows={data} rowKey={(row) => row.id} />
        </Panel>
      )}
    </>
  )
}

function End({ session }: { session: Session }) {
  const end = useMutation({ mutationFn: () => settings.endSession(session.id), onSuccess: () => queryClient.invalidateQueries({ queryKey: ['sessions'] }) })
  return <ActionButton className={ui.nowrap} action={end} waiting={t.ending} aria-label={t.endOf(shortAgent(session.agent))} onClick={() => end.mutate()}>{t.end}</ActionButton>
}
