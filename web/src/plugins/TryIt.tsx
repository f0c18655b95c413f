/** One call of a callable from the page, which changes nothing: a form made of its schema, the result and the log beside it. */
import { useMutation } from '@tanstack/react-query'
import { Play } from 'lucide-react'
import { useState } from 'react'
import { number } from '../i18n'
import { ActionButton } from '../ui/Button'
import { Field } from '../ui/Field'
import { Json } from '../ui/parts'
import ui from '../ui/ui.module.css'
import { fieldsOf, typed, type FormField } from './form'
import { isOpen, type Callable } from './schema'
import css from './versions.module.css'
import { versions, type Trial } from './versions'
import { t } from './words'

const FREE: FormField = { name: t.params, type: 'object', required: false, fallback: '{}', description: '', rules: [], input: 'json', choices: [] }

export function TryIt({ plugin, callable }: { plugin: string; callable: Callable }) {
  const named = fieldsOf(callable.params)
  // What names no parameters and takes any is given them as one document.
  const isFree = named.length === 0 && isOpen(callable.params)
  const fields = isFree ? [FREE] : named
  const [values, setValues] = useState<Record<string, string>>({})
  const [wrong, setWrong] = useState<string[]>([])
  const call = useMutation({ mutationFn: (params: Record<string, unknown>) => versions.tryIt(plugin, callable.callable, params) })
  const submit = () => {
    const read = typed(fields, values)
    setWrong(read.wrong)
    if (read.wrong.length > 0) return
    const whole = read.params[FREE.name]
    if (!isFree) call.mutate(read.params)
    else if (whole === undefined || (whole !== null && typeof whole === 'object' && !Array.isArray(whole))) call.mutate((whole ?? {}) as Record<string, unknown>)
    else setWrong([FREE.name])
  }
  return (
    <details className={css.try} data-try>
      <summary>{t.tryIt}</summary>
      <p className="muted">{t.tryLead}</p>
      <div className={css.trial}>
        <form
          noValidate
          aria-label={t.tryIt}
          onSubmit={(event) => {
            event.preventDefault()
            submit()
          }}
        >
          {fields.map((field) => (
            <Field key={field.name} label={<code>{field.name}{field.required && ' *'}</code>} hint={field.description || undefined} error={wrong.includes(field.name) ? t.wrongValue(field.type || t.any) : undefined}>
              {(tie) => <Input tie={tie} field={field} value={values[field.name] ?? ''} onChange={(value) => setValues((old) => ({ ...old, [field.name]: value }))} />}
            </Field>
          ))}
          <div><ActionButton kind="primary" icon={<Play size={14} aria-hidden />} action={call} waiting={t.trying} onClick={submit}>{t.tryNow}</ActionButton></div>
        </form>
        {call.data && <Result trial={call.data} />}
      </div>
    </details>
  )
}

interface InputProps {
  tie: { id: string; 'aria-invalid': boolean | undefined; 'aria-describedby': string | undefined }
  field: FormField
  value: string
  onChange: (value: string) => void
}

function Input({ tie, field, value, onChange }: InputProps) {
  const otherwise = field.fallback ?? ''
  if (field.choices.length > 0) {
    return (
      <select {...tie} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{otherwise}</option>
        {field.choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
      </select>
    )
  }
  if (field.input === 'json') return <textarea {...tie} rows={2} className="mono" spellCheck={false} placeholder={otherwise || '[] {}'} value={value} onChange={(event) => onChange(event.target.value)} />
  return <input {...tie} type="text" inputMode={field.input === 'number' ? 'decimal' : undefined} spellCheck={false} autoComplete="off" placeholder={otherwise} value={value} onChange={(event) => onChange(event.target.value)} />
}

function Result({ trial }: { trial: Trial }) {
  const peak = trial.usage?.['peak_memory_bytes']
  return (
    <section className={css.result} aria-label={t.result} data-trial={trial.ok ? 'ok' : trial.error?.kind}>
      {trial.error ? <div className={ui.problem} role="alert"><p>{trial.error.message}</p>{trial.error.detail && <pre className={ui.json} tabIndex={0}>{trial.error.detail}</pre>}</div> : <div role="status"><Json value={trial.output} /></div>}
      <p className="muted">{number(trial.ms)} ms{typeof peak === 'number' && <>, {t.peak} {number(Math.round(peak / 1e5) / 10)} MB</>}</p>
      <h4>{t.log}</h4>
      {trial.lines.length === 0 ? <p className="muted">{t.noLines}</p> : <pre className={ui.json} tabIndex={0} data-lines>{trial.lines.map((line) => `${line.level.padEnd(7)} ${line.message}`).join('\n')}</pre>}
      {trial.lines_left_out > 0 && <p className="muted">{t.more(trial.lines_left_out)}</p>}
    </section>
  )
}
