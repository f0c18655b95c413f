/** Pieces that cards, table rows and the head of a job's page share. */
import { Link } from '@tanstack/react-router'
import { useQuery } from '@tanstack/react-query'
import { TriangleAlert } from 'lucide-react'
import { queries } from '../api/queries'
import { isFinal, type JobCard, type Problem, type RunDocument, type RunSummary } from '../api/types'
import { useNow } from '../ui/hooks'
import { Badge } from '../ui/Status'
import { stopwatch, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { useMutation } from '@tanstack/react-query'
import { InlineProblem } from '../ui/Problem'
import { change, QUARANTINE, useJobRights } from './actions'
import css from './jobs.module.css'
import { noteOf } from './quarantine'
import { t } from './words'

/** The badge of the running or last run, which leads to it. */
export function LastRunBadge({ job }: { job: JobCard }) {
  const id = job.active_run_id ?? job.last_run?.id
  if (!job.valid) return <span className={`${ui.badge} ${ui.FAILED}`}><TriangleAlert size={12} aria-hidden />{t.invalid}</span>
  if (!id) return null
  const status = job.last_run?.id === id ? job.last_run.status : 'RUNNING'
  return (
    <Link to="/runs/$id" params={{ id }} aria-label={t.lastRunOf(job.id, status)} className={css.badgeLink}>
      <Badge status={status} />
    </Link>
  )
}

/** How many steps are over: what the run says, or what its steps say when they are ahead of it. */
export function doneOf(run: RunSummary | null, document: RunDocument | undefined): number {
  const over = new Set(document?.steps.filter((step) => isFinal(step.status) && !step.retry_at).map((step) => step.index))
  for (const step of document?.steps ?? []) if (!isFinal(step.status)) over.delete(step.index)
  return Math.max(run?.steps_done ?? 0, document?.run.steps_done ?? 0, over.size)
}

/** `step 6 / 17 · SECURITY_USERS · 00:02:14`, with a thin bar. The run document names the step and who runs it. */
export function Running({ job, run }: { job: JobCard; run: RunSummary | null }) {
  const now = useNow(1000)
  const { data } = useQuery(queries.run(job.active_run_id!))
  const { data: scheduler } = useQuery(queries.scheduler())
  const known = run ?? data?.run ?? null
  const started = toMillis(known?.started_at)
  const done = doneOf(known, data)
  const all = known?.step_count || job.step_count
  const current = data?.steps.find((step) => step.status === 'RUNNING')
  const owner = data?.run.owner
  return (
    <div className={css.running}>
      <span>
        {t.stepOf(done, all)}
        {current && <> · <span className="mono">{current.name}</span></>}
        {started !== null && <> · <span className="mono">{stopwatch(now - started)}</span></>}
        {' · '}<Link to="/runs/$id" params={{ id: job.active_run_id! }}>{t.streaming}</Link>
        {owner && scheduler && owner !== scheduler.replica && <> · {t.on(owner)}</>}
      </span>
      <progress className={ui.progress} aria-label={job.id} value={done} max={all || 1} />
    </div>
  )
}

/** Where a problem is mended. */
function Fix({ problem, job }: { problem: Problem; job: JobCard }) {
  if (/connector/.test(problem.code)) return <Link to="/connectors">{t.warnings.toConnectors}</Link>
  if (/plugin|callable|component/.test(problem.code)) return <Link to="/plugins">{t.warnings.toPlugins}</Link>
  return <Link to="/jobs/$id/edit" params={{ id: job.id }}>{t.warnings.toEditor}</Link>
}

/** What is wrong or odd about a job, in words, each with the way to mend it. */
export function Warnings({ job }: { job: JobCard }) {
  const { edit } = useJobRights(job.id)
  const enable = useMutation({ mutationFn: () => change(job, { enabled: true }) })
  const noRows = job.warnings?.some((each) => each.code === 'no-rows' && each.run_id === job.last_run?.id)
  const note = noteOf(job.description)
  return (
    <>
      {job.valid && job.schedule && !job.enabled && (
        <p className={css.warning}>
          <TriangleAlert size={13} aria-hidden /> {t.warnings.off}{' '}
          {edit && <button type="button" className={ui.linkButton} disabled={enable.isPending} aria-label={t.enableOf(job.id)} onClick={() => enable.mutate()}>{t.enable}</button>}
          <InlineProblem error={enable.error} />
        </p>
      )}
      {note !== null && job.tags.includes(QUARANTINE) && <p className={css.warning}><TriangleAlert size={13} aria-hidden /> {t.quarantined} {note}</p>}
      {noRows && (
        <p className={css.warning}>
          <TriangleAlert size={13} aria-hidden /> {t.warnings.noRows} <Link to="/runs/$id" params={{ id: job.last_run!.id }}>{t.warnings.openRun}</Link>
        </p>
      )}
      {job.problems.map((problem, i) => (
        <p key={i} className={problem.severity === 'error' ? css.failing : css.warning}>
          <TriangleAlert size={13} aria-hidden /> {problem.message} {problem.hint && <span className="muted">{problem.hint}</span>} <Fix problem={problem} job={job} />
        </p>
      ))}
    </>
  )
}
