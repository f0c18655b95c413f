/**
 * Run with parameters: level, shared parameters, steps on or off and their arguments, for one run only. Opened on a run
 * it begins with that run's values, and with its failed step when it failed.
 */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Play } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import { queries } from '../api/queries'
import type { JobDetail, Run, RunDocument, RunLogLevel } from '../api/types'
import { Button } from '../ui/Button'
import { httpRequest, runCommand } from '../ui/commands'
import { useCopyAs } from '../ui/CopyAs'
import { Menu } from '../ui/Menu'
import { Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { shortInstant, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import css from './dialog.module.css'
import { FieldRow } from './FieldRow'
import { describe, diff, draftLike, draftOf, isDestructive, isValid, onlyFrom, type Draft, type Field, type Given, type StepDraft } from './overrides'
import { StartProblem } from './StartProblem'
import { t } from './dialogWords'

interface Props {
  jobId: string
  close: () => void
  /** The run to begin from. */
  from?: RunDocument
}

/** What a run was given, in the shape of a request. */
export function givenTo(run: Run): Given {
  const { params, op_kwargs } = run.params as { params?: Record<string, unknown>; op_kwargs?: Record<string, Record<string, unknown>> }
  const step_enabled = (run.overrides.step_enabled ?? {}) as Record<string, boolean>
  return { ...(params && { params }), ...(op_kwargs && { op_kwargs }), step_enabled, log_level: run.log_level }
}

export function RunDialog({ jobId, close, from }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { data, error } = useQuery(queries.job(jobId))
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
      {data ? <RunForm job={data} close={leave} from={from} /> : (
        <div className={css.body}>
          <h2 id="run-dialog-title">{t.title(jobId)}</h2>
          {error ? <ProblemPanel error={error} /> : <Skeleton pending rows={2} />}
          <div className={css.buttons}><Button onClick={leave}>{t.close}</Button></div>
        </div>
      )}
    </dialog>
  )
}

function beginning(job: JobDetail, from: RunDocument | undefined): Draft {
  if (!from) return draftOf(job)
  const draft = draftLike(job, givenTo(from.run))
  const failed = from.run.status === 'FAILED' ? from.steps.findLast((step) => step.status === 'FAILED')?.name : undefined
  return failed && draft.steps.some((step) => step.name === failed) ? onlyFrom(draft, failed) : draft
}

function RunForm({ job, close, from }: { job: JobDetail; close: () => void; from: RunDocument | undefined }) {
  // The draft is made once: a live update of the job must not touch what is being typed.
  const [draft, setDraft] = useState<Draft>(() => beginning(job, from))
  const [confirmed, setConfirmed] = useState('')
  const [stay, setStay] = useState(false)
  const [filter, setFilter] = useState('')
  const navigate = useNavigate()
  const { data: scheduler } = useQuery(queries.scheduler())
  const request = diff(draft)
  const changes = describe(request, draft, { on: t.on, off: t.skip, logLevel: t.logLevel })
  const danger = isDestructive(draft)
  const valid = isValid(draft) && (!danger || confirmed === job.id)
  const start = useMutation({
    mutationFn: () => api.runJob(job.id, request),
    onSuccess: (accepted) => {
      if (stay) return
      close()
      void navigate({ to: '/runs/$id', params: { id: accepted.run_id } })
    },
  })
  const copyAs = useCopyAs(() => runCommand(job.id, request), () => httpRequest('POST', endpoint(`admin/jobs/${encodeURIComponent(job.id)}/run`), request))
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
  const failed = from?.run.status === 'FAILED' ? from.steps.findLast((step) => step.status === 'FAILED')?.name : undefined
  const dryRun = draft.params.find((field) => field.key === 'dry_run' && field.kind === 'boolean')
  const params = draft.params.filter((field) => field !== dryRun)
  const steps = draft.steps.filter((step) => step.name.toLowerCase().includes(filter.toLowerCase()))
  const replicas = (scheduler as { replicas?: unknown[] } | null | undefined)?.replicas?.length ?? 1

  return (
    <form onSubmit={submit} onKeyDown={onKey} noValidate>
      <div className={css.head}>
        <h2 id="run-dialog-title">{from ? t.replayTitle(job.id) : t.title(job.id)}</h2>
        <p className="muted">{t.note}</p>
      </div>
      <div className={css.body}>
        <div className={css.top}>
          <StartFrom job={job} from={from} onChoose={setDraft} />
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
            {params.map((field) => <FieldRow key={field.key} field={field} label={field.key} onChange={setParam} />)}
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
              <StepRow key={step.name} step={step} number={draft.steps.indexOf(step) + 1} onChange={setStep} onFrom={() => setAll((_, i) => i >= draft.steps.indexOf(step))} onOnly={() => setAll((each) => each.name === step.name)} />
            ))}
          </div>
        </fieldset>
        {danger && (
          <label className={css.confirm}>
            <span>{t.destructiveAsk(job.id)}</span>
            <input type="text" autoComplete="off" spellCheck={false} value={confirmed} onChange={(event) => setConfirmed(event.target.value)} />
          </label>
        )}
      </div>
      <div className={css.foot}>
        <div className={css.changes} aria-live="polite" data-changes>
          <strong>{t.changes}</strong>
          {changes.length === 0 ? <p className="muted">{t.noChanges}</p> : <ul>{changes.map((line) => <li key={line} className="mono">{line}</li>)}</ul>}
        </div>
        <div className={css.buttons}>
          <label className={css.stay}><input type="checkbox" checked={stay} onChange={(event) => setStay(event.target.checked)} /> {t.stay}</label>
          {copyAs.layer}
          <Menu label={t.copy} items={copyAs.items} />
          <span className="grow" />
          {!valid && <span className="muted">{t.fix}</span>}
          {start.isSuccess && stay && <span role="status">{t.started}: <Link to="/runs/$id" params={{ id: start.data.run_id }}>{t.openIt}</Link></span>}
          <StartProblem error={start.error} />
          <Button onClick={() => setDraft(draftOf(job))} disabled={changes.length === 0 && isValid(draft)}>{t.reset}</Button>
          <Button onClick={close}>{t.close}</Button>
          <Button type="submit" kind={danger ? 'danger' : 'primary'} icon={<Play size={13} aria-hidden />} pending={start.isPending} disabled={!valid} title={replicas > 1 && scheduler ? t.on_(scheduler.replica) : undefined}>
            {start.isPending ? t.starting : t.submit}
          </Button>
        </div>
      </div>
    </form>
  )
}

/** The saved values, or those of one of the last runs that were given others. */
function StartFrom({ job, from, onChoose }: { job: JobDetail; from: RunDocument | undefined; onChoose: (draft: Draft) => void }) {
  const [chosen, setChosen] = useState(from?.run.id ?? '')
  const pick = useMutation({ mutationFn: (id: string) => api.run(id), onSuccess: (document) => onChoose(draftLike(job, givenTo(document.run))) })
  const runs = useMemo(() => {
    const list = job.runs.filter((run) => run.status !== 'SKIPPED').slice(0, 10)
    return from && !list.some((run) => run.id === from.run.id) ? [from.run, ...list] : list
  }, [job, from])
  if (runs.length === 0) return null
  return (
    <label className={css.inline}>
      <span>{t.startFrom}</span>
      <select
        value={chosen}
        onChange={(event) => {
          setChosen(event.target.value)
          if (event.target.value === '') onChoose(draftOf(job))
          else pick.mutate(event.target.value)
        }}
      >
        <option value="">{t.saved}</option>
        {runs.map((run) => <option key={run.id} value={run.id}>{t.runOf(shortInstant(toMillis(run.queued_at) ?? 0), run.triggered_by, run.status)}</option>)}
      </select>
    </label>
  )
}

function StepRow({ step, number, onChange, onFrom, onOnly }: { step: StepDraft; number: number; onChange: (step: StepDraft) => void; onFrom: () => void; onOnly: () => void }) {
  const replaceField = (field: Field) => step.fields.map((each) => (each.key === field.key ? field : each))
  return (
    <div className={css.step}>
      <div className={css.stepHead}>
        <label>
          <input type="checkbox" aria-label={t.runStep(step.name)} checked={step.enabled} onChange={(event) => onChange({ ...step, enabled: event.target.checked })} />
          <span className="muted">{number}</span>
          <span className={step.enabled ? 'mono' : `mono ${css.off}`}>{step.name}</span>
          {!step.enabled && <span className={ui.tag}>{t.skip}</span>}
        </label>
        <Menu
          label={`${t.steps}: ${step.name}`}
          className={`${ui.button} ${ui.quiet} ${ui.icon} ${css.stepMenu}`}
          items={[{ label: t.fromHere(step.name), act: onFrom }, { label: t.onlyThis(step.name), act: onOnly }]}
        />
      </div>
      {step.enabled && step.fields.length > 0 && (
        <details className={css.fields} open={step.fields.length <= 4}>
          <summary className="muted">{step.fields.map((field) => field.key).join(', ')}</summary>
          {step.fields.map((field) => (
            <FieldRow key={field.key} field={field} label={field.key} name={t.argument(step.name, field.key)} onChange={(next) => onChange({ ...step, fields: replaceField(next) })} />
          ))}
        </details>
      )}
    </div>
  )
}
