/** The history, newest first. Filters and the place in the list live in the address. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { queries } from '../api/queries'
import type { RunStatus } from '../api/types'
import { t } from '../i18n/legacy'
import { useTitle } from '../ui/hooks'
import { Button } from '../ui/Button'
import { Empty, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { RunsTable } from './RunsTable'

export const STATUSES: RunStatus[] = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED']

export function RunsPage() {
  useTitle(t.runs.title)
  const filter = useSearch({ from: '/shell/runs' })
  const navigate = useNavigate({ from: '/runs' })
  const jobs = useQuery(queries.jobs())
  const { data, error, isPending, refetch } = useQuery(queries.runs(filter))
  const ids = [...new Set([...(jobs.data?.jobs.map((job) => job.id) ?? []), ...(filter.job ? [filter.job] : [])])].sort()
  const filtered = Boolean(filter.job || filter.status)
  // A change of filter begins at the newest run again.
  const choose = (key: 'job' | 'status', value: string) =>
    void navigate({ search: ({ before: _, [key]: __, ...rest }) => (value ? { ...rest, [key]: value } : rest) })

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <h1>{t.runs.title}</h1>
        <select aria-label={t.runs.job} value={filter.job ?? ''} onChange={(event) => choose('job', event.target.value)}>
          <option value="">{t.runs.allJobs}</option>
          {ids.map((id) => <option key={id}>{id}</option>)}
        </select>
        <select aria-label={t.runs.status} value={filter.status ?? ''} onChange={(event) => choose('status', event.target.value)}>
          <option value="">{t.runs.allStatuses}</option>
          {STATUSES.map((status) => <option key={status}>{status}</option>)}
        </select>
        {filtered && <Button onClick={() => void navigate({ search: {} })}>{t.runs.clear}</Button>}
        <span className="grow" />
        {filter.before && (
          <Link to="/runs" search={({ before: _, ...rest }) => rest} className={ui.button}>{t.runs.newest}</Link>
        )}
        {data?.next && <Link to="/runs" search={(old) => ({ ...old, before: data.next! })} className={ui.button}>{t.runs.older}</Link>}
      </header>
      <div className={ui.body}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
        {data && data.runs.length > 0 && <section className={ui.panel}><RunsTable runs={data.runs} /></section>}
        {data?.runs.length === 0 && (filtered ? <Empty title={t.runs.none} /> : <Empty title={t.runs.noneYet}>{t.runs.noneHint}</Empty>)}
        {data?.next && data.runs.length > 15 && (
          <div><Link to="/runs" search={(old) => ({ ...old, before: data.next! })} className={ui.button}>{t.runs.older}</Link></div>
        )}
      </div>
    </div>
  )
}
