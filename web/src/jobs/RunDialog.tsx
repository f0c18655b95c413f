/** Run with parameters: level, shared parameters, steps on or off and their arguments, for one run only. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Play, Undo2 } from 'lucide-react'
import { useEffect, useId, useRef, useState } from 'react'
import { api } from '../api/client'
import { queries } from '../api/queries'
import type { JobDetail, RunLogLevel } from '../api/types'
import { t } from '../i18n/legacy'
import { Button } from '../ui/Button'
import { ProblemPanel } from '../ui/Problem'
import { Skeleton } from '../ui/parts'
import ui from '../ui/ui.module.css'
import { StartProblem } from './actions'
import { describe, diff, draftOf, isChanged, isValid, parse, textOf, type Draft, type Field, type StepDraft } from './overrides'
import css from './jobs.module.css'

export function RunDialog({ jobId, close }: { jobId: string; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { data, error } = useQuery(queries.job(jobId))
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog ref={dialog} className={css.dialog} aria-labelledby="run-dialog-title" onClose={close}>
      {data ? <RunForm job={data} close={() => dialog.current?.close()} /> : (
        <div className={css.dialogBody}>
          <h2 id="run-dialog-title">{t.dialog.title(jobId)}</h2>
          {error ? <ProblemPanel error={error} /> : <Skeleton pending rows={2} />}
          <div className={css.buttons}><Button onClick={() => dialog.current?.close()}>{t.dialog.close}</Button></div>
        </div>
      )}
    </dialog>
  )
}

function RunForm({ job, close }: { job: JobDetail; close: () => void }) {
  // The draft is made once: a live update of the job must not touch what is being typed.
  const [draft, setDraft] = useState<Draft>(() => draftOf(job))
  const navigate = useNavigate()
  const request = diff(draft)
  const changes = describe(request, draft, { on: t.dialog.on, off: t.dialog.off, logLevel: t.dialog.logLevel })
  const valid = isValid(draft)
  const start = useMutation({
    mutationFn: () => api.runJob(job.id, request),
    onSuccess: (accepted) => {
      close()
      void navigate({ to: '/runs/$id', params: { id: accepted.run_id } })
    },
  })
  const submit = (event: React.FormEvent) => {
    event.preventDefault()
    if (valid && !start.isPending) start.mutate()
  }
  const setParam = (field: Field) => setDraft((old) => ({ ...old, params: replace(old.params, field) }))
  const setStep = (step: StepDraft) => setDraft((old) => ({ ...old, steps: old.steps.map((each) => (each.name === step.name ? step : each)) }))
  const setAll = (enabled: boolean) => setDraft((old) => ({ ...old, steps: old.steps.map((step) => ({ ...step, enabled })) }))
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event)
  }

  return (
    <form onSubmit={submit} onKeyDown={onKey} noValidate>
      <div className={css.dialogHead}>
        <h2 id="run-dialog-title">{t.dialog.title(job.id)}</h2>
        <p className="muted">{t.dialog.note}</p>
      </div>
      <div className={css.dialogBody}>
        <label className={css.field}>
          {t.dialog.logLevel}
          <select value={draft.logLevel} onChange={(event) => setDraft({ ...draft, logLevel: event.target.value as RunLogLevel })}>
            <option value="INFO">{t.dialog.levelInfo}</option>
            <option value="DEBUG">{t.dialog.levelDebug}</option>
          </select>
        </label>
        {draft.params.length > 0 && (
          <fieldset className={css.group}>
            <legend>{t.dialog.params}</legend>
            {draft.params.map((field) => <FieldRow key={field.key} field={field} label={field.key} onChange={setParam} />)}
          </fieldset>
        )}
        <fieldset className={css.group}>
          <legend>
            <span className={css.quick}>
              {t.dialog.steps}
              <button type="button" className={ui.linkButton} onClick={() => setAll(true)}>{t.dialog.all}</button>
              <button type="button" className={ui.linkButton} onClick={() => setAll(false)}>{t.dialog.noneOf}</button>
            </span>
          </legend>
          <div className={css.steps}>
            {draft.steps.map((step, i) => <StepRow key={step.name} step={step} number={i + 1} onChange={setStep} />)}
          </div>
        </fieldset>
      </div>
      <div className={css.dialogFoot}>
        <div className={css.changes} aria-live="polite">
          <strong>{t.dialog.changes}</strong>
          {changes.length === 0 ? <p className="muted">{t.dialog.noChanges}</p> : <ul>{changes.map((line) => <li key={line}>{line}</li>)}</ul>}
        </div>
        <div className={css.buttons}>
          {!valid && <span className="muted">{t.dialog.fix}</span>}
          <StartProblem error={start.error} />
          <Button onClick={() => setDraft(draftOf(job))} disabled={changes.length === 0 && valid}>{t.dialog.reset}</Button>
          <Button onClick={close}>{t.dialog.close}</Button>
          <Button type="submit" kind="primary" icon={<Play size={13} aria-hidden />} pending={start.isPending} disabled={!valid}>
            {start.isPending ? t.run.starting : t.dialog.submit}
          </Button>
        </div>
      </div>
    </form>
  )
}

function replace(all: Field[], field: Field): Field[] {
  return all.map((each) => (each.key === field.key ? field : each))
}

function StepRow({ step, number, onChange }: { step: StepDraft; number: number; onChange: (step: StepDraft) => void }) {
  return (
    <div className={css.step}>
      <label className={css.stepHead}>
        <input type="checkbox" aria-label={t.dialog.runStep(step.name)} checked={step.enabled} onChange={(event) => onChange({ ...step, enabled: event.target.checked })} />
        <span className="muted">{number}</span>
        <span className={step.enabled ? 'mono' : `mono ${css.off}`}>{step.name}</span>
        {!step.enabled && <span className={ui.tag}>{t.dialog.skip}</span>}
      </label>
      {step.enabled && step.fields.map((field) => (
        <FieldRow key={field.key} field={field} label={field.key} name={t.dialog.argument(step.name, field.key)} onChange={(next) => onChange({ ...step, fields: replace(step.fields, next) })} />
      ))}
    </div>
  )
}

function FieldRow({ field, label, name, onChange }: { field: Field; label: string; name?: string; onChange: (field: Field) => void }) {
  const id = useId()
  const parsed = parse(field)
  const set = (text: string) => onChange({ ...field, text })
  const common = { id, 'aria-label': name, 'aria-invalid': !parsed.ok || undefined, 'aria-describedby': parsed.ok ? undefined : `${id}-why` }
  return (
    <div className={css.field}>
      <label htmlFor={id} className="mono">{label}</label>
      {field.kind === 'boolean' ? <input type="checkbox" {...common} checked={field.text === 'true'} onChange={(event) => set(String(event.target.checked))} />
        : field.kind === 'json' ? <textarea rows={2} spellCheck={false} {...common} value={field.text} onChange={(event) => set(event.target.value)} />
        : <input type="text" spellCheck={false} autoComplete="off" inputMode={field.kind === 'number' ? 'decimal' : undefined} {...common} value={field.text} onChange={(event) => set(event.target.value)} />}
      {isChanged(field) && <Button icon={<Undo2 size={14} aria-hidden />} aria-label={t.dialog.resetField(label)} title={t.dialog.resetField(label)} onClick={() => set(textOf(field.saved))} />}
      {!parsed.ok && <small id={`${id}-why`}>{parsed.why === 'number' ? t.dialog.notNumber : t.dialog.notJson}</small>}
    </div>
  )
}
