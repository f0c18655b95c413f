/**
 * Run with parameters: level, shared parameters, steps on or off and their arguments, for one run only. Opened on a run
 * it begins with that run's values, and with its failed step when it failed.
 */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Play } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import { queries } from '../api/queries'
import type { JobDetail, RunDocument, RunLogLevel } from '../api/types'
import { Button } from '../ui/Button'
import { commandLine, httpRequest, runCommand } from '../ui/commands'
import { useCopyAs } from '../ui/CopyAs'
import { Menu } from '../ui/Menu'
import { Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { editing } from '../editor/requests'
import { destructive, flaggedSteps } from './destructive'
import css from './dialog.module.css'
import { FieldRow } from './FieldRow'
import { DefinitionChoice, type Stored } from './DefinitionChoice'
import { StepRow } from './DialogStep'
import { presetsOf, type Preset } from './named'
import { describe, diff, draftLike, draftOf, givenTo, isValid, onlyFrom, problemsByField, type Draft, type Field, type StepDraft } from './overrides'
import { SavePreset, StartFrom } from './StartFrom'
import { StartProblem } from './StartProblem'
import { t } from './dialogWords'

interface Props {
  jobId: string
  close: () => void
  /** The run to begin from. */
  from?: RunDocument
  /** The preset to begin from. */
  preset?: string
  /** Before the page of the run that was begun is shown. */
  started?: () => void
}

export function RunDialog({ jobId, close, from, preset, started }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { data, error } = useQuery(queries.job(jobId))
  const source = useQuery({ ...queries.source(jobId), enabled: preset !== undefined })
  const chosen = preset === undefined ? undefined : presetsOf(source.data?.job ?? {}).find((each) => each.name === preset)
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  const leave = () => dialog.current?.close()
  return (
    <dialog ref={dialog} className={css.dialog} aria-labelledby="run-dialog-title" onClose={close}>
      {data && (preset === undefined || chosen) ? <RunForm job={data} close={leave} from={from} preset={chosen} started={started} /> : (
        <div className={css.body}>
          <h2 id="run-dialog-title">{t.title(jobId)}</h2>
          {error ? <ProblemPanel error={error} /> : <Skeleton pending rows={2} />}
          <div className={css.buttons}><Button onClick={leave}>{t.close}</Button></div>
        </div>
      )}
    </dialog>
  )
}

function beginning(job: JobDetail, from: RunDocument | undefined, preset: Preset | undefined): Draft {
  if (preset) return draftLike(job, preset.values)
  if (!from) return draftOf(job)
  const draft = draftLike(job, givenTo(from.run))
  const failed = from.run.status === 'FAILED' ? from.steps.findLast((step) => step.status === 'FAILED')?.name : undefined
  return failed && draft.steps.some((step) => step.name === failed) ? onlyFrom(draft, failed) : draft
}

function RunForm({ job, close, from, preset, started }: { job: JobDetail; close: () => void; started: (() => void) | undefined; from: RunDocument | undefined; preset: Preset | undefined }) {
  // The draft is made once: a live update of the job must not touch what is being typed.
  const [draft, setDraft] = useState<Draft>(() => beginning(job, from, preset))
  const [confirmed, setConfirmed] = useState('')
  const [stay, setStay] = useState(false)
  const [filter, setFilter] = useState('')
  const navigate = useNavigate()
  const { data: scheduler } = useQuery(queries.scheduler())
  const request = diff(draft)
  const changes = describe(request, draft, { on: t.on, off: t.skip, logLevel: t.logLevel })
  // Until the schemas are there nobody knows what a changed value does; should they not come, it may be anything.
  const callables = useQuery({ ...editing.callables(), enabled: job.steps.some((step) => step.type === 'python' || step.type === 'wasm') })
  const { byName, bySchema } = destructive(draft, flaggedSteps(job, callables.data?.callables ?? []))
  const isUnknown = (callables.isError || callables.data === null) && (request.params ?? request.op_kwargs) !== undefined
  const danger = byName || bySchema.length > 0 || isUnknown
  const failed = from?.run.status === 'FAILED' ? from.steps.findLast((step) => step.status === 'FAILED')?.name : undefined
  const [stored, setStored] = useState<Stored | null>(null)
  const valid = stored !== null || (isValid(draft) && (changes.length === 0 || !callables.isLoading) && (!danger || confirmed === job.id))
  const start = useMutation({
    mutationFn: () => (stored && from ? api.replay(from.run.id, { ...(stored.step && { from_step: stored.step }), definition: 'stored' }) : api.runJob(job.id, request)),
    onSuccess: (accepted) => {
      if (stay) return
      started?.()
      close()
      void navigate({ to: '/runs/$id', params: { id: accepted.run_id } })
    },
  })
  const wrong = problemsByField(start.error)
  const copyAs = useCopyAs(
    () => (stored && from ? commandLine('run', 'replay', from.run.id, ...(stored.step ? ['--from', stored.step] : [])) : runCommand(job.id, request)),
    () => (stored && from
      ? httpRequest('POST', endpoint(`admin/jobs/runs/${from.run.id}/replay`), { ...(stored.step && { from_step: stored.step }), definition: 'stored' })
      : httpRequest('POST', endpoint(`admin/jobs/${encodeURIComponent(job.id)}/run`), request)),
  )
  const submit = (event: React.FormEvent) => {
    event.preventDefault()
    if (valid && !start.isPending) start.mutate()
  }
  const replaceField = (all: Field[], field: Field) => all.map((each) => (each.key === field.key ? field : each))
  const setParam = (field: Field) => setDraft((old) => ({ ...old, params: replaceField(old.params, field) }))
  const setStep = (step: StepDraft) => setDraft((old) => ({ ...old, steps: old.steps.map((each) => (each.name === step.name ? step : each)) }))
  const setAll = (enabled: (step: StepDraft, i: number) => boolean) => setDraft((old) => ({ ...old, steps: old.steps.map((step, i) => ({ ...step, enabled: enabled(step, i) })) }))
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event)
  }
  const dryRun = draft.params.find((field) => field.key === 'dry_run' && field.kind === 'boolean')
  const params = draft.params.filter((field) => field !== dryRun)
  const steps = draft.steps.filter((step) => step.name.toLowerCase().includes(filter.toLowerCase()))
  // Of several processes, the one that answers runs what is started by hand; unless the job says where it runs.
  const here = scheduler && (scheduler.replicas?.length ?? 1) > 1 && (job.placement ?? 'any') === 'any' ? scheduler.replica.split('/')[0]! : null

  return (
    <form onSubmit={submit} onKeyDown={onKey} noValidate>
      <div className={css.head}>
        <h2 id="run-dialog-title">{from ? t.replayTitle(job.id) : t.title(job.id)}</h2>
        <p className="muted">{t.note}</p>
      </div>
      <div className={css.body}>
        {from && <DefinitionChoice job={job.id} from={from} failed={failed ?? null} stored={stored} onChoose={setStored} />}
        {stored === null && <>
        <div className={css.top}>
          <StartFrom job={job} from={from} preset={preset} onChoose={setDraft} />
          <label className={css.inline}>
            <span>{t.logLevel}</span>
            <select value={draft.logLevel} onChange={(event) => setDraft({ ...draft, logLevel: event.target.value as RunLogLevel })}>
              <option value="INFO">{t.levelInfo}</option>
              <option value="DEBUG">{t.levelDebug}</option>
            </select>
          </label>
        </div>
        {dryRun && (
          <label className={css.dryRun}>
            <input type="checkbox" role="switch" aria-label={t.dryRun} checked={dryRun.text === 'true'} onChange={(event) => setParam({ ...dryRun, text: String(event.target.checked) })} />
            <strong className="mono">dry_run</strong> <span className="muted">{t.dryRunHint}</span>
          </label>
        )}
        {params.length > 0 && (
          <fieldset className={css.group}>
            <legend>{t.params}</legend>
            {params.map((field) => <FieldRow key={field.key} field={field} label={field.key} problem={wrong.get(`/params/${field.key}`)} onChange={setParam} />)}
          </fieldset>
        )}
        <fieldset className={css.group}>
          <legend>
            <span className={css.quick}>
              {t.steps} <span className="muted">{draft.steps.length}</span>
              <button type="button" className={ui.linkButton} onClick={() => setAll(() => true)}>{t.all}</button>
              <button type="button" className={ui.linkButton} onClick={() => setAll(() => false)}>{t.none}</button>
              {failed && draft.steps.some((step) => step.name === failed) && <button type="button" className={ui.linkButton} onClick={() => setDraft((old) => onlyFrom(old, failed))}>{t.failedAndAfter}</button>}
              {draft.steps.length > 8 && <input type="search" aria-label={t.filterSteps} placeholder={t.filterSteps} value={filter} onChange={(event) => setFilter(event.target.value)} />}
            </span>
          </legend>
          <div className={css.steps}>
            {steps.map((step) => (
              <StepRow key={step.name} step={step} wrong={wrong} number={draft.steps.indexOf(step) + 1} onChange={setStep} onFrom={() => setAll((_, i) => i >= draft.steps.indexOf(step))} onOnly={() => setAll((each) => each.name === step.name)} />
            ))}
          </div>
        </fieldset>
        {danger && (
          <label className={css.confirm}>
            <span>{bySchema.length > 0 ? t.destructiveOf(bySchema.join(', '), job.id) : byName ? t.destructiveAsk(job.id) : t.destructiveUnknown(job.id)}</span>
            <input type="text" autoComplete="off" spellCheck={false} value={confirmed} onChange={(event) => setConfirmed(event.target.value)} />
          </label>
        )}
        </>}
      </div>
      <div className={css.foot}>
        {stored === null && <div className={css.changes} aria-live="polite" data-changes>
          <strong>{t.changes}</strong>
          {changes.length === 0 ? <p className="muted">{t.noChanges}</p> : <ul>{changes.map((line) => <li key={line} className="mono">{line}</li>)}</ul>}
        </div>}
        {start.error !== null && <p className={css.problem}><StartProblem error={start.error} /></p>}
        <div className={css.buttons}>
          <label className={css.stay}><input type="checkbox" checked={stay} onChange={(event) => setStay(event.target.checked)} /> {t.stay}</label>
          {copyAs.layer}
          <Menu label={t.copy} items={copyAs.items} />
          {stored === null && <SavePreset job={job} values={request} disabled={!isValid(draft) || changes.length === 0} />}
          <span className="grow" />
          {stored === null && !valid && <span className="muted">{t.fix}</span>}
          {start.isSuccess && stay && <span role="status">{t.started}: <Link to="/runs/$id" params={{ id: start.data.run_id }}>{t.openIt}</Link></span>}
          {stored === null && <Button onClick={() => setDraft(draftOf(job))} disabled={changes.length === 0 && isValid(draft)}>{t.reset}</Button>}
          <Button onClick={close}>{t.close}</Button>
          <Button type="submit" kind={danger ? 'danger' : 'primary'} icon={<Play size={13} aria-hidden />} pending={start.isPending} disabled={!valid}>
            {start.isPending ? t.starting : here ? t.on_(here) : t.submit}
          </Button>
        </div>
      </div>
    </form>
  )
}
