/** The password of a connector: set, by whom and when; or not set; or a new one. Its mask is never a value. */
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'
import { Ago } from '../ui/Times'
import type { SecretState } from './connectors'
import form from '../ui/form.module.css'
import css from './connectors.module.css'
import type { SecretDraft } from './draft'
import { e } from './editWords'

export function SecretText({ state }: { state: SecretState | undefined }) {
  if (state?.state !== 'set') return <span className="muted">{e.unset}</span>
  return (
    <span>
      {state.reference ? e.secretNames(state.reference) : e.secretSet}
      <span className="muted"> ({state.changed_at ? <>{e.changed} <Ago at={state.changed_at} /> {state.by && e.by(state.by)}</> : e.byHand})</span>
      {state.in_clear && <span className={css.bad}> {e.secretClear}</span>}
    </span>
  )
}

export function Password({ state, draft, error, onChange }: { state: SecretState | undefined; draft: SecretDraft | null; error: string | undefined; onChange: (draft: SecretDraft | null) => void }) {
  const isSet = state?.state === 'set'
  const mode = draft?.mode ?? (isSet ? 'keep' : 'set')
  return (
    <Field label={e.fields.password} hint={mode === 'set' ? e.hints.password : undefined} error={error}>
      {(tie) => mode === 'set' ? (
        <span className={form.secret}>
          <input {...tie} type="password" autoComplete="new-password" spellCheck={false} aria-label={isSet ? e.newValue : undefined} placeholder={isSet ? undefined : e.unset} value={draft?.text ?? ''} onChange={(event) => onChange({ mode: 'set', text: event.target.value })} />
          {isSet && <Button onClick={() => onChange(null)}>{e.keep}</Button>}
        </span>
      ) : (
        <span className={form.secret} id={tie.id} data-secret={mode}>
          {mode === 'clear' ? <span>{e.willClear}</span> : <SecretText state={state} />}
          {mode === 'clear' ? <Button onClick={() => onChange(null)}>{e.keep}</Button> : (
            <>
              <Button onClick={() => onChange({ mode: 'set', text: '' })}>{e.replace}</Button>
              <Button kind="quiet" onClick={() => onChange({ mode: 'clear', text: '' })}>{e.clear}</Button>
            </>
          )}
        </span>
      )}
    </Field>
  )
}
