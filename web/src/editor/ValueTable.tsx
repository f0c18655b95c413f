/**
 * A table of named values that keep their types: shared params, arguments, headers, a mapping. An empty text is a value;
 * taking a value away is another thing, with a button of its own.
 */
import { X } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../ui/Button'
import { isNumber, isTable, numberText, parseExact, readNumber } from './exact'
import css from './editor.module.css'
import { JsonInput, NumberInput, TextInput, type Tie } from './inputs'
import { ConnectorPicker } from './pickers'
import { join, type Table } from './pointer'
import { at, type Finding } from './problems'
import { t } from './words'

export const TYPES = ['text', 'number', 'flag', 'list', 'table'] as const
export type ValueType = (typeof TYPES)[number]

export function typeOfValue(value: unknown): ValueType {
  if (isNumber(value)) return 'number'
  if (typeof value === 'boolean') return 'flag'
  if (Array.isArray(value)) return 'list'
  return isTable(value) ? 'table' : 'text'
}

/** The value of another type that comes nearest. */
export function converted(value: unknown, to: ValueType): unknown {
  const text = typeof value === 'string' ? value : isNumber(value) ? numberText(value) : JSON.stringify(value)
  switch (to) {
    case 'text':
      return text
    case 'number':
      return readNumber(text) ?? 0
    case 'flag':
      return text === 'true' || text === '1'
    case 'list':
      return parsed(text, Array.isArray) ?? (text === '' ? [] : [value])
    case 'table':
      return parsed(text, isTable) ?? {}
  }
}

function parsed(text: string, fits: (value: unknown) => boolean): unknown {
  try {
    const value = parseExact(text)
    return fits(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The table with one key by another name, at the same place. */
export function renamed(table: Table, from: string, to: string): Table {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key === from ? to : key, value]))
}

export const isConnectorKey = (key: string): boolean => key === 'connector' || key.endsWith('_connector')

interface Props {
  pointer: string
  value: unknown
  findings: Finding[]
  /** Of an empty table: nothing. */
  onChange: (value: Table | undefined) => void
  name: string
  hidden?: string[]
}

export function ValueTable({ pointer, value, findings, onChange, name, hidden = [] }: Props) {
  const table = isTable(value) ? value : {}
  const put = (next: Table) => onChange(Object.keys(next).length > 0 ? next : undefined)
  return (
    <div className={css.values} role="group" aria-label={name}>
      {Object.entries(table).filter(([key]) => !hidden.includes(key)).map(([key, each], i) => (
        <Row
          key={i}
          name={key}
          value={each}
          pointer={join(pointer, key)}
          found={at(findings, join(pointer, key), true)}
          onChange={(next) => put({ ...table, [key]: next })}
          onRename={(to) => put(renamed(table, key, to))}
          onRemove={() => put(Object.fromEntries(Object.entries(table).filter(([other]) => other !== key)))}
          taken={(to) => to !== key && Object.hasOwn(table, to)}
        />
      ))}
      <NewRow name={name} taken={(key) => Object.hasOwn(table, key)} onAdd={(key, type) => put({ ...table, [key]: converted('', type) })} />
    </div>
  )
}

interface RowProps {
  name: string
  value: unknown
  pointer: string
  found: Finding[]
  onChange: (value: unknown) => void
  onRename: (to: string) => void
  onRemove: () => void
  taken: (name: string) => boolean
}

function Row({ name, value, pointer, found, onChange, onRename, onRemove, taken }: RowProps) {
  const [key, setKey] = useState<string | null>(null)
  const type = typeOfValue(value)
  const isTaken = key !== null && taken(key)
  const rename = () => {
    if (key !== null && key !== '' && key !== name && !isTaken) onRename(key)
    setKey(null)
  }
  return (
    <div className={css.value} data-pointer={pointer}>
      <input type="text" className="mono" aria-label={t.keyOf(name)} aria-invalid={isTaken || undefined} autoComplete="off" spellCheck={false} value={key ?? name} onChange={(event) => setKey(event.target.value)} onBlur={rename} onKeyDown={(event) => event.key === 'Enter' && rename()} />
      <select aria-label={t.typeOf(name)} value={type} onChange={(event) => onChange(converted(value, event.target.value as ValueType))}>
        {TYPES.map((each) => <option key={each} value={each}>{t.types[each]}</option>)}
      </select>
      <div className={css.cell}>
        <ValueInput key={type} type={type} name={name} value={value} onChange={onChange} tie={{ 'aria-label': t.valueOf(name), 'aria-invalid': found.length > 0 || undefined }} />
        {isTaken && <small className={css.bad}>{t.keyTaken}</small>}
        {found.map((each, i) => <small key={i} className={css.bad}>{each.message}{each.hint && <span className="muted"> {each.hint}</span>}</small>)}
      </div>
      <Button kind="quiet" icon={<X size={14} aria-hidden />} aria-label={t.takeAway(name)} title={t.takeAway(name)} onClick={onRemove} />
    </div>
  )
}

/** One value by its type. */
export function ValueInput({ type, name, value, onChange, tie }: { type: ValueType; name: string; value: unknown; onChange: (value: unknown) => void; tie: Tie }) {
  if (type === 'flag') return <input type="checkbox" {...tie} checked={value === true} onChange={(event) => onChange(event.target.checked)} />
  if (type === 'number') return <NumberInput strict tie={tie} value={value} onChange={onChange} />
  if (type === 'list' || type === 'table') return <JsonInput tie={tie} value={value} onChange={(next) => next !== undefined && typeOfValue(next) === type && onChange(next)} />
  if (isConnectorKey(name)) return <ConnectorPicker keepEmpty tie={tie} value={value} onChange={onChange} />
  return typeof value === 'string' && value.includes('\n')
    ? <textarea className={css.code} rows={4} {...tie} value={value} onChange={(event) => onChange(event.target.value)} />
    : <TextInput keepEmpty tie={tie} value={value} onChange={onChange} />
}

function NewRow({ name, taken, onAdd }: { name: string; taken: (key: string) => boolean; onAdd: (key: string, type: ValueType) => void }) {
  const [key, setKey] = useState('')
  const [type, setType] = useState<ValueType>('text')
  const isTaken = taken(key.trim())
  const add = () => {
    if (key.trim() === '' || isTaken) return
    onAdd(key.trim(), type)
    setKey('')
  }
  return (
    <div className={css.value}>
      <input
        type="text" className="mono" placeholder={t.newKey} aria-label={`${name}: ${t.newKey}`} aria-invalid={isTaken || undefined} autoComplete="off" spellCheck={false} value={key}
        onChange={(event) => setKey(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          event.preventDefault()
          add()
        }}
      />
      <select aria-label={`${name}: ${t.type}`} value={type} onChange={(event) => setType(event.target.value as ValueType)}>
        {TYPES.map((each) => <option key={each} value={each}>{t.types[each]}</option>)}
      </select>
      <div className={css.cell}>
        <span><Button disabled={key.trim() === '' || isTaken} aria-label={t.addTo(name)} onClick={add}>{t.addValue}</Button></span>
        {isTaken && <small className={css.bad}>{t.keyTaken}</small>}
      </div>
    </div>
  )
}
