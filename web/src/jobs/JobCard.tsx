/** One job of the catalogue with everything an operator needs to decide: state, schedule, last and next run, problems. */
import { Link } from '@tanstack/react-router'
import { CalendarClock, Clock, Power, TriangleAlert } from 'lucide-react'
import { memo } from 'react'
import type { JobCard as Job, RunSummary } from '../api/types'
import { t } from '../i18n/legacy'
import { useNow } from '../ui/hooks'
import { Ago } from '../ui/Times'
import { ProblemList } from '../ui/Problem'
import { Badge } from '../ui/Status'
import { stopwatch, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { CancelButton, RunButton } from './actions'
import css from './jobs.module.css'

export const JobCard = memo(function JobCard({ job }: { job: Job }) {
  const errors = job.problems.filter((problem) => problem.severity === 'error').length
  return (
    <article className={css.card} aria-labelledby={`job-${job.id}`} data-job={job.id}>
      <div className={css.what}>
        <div className={css.title}>
          <h2 id={`job-${job.id}`}>
            <Link to="/jobs/$id" params={{ id: job.id }} className="mono">{job.id}</Link>
          </h2>
          <LastRun job={job} />
          {job.tags.map((tag) => <span key={tag} className={ui.tag}>{tag}</span>)}
        </div>
        {job.description && <p className="muted">{job.description}</p>}
        <div className={css.meta}>
          {job.valid && <span><Clock size={12} aria-hidden /> <code>{job.schedule ?? t.jobs.manual}</code>{job.schedule && job.timezone && ` ${job.timezone}`}</span>}
          {job.schedule && (
            <span>
              <CalendarClock size={12} aria-hidden />{' '}
              {job.next_run_at ? <>{t.jobs.next} <Ago at={job.next_run_at} zone={job.timezone} /></> : t.jobs.noFire}
            </span>
          )}
          {!job.active_run_id && <span>{job.last_run ? <>{t.jobs.last} <Ago at={job.last_run.finished_at ?? job.last_run.started_at ?? job.last_run.queued_at} zone={job.timezone} /></> : t.jobs.never}</span>}
          {job.valid && <span>{t.jobs.steps(job.step_count)}</span>}
        </div>
        {job.active_run_id && <Running job={job} run={job.last_run?.id === job.active_run_id ? job.last_run : null} />}
        {job.schedule && !job.enabled && <p className={css.warning}><TriangleAlert size={13} aria-hidden /> {t.jobs.willNotFire}</p>}
        {job.problems.length > 0 && (
          <details className={css.problems} open={errors > 0}>
            <summary>{t.jobs.problems(job.problems.length)}</summary>
            <ProblemList problems={job.problems} />
          </details>
        )}
      </div>
      <div className={css.actions}>
        {job.valid && <Enabled enabled={job.enabled} />}
        <RunButton job={job} />
        {job.active_run_id && <CancelButton runId={job.active_run_id} jobId={job.id} />}
      </div>
    </article>
  )
})

export function Enabled({ enabled }: { enabled: boolean }) {
  return (
    <span className={enabled ? css.enabled : css.disabled}>
      <Power size={12} aria-hidden /> {enabled ? t.status.enabled : t.status.disabled}
    </span>
  )
}

function LastRun({ job }: { job: Job }) {
  const active = job.active_run_id
  const id = active ?? job.last_run?.id
  if (!job.valid) return <span className={`${ui.badge} ${ui.FAILED}`}><TriangleAlert size={12} aria-hidden />{t.status.invalid}</span>
  if (!id) return null
  const status = job.last_run?.id === id ? job.last_run.status : 'RUNNING'
  return (
    <Link to="/runs/$id" params={{ id }} aria-label={t.jobs.lastRunOf(job.id, status)}>
      <Badge status={status} />
    </Link>
  )
}

function Running({ job, run }: { job: Job; run: RunSummary | null }) {
  const now = useNow(1000)
  const started = toMillis(run?.started_at)
  const done = run?.steps_done ?? 0
  return (
    <div className={css.running}>
      <span>
        {run && <>{t.jobs.stepOf(done, run.step_count || job.step_count)} · </>}
        <Link to="/runs/$id" params={{ id: job.active_run_id! }}>{t.jobs.streaming}</Link>
        {started !== null && <> · <span className="mono">{stopwatch(now - started)}</span></>}
      </span>
      <progress className={ui.progress} aria-label={job.id} value={done} max={job.step_count || 1} />
    </div>
  )
}
