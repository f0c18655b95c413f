/** The runs that are going on, on top of the catalogue. A row comes when a run starts, and its steps fill in live. */
import { Link } from '@tanstack/react-router'
import { useQuery } from '@tanstack/react-query'
import { queries } from '../api/queries'
import type { JobCard } from '../api/types'
import { useNow } from '../ui/hooks'
import { Glyph } from '../ui/Status'
import { stopwatch, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { CancelButton, useJobRights } from './actions'
import { doneOf } from './pieces'
import css from './jobs.module.css'
import { t } from './words'

export function InFlight({ jobs }: { jobs: JobCard[] }) {
  const active = jobs.filter((job) => job.active_run_id !== null)
  if (active.length === 0) return null
  return (
    <section className={css.inFlight} aria-label={t.inFlight}>
      <h2>{t.inFlight} <span className="muted">{active.length}</span></h2>
      <ul>{active.map((job) => <Row key={job.active_run_id} job={job} />)}</ul>
    </section>
  )
}

function Row({ job }: { job: JobCard }) {
  const now = useNow(1000)
  const rights = useJobRights(job.id)
  const { data } = useQuery(queries.run(job.active_run_id!))
  const run = data?.run ?? (job.last_run?.id === job.active_run_id ? job.last_run : null)
  const started = toMillis(run?.started_at)
  const current = data?.steps.find((step) => step.status === 'RUNNING')
  const all = run?.step_count || job.step_count
  const done = doneOf(run, data)
  return (
    <li data-flight={job.id}>
      <Glyph status={run?.status ?? 'RUNNING'} />
      <Link to="/runs/$id" params={{ id: job.active_run_id! }} className="mono">{job.id}</Link>
      <span className={css.flightStep}>{done}/{all} <span className="mono">{current?.name}</span></span>
      <progress className={ui.progress} aria-label={job.id} value={done} max={all || 1} />
      <span className="mono">{started === null ? '' : stopwatch(now - started)}</span>
      <span className={`${css.owner} muted`} title={data?.run.owner ?? undefined}>{data?.run.owner?.split('/')[0]}</span>
      {rights.run && <CancelButton runId={job.active_run_id!} jobId={job.id} />}
    </li>
  )
}
