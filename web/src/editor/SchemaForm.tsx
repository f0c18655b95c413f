/** The arguments of a step, as the schema of its callable describes them; what the schema does not know is kept as extra. */
import { useQuery } from '@tanstack/react-query'
import { Field } from '../ui/Field'
import { useEditing } from './context'
import css from './editor.module.css'
import { isTable } from './exact'
import { Found } from './Fields'
import { JsonInput, NumberInput, TextInput, type Tie } from './inputs'
import { ConnectorPicker } from './pickers'
import { join, read, spelled, type Table } from './pointer'
import { at } from './problems'
import { editing } from './requests'
import { isConnectorKey, ValueTable } from './ValueTable'
import { t } from './words'

export interface Property {
  name: string
  required: boolean
  type: 'text' | 'number' | 'flag' | 'json'
  choices: unknown[] | null
  standard: unknown
  doc: string
}

/** The properties of a JSON Schema, as far as a form can show them. A type it does not know is edited as JSON. */
export function propertiesOf(schema: unknown): Property[] {
  if (!isTable(schema) || !isTable(schema.properties)) return []
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(schema.properties).map(([name, of]) => {
    const property = isTable(of) ? of : {}
    const types = (Array.isArray(property.type) ? property.type : [property.type]).filter((type) => type !== 'null')
    const type = types.length !== 1 ? 'json' : types[0] === 'string' ? 'text' : types[0] === 'integer' || types[0] === 'number' ? 'number' : types[0] === 'boolean' ? 'flag' : 'json'
    const doc = [property.title, property.description].filter((text): text is string => typeof text === 'string').join('. ')
    return { name, required: required.includes(name), type, choices: Array.isArray(property.enum) ? property.enum : null, standard: property.default, doc }
  })
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

export function Arguments({ base }: { base: string }) {
  const { job, findings, set } = useEditing()
  const { data } = useQuery(editing.callables())
  const step = read(job, base)
  const named = isTable(step) ? (step.callable ?? read(job, '/step_defaults/callable')) : undefined
  const callable = data?.callables.find((each) => each.callable === named)
  const properties = propertiesOf(callable?.params)
  const pointer = spelled(job, base, 'op_kwargs', 'kwargs')
  const given = read(job, pointer)
  const rest = Object.keys(isTable(given) ? given : {}).filter((key) => !properties.some((property) => property.name === key))
  const isOpen = !callable || (callable.params.additionalProperties ?? true) !== false
  return (
    <fieldset className={css.group} data-pointer={pointer}>
      <legend>{t.arguments}</legend>
      {callable?.doc && <p className={css.doc}>{callable.doc}</p>}
      {named !== undefined && data && !callable && <p className="muted">{t.noSchema}</p>}
      {callable && properties.length > 0 && <p className="muted">{t.schemaHint}</p>}
      <Found found={at(findings, pointer, false)} />
      {properties.map((property) => <Argument key={property.name} property={property} pointer={join(pointer, property.name)} />)}
      {(rest.length > 0 || isOpen) && (
        <>
          {callable && rest.length > 0 && <p className="muted">{t.extra}</p>}
          <ValueTable pointer={pointer} value={given} findings={findings} onChange={(next) => set(pointer, next)} name={t.arguments} hidden={properties.map((property) => property.name)} />
        </>
      )}
    </fieldset>
  )
}

function Argument({ property, pointer }: { property: Property; pointer: string }) {
  const { job, findings, set } = useEditing()
  const value = read(job, pointer)
  const shared = (isTable(job.params) ? (job.params as Table) : {})[property.name]
  const inherited = read(job, join('/step_defaults/op_kwargs', property.name))
  const otherwise = inherited !== undefined ? t.inherited(shown(inherited)) : shared !== undefined ? t.shared(shown(shared)) : property.standard !== undefined ? t.standard(shown(property.standard)) : property.required ? t.required : t.unset
  const onChange = (next: unknown) => set(pointer, next)
  const found = at(findings, pointer, true)
  const input = (tie: Tie) => {
    const props = { tie: { ...tie, placeholder: otherwise }, value, onChange }
    const choices = property.choices ?? (property.type === 'flag' ? [true, false] : null)
    if (choices) {
      const words = choices.map((choice) => (typeof choice === 'boolean' ? (choice ? t.yes : t.no) : shown(choice)))
      const chosen = choices.findIndex((choice) => choice === value)
      return (
        <select {...tie} value={value === undefined ? '' : chosen < 0 ? 'other' : String(chosen)} onChange={(event) => onChange(event.target.value === '' ? undefined : choices[Number(event.target.value)])}>
          <option value="">{otherwise}</option>
          {value !== undefined && chosen < 0 && <option value="other" disabled>{shown(value)}</option>}
          {words.map((word, i) => <option key={i} value={String(i)}>{word}</option>)}
        </select>
      )
    }
    if (property.type === 'number') return <NumberInput {...props} />
    if (property.type === 'json') return <JsonInput {...props} />
    return isConnectorKey(property.name) ? <ConnectorPicker {...props} /> : <TextInput {...props} />
  }
  return (
    <div data-pointer={pointer}>
      <Field label={<code>{property.name}{property.required && <span className={css.must} title={t.required}> *</span>}</code>} hint={property.doc || undefined} error={found.length > 0 ? <Found found={found} /> : undefined}>{input}</Field>
    </div>
  )
}
