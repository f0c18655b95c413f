/** The head of a run's page: where one is, its state, the runs beside it, and what one can do with it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Bell, BellRing, ChevronLeft, ChevronRight, RotateCcw } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import { queries } from '../api/queries'
import { isFinal, type RunDocument } from '../api/types'
import { useShortcuts } from '../app/shortcuts'
import { placeIn } from '../editor/place'
import { CancelButton } from '../jobs/actions'
import { StartProblem } from '../jobs/StartProblem'
import { Button } from '../ui/Button'
import { commandLine, httpRequest } from '../ui/commands'
import { CopyButton } from '../ui/Copy'
import { useCopyAs } from '../ui/CopyAs'
import { Menu } from '../ui/Menu'
import { Badge } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { useEndMessage } from './favicon'
import { t } from './words'

const RunDialog = lazy(() => import('../jobs/RunDialog').then((module) => ({ default: module.RunDialog })))

export function RunHead({ document, mayRun }: { document: RunDocument; mayRun: boolean }) {
  const { run, steps } = document
  const navigate = useNavigate()
  const final = isFinal(run.status)
  const [again, setAgain] = useState(false)
  const { data: list } = useQuery(queries.runs({ job: run.job_id }))
  // The list knows of runs that came since; the document of those beyond the list.
  const ids = list?.runs.filter((each) => each.status !== 'SKIPPED').map((each) => each.id) ?? []
  const at = ids.indexOf(run.id)
  const previous = (at >= 0 && ids[at + 1]) || document.previous_run_id || undefined
  const next = (at > 0 && ids[at - 1]) || document.next_run_id || undefined
  const failed = run.status === 'FAILED' ? (steps.findLast((step) => step.status === 'FAILED')?.name ?? null) : null
  const go = (id: string | undefined) => id && void navigate({ to: '/runs/$id', params: { id } })
  const body = failed ? { from_step: failed } : {}
  const repeat = useMutation({ mutationFn: () => api.replay(run.id, body), onSuccess: (accepted) => go(accepted.run_id) })
  const message = useEndMessage(run)
  const copyCancel = useCopyAs(() => commandLine('job', 'cancel', run.id), () => httpRequest('POST', endpoint(`admin/jobs/runs/${run.id}/cancel`)))
  const copyReplay = useCopyAs(
    () => commandLine('run', 'replay', run.id, ...(failed ? ['--from', failed] : [])),
    () => httpRequest('POST', endpoint(`admin/jobs/runs/${run.id}/replay`), body),
  )
  // What one would do to the run as it is: stop it, or repeat it.
  const copyAs = final ? copyReplay : copyCancel
  useShortcuts([
    { keys: '[', words: t.keys.previous, act: () => go(previous) },
    { keys: ']', words: t.keys.next, act: () => go(next) },
    { keys: 'r', words: t.keys.replay, act: () => final && mayRun && setAgain(true) },
    { keys: 'x', words: t.keys.cancel, act: () => globalThis.document.querySelector<HTMLElement>('header [data-act="cancel"]')?.click() },
  ])
  return (
    <header className={ui.head}>
      <Link to="/jobs/$id" params={{ id: run.job_id }} className="mono">{run.job_id}</Link>
      <span className="muted" aria-hidden="true">/</span>
      <h1 className="mono">{run.id}</h1>
      <CopyButton small text={run.id} label={t.copyId} />
      <Badge status={run.status} />
      {run.reason && <span className="muted">{run.reason}</span>}
      {placeIn(run.job_id) && <Link to="/jobs/$id/edit" params={{ id: run.job_id }}>{t.toEditor}</Link>}
      <span className="grow" />
      <Button kind="quiet" icon={<ChevronLeft size={15} aria-hidden />} aria-label={t.previous} title={`${t.previous} [`} disabled={!previous} onClick={() => go(previous)} />
      <Button kind="quiet" icon={<ChevronRight size={15} aria-hidden />} aria-label={t.next} title={`${t.next} ]`} disabled={!next} onClick={() => go(next)} />
      {message && <Button kind="quiet" icon={message.isAsked ? <BellRing size={15} aria-hidden /> : <Bell size={15} aria-hidden />} aria-label={t.tellMe} title={t.tellMe} aria-pressed={message.isAsked} onClick={message.ask} />}
      {!final && mayRun && <CancelButton runId={run.id} jobId={run.job_id} label={t.cancelRun} />}
      {final && mayRun && <Button icon={<RotateCcw size={14} aria-hidden />} pending={repeat.isPending} onClick={() => setAgain(true)}>{t.replay}</Button>}
      <StartProblem error={repeat.error} />
      {copyAs.layer}
      <Menu
        label={t.actionsOf(run.id)}
        items={[
          mayRun && { label: t.replayStored(failed), hint: t.replayStoredHint, disabled: !final, act: () => repeat.mutate() },
          mayRun && { label: t.replayCurrent, hint: t.replayCurrentHint, disabled: !final, act: () => setAgain(true) },
          { label: t.compareSuccess, act: () => void navigate({ to: '/runs/$id', params: { id: run.id }, search: { compare: 'success' } }) },
          ...copyAs.items,
        ]}
      />
      {again && <Suspense><RunDialog jobId={run.job_id} from={document} close={() => setAgain(false)} /></Suspense>}
    </header>
  )
}
