/** What one can do to a job, with every state a person can meet: idle, waiting, done, refused and why. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { CalendarDays, Copy, Download, Pencil, Play, ShieldAlert, Square } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, ApiError } from '../api/client'
import { endpoint } from '../api/http'
import { may } from '../api/permissions'
import { queries, queryClient } from '../api/queries'
import type { JobCard } from '../api/types'
import { Button, Switch } from '../ui/Button'
import { commandLine, httpRequest, runCommand } from '../ui/commands'
import { useCopyAs } from '../ui/CopyAs'
import { Menu } from '../ui/Menu'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import css from './jobs.module.css'
import { StartProblem } from './StartProblem'
import { released } from './quarantine'
import { t } from './words'

const QuarantineDialog = lazy(() => import('./QuarantineDialog').then((module) => ({ default: module.QuarantineDialog })))
const RunDialog = lazy(() => import('./RunDialog').then((module) => ({ default: module.RunDialog })))

export const QUARANTINE = 'quarantine'

/** What the signed-in person may do to jobs. */
export function useJobRights(id: string): { run: boolean; edit: boolean } {
  const { data: me } = useQuery(queries.me())
  return { run: may(me, `job:${id}`), edit: may(me, 'settings:jobs') }
}

/** Starts the job at once, or opens the dialog when it has something to choose; Shift opens it in every case. */
export function RunButton({ job, primary = false }: { job: JobCard; primary?: boolean }) {
  const [dialog, setDialog] = useState(false)
  const start = useMutation({
    mutationFn: () => api.runJob(job.id, {}),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['jobs'] }),
  })
  const busy = job.active_run_id !== null
  const hint = !job.valid ? t.invalidHint : busy ? t.busyHint : undefined
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
        disabled={!job.valid}
        blocked={busy}
        title={hint}
        aria-label={busy ? t.busyOf(job.id) : t.runOf(job.id)}
        data-act="run"
        onClick={press}
      >
        {start.isPending ? t.starting : busy ? t.busy : t.run}
      </Button>
      {start.isSuccess && start.data.run_id !== job.active_run_id && job.last_run?.id !== start.data.run_id && (
        <span className={css.outcome} role="status">
          {t.queued}: <Link to="/runs/$id" params={{ id: start.data.run_id }}>{t.openRun}</Link>
        </span>
      )}
      <span className={css.outcome}><StartProblem error={start.error} /></span>
      {dialog && <Suspense><RunDialog jobId={job.id} close={() => setDialog(false)} /></Suspense>}
    </>
  )
}

/** Asks for the end of a run, unless somebody has. The state changes only when the runner says so. */
export function CancelButton({ runId, jobId, label = t.cancel }: { runId: string; jobId: string; label?: string }) {
  const { data } = useQuery(queries.run(runId))
  const cancel = useMutation({
    mutationFn: () => api.cancel(runId),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['run', runId] }),
  })
  const waiting = cancel.isPending || cancel.isSuccess || data?.run.cancel_requested_by != null
  return (
    <>
      <Button icon={<Square size={12} aria-hidden />} pending={waiting} aria-label={waiting ? t.cancelingOf(jobId) : label === t.cancel ? t.cancelOf(jobId) : `${label}: ${jobId}`} data-act="cancel" onClick={() => cancel.mutate()}>
        {waiting ? t.canceling : label}
      </Button>
      {cancel.error && <span className={css.outcome}><InlineProblem error={cancel.error} /></span>}
    </>
  )
}

/** Changes a job by the revision it has now, unless somebody else has changed it since it was drawn. */
export async function change(job: JobCard, what: { enabled?: boolean; tags?: string[]; description?: string }): Promise<void> {
  const source = await api.source(job.id)
  const now = await api.job(job.id)
  if (now.enabled !== job.enabled || now.tags.join() !== job.tags.join()) {
    await queryClient.invalidateQueries({ queryKey: ['jobs'] })
    throw new ApiError(409, { title: t.otherwise, detail: t.otherwise }, `PATCH /admin/jobs/${job.id}`)
  }
  await api.patchJob(job.id, what, source.etag)
  // The switch turns when the catalogue says so: the spinner lasts until it was read again.
  await Promise.all([queryClient.invalidateQueries({ queryKey: ['jobs'] }), queryClient.invalidateQueries({ queryKey: ['job', job.id] })])
}

/** Whether the schedule counts. A real save, not a flip in advance. */
export function EnabledSwitch({ job }: { job: JobCard }) {
  const { edit } = useJobRights(job.id)
  const save = useMutation({ mutationFn: (enabled: boolean) => change(job, { enabled }) })
  return (
    <>
      <Switch checked={job.enabled} label={t.enabledOf(job.id)} pending={save.isPending} disabled={!edit || !job.valid} onChange={(enabled) => save.mutate(enabled)} />
      {save.error && <span className={css.outcome}><InlineProblem error={save.error} /></span>}
    </>
  )
}

export function EditLink({ id }: { id: string }) {
  return (
    <Link to="/jobs/$id/edit" params={{ id }} className={ui.button} aria-label={t.editOf(id)} data-act="edit">
      <Pencil size={13} aria-hidden />{t.edit}
    </Link>
  )
}

/** Everything else one can do to a job. */
export function JobMenu({ job }: { job: JobCard }) {
  const rights = useJobRights(job.id)
  const navigate = useNavigate()
  const [dialog, setDialog] = useState(false)
  const isQuarantined = job.tags.includes(QUARANTINE)
  const [asking, setAsking] = useState(false)
  const release = useMutation({ mutationFn: () => change(job, released(job)) })
  const copyAs = useCopyAs(() => runCommand(job.id), () => httpRequest('POST', endpoint(`admin/jobs/${encodeURIComponent(job.id)}/run`), {}))
  const copySwitch = useCopyAs(() => commandLine('job', job.enabled ? 'disable' : 'enable', job.id), () => httpRequest('PATCH', endpoint(`admin/jobs/${encodeURIComponent(job.id)}`), { enabled: !job.enabled }))
  const copyRelease = useCopyAs(() => null, () => httpRequest('PATCH', endpoint(`admin/jobs/${encodeURIComponent(job.id)}`), released(job)))
  return (
    <>
      <Menu
        label={t.moreOf(job.id)}
        items={[
          rights.run && job.valid && { label: t.withParams, icon: <Play size={15} />, ...(job.active_run_id !== null && { disabled: true, hint: t.busyHint }), act: () => setDialog(true) },
          { label: t.scheduleView, icon: <CalendarDays size={15} />, act: () => void navigate({ to: '/schedule', search: { job: job.id } }) },
          rights.edit && { label: t.duplicate, icon: <Copy size={15} />, act: () => void navigate({ to: '/jobs/new', search: { from: job.id } }) },
          { label: t.export, icon: <Download size={15} />, act: () => location.assign(endpoint(`admin/jobs/${encodeURIComponent(job.id)}/export`)) },
          rights.edit && (isQuarantined
            ? { label: t.release, hint: t.releaseHint, icon: <ShieldAlert size={15} />, disabled: release.isPending, act: () => release.mutate() }
            : { label: t.quarantine, hint: t.quarantineHint, icon: <ShieldAlert size={15} />, act: () => setAsking(true) }),
          ...copyAs.items.map((item) => ({ ...item, label: `${item.label}: ${t.run}` })),
          ...(rights.edit ? copySwitch.items.map((item) => ({ ...item, label: `${item.label}: ${job.enabled ? t.disableIt : t.enableIt}` })) : []),
          ...(rights.edit && isQuarantined ? copyRelease.items.map((item) => ({ ...item, label: `${item.label}: ${t.release}` })) : []),
        ]}
      />
      {copyAs.layer}
      {copySwitch.layer}
      {copyRelease.layer}
      {release.error && <span className={css.outcome}><InlineProblem error={release.error} /></span>}
      {asking && <Suspense><QuarantineDialog job={job} close={() => setAsking(false)} /></Suspense>}
      {dialog && <Suspense><RunDialog jobId={job.id} close={() => setDialog(false)} /></Suspense>}
    </>
  )
}
