/** The catalogue as a dense table that sorts. */
import { Link } from '@tanstack/react-router'
import type { JobCard as Job } from '../api/types'
import { MuteTag } from '../mutes/MuteTag'
import { DataTable, type Column, type Sort } from '../ui/DataTable'
import { Tag } from '../ui/parts'
import { Ago } from '../ui/Times'
import { duration } from '../ui/time'
import { CancelButton, EnabledSwitch, JobMenu, RunButton, useJobRights } from './actions'
import { barsOf, type Histories } from './history'
import { HistoryBars } from './HistoryBars'
import css from './jobs.module.css'
import { LastRunBadge } from './pieces'
import { t } from './words'

interface Props {
  jobs: Job[]
  histories: Histories
  sort: string
  onSort: (sort: string) => void
  selected: ReadonlySet<string>
  onSelect: ((id: string, selected: boolean) => void) | undefined
}

function Actions({ job }: { job: Job }) {
  const rights = useJobRights(job.id)
  return (
    <span className={css.rowActions}>
      {rights.run && <RunButton job={job} />}
      {job.active_run_id && rights.run && <CancelButton runId={job.active_run_id} jobId={job.id} />}
      <JobMenu job={job} />
    </span>
  )
}

export function JobTable({ jobs, histories, sort, onSort, selected, onSelect }: Props) {
  const median = (job: Job) => histories.get(job.id)?.medianMs ?? null
  const columns: Column<Job>[] = [
    ...(onSelect ? [{ id: 'select', head: <span className="unseen">{t.select}</span>, cell: (job: Job) => <input type="checkbox" aria-label={t.selectOf(job.id)} checked={selected.has(job.id)} onChange={(event) => onSelect(job.id, event.target.checked)} /> }] : []),
    { id: 'id', head: t.columns.id, sortable: true, cell: (job) => <Link to="/jobs/$id" params={{ id: job.id }} className="mono" data-act="open">{job.id}</Link> },
    { id: 'state', head: t.columns.state, sortable: true, cell: (job) => <><LastRunBadge job={job} /> <MuteTag kind="job" name={job.id} /></> },
    { id: 'tags', head: t.columns.tags, cell: (job) => <span className={css.tags}>{job.tags.map((tag) => <Tag key={tag}>{tag}</Tag>)}</span> },
    { id: 'schedule', head: t.columns.schedule, cell: (job) => <code>{job.schedule ?? t.manual}</code> },
    { id: 'next', head: t.columns.next, label: t.columns.next, sortable: true, cell: (job) => (job.next_run_at ? <Ago at={job.next_run_at} zone={job.timezone} /> : '–') },
    { id: 'last', head: t.columns.last, label: t.columns.last, sortable: true, cell: (job) => <Ago at={job.last_run?.finished_at ?? job.last_run?.queued_at} zone={job.timezone} /> },
    { id: 'p50', head: t.columns.p50, label: t.columns.p50, sortable: true, number: true, cell: (job) => (median(job) === null ? '–' : duration(median(job)!)) },
    { id: 'history', head: t.columns.history, cell: (job) => <HistoryBars job={job.id} bars={barsOf(job, histories.get(job.id))} medianMs={median(job)} /> },
    { id: 'enabled', head: t.columns.enabled, cell: (job) => <EnabledSwitch job={job} /> },
    { id: 'actions', head: <span className="unseen">{t.columns.actions}</span>, cell: (job) => <Actions job={job} /> },
  ]
  const now: Sort = { by: sort.replace(/^-/, ''), down: sort.startsWith('-') }
  return (
    <div className={css.tableBox}>
      <DataTable label={t.title} columns={columns} rows={jobs} rowKey={(job) => job.id} sort={now} onSort={({ by, down }) => onSort(`${down ? '-' : ''}${by}`)} rowProps={(job) => ({ 'data-job': job.id })} />
    </div>
  )
}
