/** One transport as a form. Its secrets go one way only: they can be kept, replaced or deleted, never seen. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiError } from '../api/http'
import { Button, Switch } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { Ago } from '../ui/Times'
import { t as shared } from '../ui/words'
import ui from '../ui/ui.module.css'
import { alerts, type SecretState, type Transport, type TransportKind } from './api'
import form from '../ui/form.module.css'
import { PreviewDialog } from './Preview'
import { TestResult } from './TestResult'
import { bodyOf, draftOf, emptyDraft, errorsByField, fieldsOf, isName, KINDS, type FormField, type SecretDraft } from './transport'
import { refreshAlerts } from './Transports'
import { t } from './words'

type Found = { pointer?: string; message: string }[]

/** What the server found, or nothing; a failure of another kind is shown as it is. */
function findings(error: unknown): ReturnType<typeof errorsByField> | null {
  if (!(error instanceof ApiError) || !error.problem.problems) return null
  return errorsByField(error.problem.problems as unknown as Found)
}

export function TransportDialog({ transport, taken, close }: { transport: Transport | null; taken: string[]; close: () => void }) {
  const [draft, setDraft] = useState(() => (transport ? draftOf(transport) : emptyDraft('slack')))
  const states = transport?.secrets ?? {}
  const body = () => bodyOf(draft, states)
  const save = useMutation({
    mutationFn: () => alerts.putTransport(draft.name, body()),
    onSuccess: async () => {
      await refreshAlerts()
      close()
    },
  })
  const unsaved = () => {
    const { enabled: _, ...values } = body()
    return transport ? { ...values, name: transport.name } : values
  }
  const test = useMutation({ mutationFn: () => alerts.testUnsaved(unsaved()) })
  const [drawing, setDrawing] = useState(false)
  const failed = save.error ?? test.error
  const found = findings(failed)
  const fields = fieldsOf(draft.kind)
  const nameError = draft.name !== '' && !isName(draft.name) ? t.nameBad : !transport && taken.includes(draft.name) ? t.nameTaken : undefined
  const ready = isName(draft.name) && !nameError
  const set = (key: string, text: string) => setDraft((old) => ({ ...old, values: { ...old.values, [key]: text } }))
  const setSecret = (key: string, secret: SecretDraft) => setDraft((old) => ({ ...old, secrets: { ...old.secrets, [key]: secret } }))
  const input = (field: FormField) => (
    <Field key={field.key} label={t.fields[field.key] ?? field.key} hint={t.hints[field.key]} error={found?.fields[field.key]}>
      {(tie) => <Input field={field} tie={tie} value={draft.values[field.key] ?? ''} onChange={(text) => set(field.key, text)} />}
    </Field>
  )
  return (
    <>
      <Dialog
        title={transport ? t.editTransport(transport.name) : t.newTransport}
        close={close}
        foot={
          <>
            {found ? found.rest.map((message) => <span key={message} className={ui.fieldError} role="alert">{message}</span>) : <InlineProblem error={failed} />}
            <Button pending={test.isPending} disabled={save.isPending} onClick={() => { save.reset(); test.mutate() }}>{test.isPending ? t.testing : t.testNow}</Button>
            <Button disabled={save.isPending || test.isPending} onClick={() => setDrawing(true)}>{t.previewNow}</Button>
            <span className="grow" />
            <Button onClick={close}>{shared.cancel}</Button>
            <Button kind="primary" pending={save.isPending} disabled={!ready || test.isPending} onClick={() => { test.reset(); save.mutate() }}>{save.isPending ? t.saving : t.save}</Button>
        </>
      }
    >
      <Field label={t.name} hint={transport ? undefined : t.nameHint} error={nameError}>
        {(tie) => <input {...tie} type="text" spellCheck={false} autoComplete="off" readOnly={transport !== null} value={draft.name} onChange={(event) => setDraft({ ...draft, name: event.target.value })} />}
      </Field>
      <Field label={t.kind}>
        {(tie) => (
          <select {...tie} disabled={transport !== null} value={draft.kind} onChange={(event) => setDraft({ ...draft, kind: event.target.value as TransportKind })}>
            {KINDS.map((kind) => <option key={kind} value={kind}>{t.kinds[kind]}</option>)}
          </select>
        )}
      </Field>
      <Field label={t.enabled}>{(tie) => <span id={tie.id}><Switch checked={draft.enabled} label={t.enabled} onChange={(enabled) => setDraft({ ...draft, enabled })} /></span>}</Field>
      {fields.settings.map(input)}
      {fields.secrets.map((key) => (
        <SecretField key={key} name={key} state={states[key]} draft={draft.secrets[key]} error={found?.fields[key]} onChange={(secret) => setSecret(key, secret)} />
      ))}
      <details className={form.more} open={fields.more.some((field) => draft.values[field.key] || found?.fields[field.key])}>
        <summary>{t.more}</summary>
        <div className={form.moreFields}>{fields.more.map(input)}</div>
      </details>
      {test.data && !test.isPending && <TestResult result={test.data} />}
    </Dialog>
    {drawing && <PreviewDialog title={t.previewNow} of={unsaved} close={() => setDrawing(false)} />}
    </>
  )
}

type Tie = { id: string; 'aria-invalid': boolean | undefined; 'aria-describedby': string | undefined }

function Input({ field, tie, value, onChange }: { field: FormField; tie: Tie; value: string; onChange: (text: string) => void }) {
  if (field.as === 'choice') {
    return (
      <select {...tie} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{t.byDefault}</option>
        {field.choices!.map((each) => <option key={each} value={each}>{each}</option>)}
      </select>
    )
  }
  if (field.as === 'json') return <textarea {...tie} className={form.code} rows={3} spellCheck={false} value={value} onChange={(event) => onChange(event.target.value)} />
  return <input {...tie} type="text" inputMode={field.as === 'number' ? 'numeric' : undefined} spellCheck={false} autoComplete="off" required={field.required} value={value} onChange={(event) => onChange(event.target.value)} />
}

interface SecretProps {
  name: string
  state: SecretState | undefined
  draft: SecretDraft | undefined
  error: string | undefined
  onChange: (draft: SecretDraft) => void
}

/** A secret that is set shows that, and since when; a new value is asked for only on demand. */
function SecretField({ name, state, draft, error, onChange }: SecretProps) {
  const label = t.fields[name] ?? name
  const isSet = state?.state === 'set'
  const mode = draft?.mode ?? (isSet ? 'keep' : 'set')
  if (mode === 'set') {
    return (
      <Field label={label} hint={t.hints[name]} error={error}>
        {(tie) => (
          <span className={form.secret}>
            <input {...tie} type="password" autoComplete="new-password" spellCheck={false} aria-label={isSet ? t.newValue(label) : undefined} value={draft?.text ?? ''} onChange={(event) => onChange({ mode: 'set', text: event.target.value })} />
            {isSet && <Button onClick={() => onChange({ mode: 'keep', text: '' })}>{t.keep}</Button>}
          </span>
        )}
      </Field>
    )
  }
  return (
    <Field label={label} error={error}>
      {(tie) => (
        <span className={form.secret} id={tie.id}>
          <span>{mode === 'clear' ? t.willClear : <>{t.secretSet}{state?.changed_at && <span className="muted"> · {t.secretSince} <Ago at={state.changed_at} /> {state.by && t.secretBy(state.by)}</span>}</>}</span>
          {mode === 'clear' ? <Button onClick={() => onChange({ mode: 'keep', text: '' })}>{t.keep}</Button> : (
            <>
              <Button aria-label={`${t.replace}: ${label}`} onClick={() => onChange({ mode: 'set', text: '' })}>{t.replace}</Button>
              <Button kind="quiet" aria-label={`${t.clear}: ${label}`} onClick={() => onChange({ mode: 'clear', text: '' })}>{t.clear}</Button>
            </>
          )}
        </span>
      )}
    </Field>
  )
}
