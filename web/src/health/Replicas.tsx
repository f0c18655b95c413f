/** The processes that share the store: who asks for the scheduler and who has it, what they run, when they were last seen. */
import { DataTable, type Column } from '../ui/DataTable'
import { useNow } from '../ui/hooks'
import { Panel, Tag } from '../ui/parts'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import css from './health.module.css'
import { isQuiet, type Health, type Replica } from './health'
import { t } from './words'

export function Replicas({ health }: { health: Health }) {
  const now = useNow(5_000)
  const columns: Column<Replica>[] = [
    { id: 'name', head: t.name, breaks: true, cell: (row) => <><span className="mono">{row.owner}</span> {row.owner === health.replica && <Tag>{t.answers}</Tag>}{row.labels.map((label) => <Tag key={label}>{label}</Tag>)}</> },
    { id: 'role', head: t.role, cell: (row) => row.role },
    { id: 'asks', head: t.asks, cell: (row) => (row.lease ? <strong>{t.holds}</strong> : row.scheduler_enabled ? t.asksYes : <span className="muted">{t.asksNo}</span>) },
    { id: 'runs', head: t.runs, number: true, label: t.runs, cell: (row) => `${row.running} / ${row.room}` },
    { id: 'version', head: t.version, label: t.version, cell: (row) => row.version },
    { id: 'up', head: t.up, label: t.up, cell: (row) => <At at={row.started_at} /> },
    { id: 'seen', head: t.seen, label: t.seen, cell: (row) => (isQuiet(row, now) ? <span className={css.quiet}>{t.quiet} · <Ago at={row.seen_at} /></span> : <Ago at={row.seen_at} />) },
  ]
  return (
    <Panel title={t.replicas(health.replicas.length)}>
      {health.replicas.length === 0 ? <p className={ui.lead}>{t.noReplicas}</p> : <DataTable label={t.replicas(health.replicas.length)} columns={columns} rows={health.replicas} rowKey={(row) => row.owner} />}
    </Panel>
  )
}
