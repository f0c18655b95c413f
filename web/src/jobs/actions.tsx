/** Run now and Cancel, with every state a person can meet: idle, waiting, done, refused and why. */
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Play, Square } from 'lucide-react'
import { useState } from 'react'
import { api, ApiError } from '../api/client'
import { queryClient } from '../api/queries'
import type { JobCard } from '../api/types'
import { t } from '../i18n/legacy'
import { Button } from '../ui/Button'
import { InlineProblem } from '../ui/Problem'
import { RunDialog } from './RunDialog'
import css from './jobs.module.css'

/** Starts the job at once, or opens the dialog when it has something to choose; Shift opens it in every case. */
export function RunButton({ job, primary = false }: { job: JobCard; primary?: boolean }) {
  const [dialog, setDialog] = useState(false)
  const start = useMutation({
    mutationFn: () => api.runJob(job.id, {}),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['jobs'] }),
  })
  const busy = job.active_run_id !== null
  const hint = !job.valid ? t.run.invalidHint : busy ? t.run.busyHint : undefined
  const press = (event: React.MouseEvent) => {
    if (job.needs_dialog || event.shiftKey) setDialog(true)
    else start.mutate()
  }
  return (
    <>
      <Button
        kind={primary ? 'primary' : 'plain'}
        icon={<Play size={13} aria-hidden />}
        pending={start.isPending}
        disabled={busy || !job.valid}
        title={hint}
        aria-label={`${busy ? t.run.busy : t.run.now}: ${job.id}`}
        onClick={press}
      >
        {start.isPending ? t.run.starting : busy ? t.run.busy : t.run.now}
      </Button>
      {start.isSuccess && start.data.run_id !== job.active_run_id && job.last_run?.id !== start.data.run_id && (
        <span className={css.outcome} role="status">
          {t.run.queued}: <Link to="/runs/$id" params={{ id: start.data.run_id }}>{t.jobs.openRun}</Link>
        </span>
      )}
      <span className={css.outcome}><StartProblem error={start.error} /></span>
      {dialog && <RunDialog jobId={job.id} close={() => setDialog(false)} />}
    </>
  )
}

/** A refused start; when a run is already going on it leads there. */
export function StartProblem({ error }: { error: unknown }) {
  const active = error instanceof ApiError && error.status === 409 ? error.problem.active_run_id : undefined
  if (!active) return <InlineProblem error={error} />
  return (
    <span role="alert">
      {t.run.alreadyRunning}: <Link to="/runs/$id" params={{ id: active }}>{t.run.openIt}</Link>
    </span>
  )
}

/** Asks for the end of a run. The state changes only when the runner says so. */
export function CancelButton({ runId, jobId, asked = false, label = t.run.cancel }: { runId: string; jobId: string; asked?: boolean; label?: string }) {
  const cancel = useMutation({
    mutationFn: () => api.cancel(runId),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['run', runId] }),
  })
  const waiting = cancel.isPending || cancel.isSuccess || asked
  return (
    <>
      <Button icon={<Square size={12} aria-hidden />} pending={waiting} aria-label={`${t.run.cancelOf(jobId)}`} onClick={() => cancel.mutate()}>
        {waiting ? t.run.canceling : label}
      </Button>
      {cancel.error && <span className={css.outcome}><InlineProblem error={cancel.error} /></span>}
    </>
  )
}
