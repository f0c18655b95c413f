/** The inputs that keep what is typed apart from what it means: numbers, JSON, lists. */
import { X } from 'lucide-react'
import { useState } from 'react'
import { isNumber, isTable, numberText, parseExact, readNumber } from './exact'
import css from './editor.module.css'
import { t } from './words'

export interface Tie {
  id?: string | undefined
  'aria-label'?: string | undefined
  'aria-invalid'?: boolean | undefined
  'aria-describedby'?: string | undefined
  placeholder?: string | undefined
}

interface Props {
  tie: Tie
  value: unknown
  onChange: (value: unknown) => void
}

export function TextInput({ tie, value, onChange, keepEmpty = false, secret = false }: Props & { keepEmpty?: boolean; secret?: boolean }) {
  return (
    <input
      type={secret ? 'password' : 'text'}
      autoComplete={secret ? 'new-password' : 'off'}
      spellCheck={false}
      {...tie}
      value={value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)}
      onChange={(event) => onChange(event.target.value === '' && !keepEmpty ? undefined : event.target.value)}
    />
  )
}

/**
 * A number by its digits. What is no number goes to the server as it is, which says so; where only a number fits (`strict`)
 * the last one comes back on leaving.
 */
export function NumberInput({ tie, value, onChange, strict = false }: Props & { strict?: boolean }) {
  const shown = value === undefined ? '' : isNumber(value) ? numberText(value) : String(value)
  const [typed, setTyped] = useState<string | null>(null)
  const isBad = typed !== null && readNumber(typed) === undefined && (strict || typed.trim() !== '')
  return (
    <>
      <input
        type="text"
        inputMode="decimal"
        autoComplete="off"
        {...tie}
        aria-invalid={tie['aria-invalid'] || (strict && isBad) || undefined}
        value={typed ?? shown}
        onChange={(event) => {
          const text = event.target.value
          setTyped(text)
          const number = readNumber(text)
          if (number !== undefined) onChange(number)
          else if (!strict) onChange(text.trim() === '' ? undefined : text)
        }}
        onBlur={() => setTyped(null)}
      />
      {strict && isBad && <small role="alert" className={css.bad}>{t.notNumber}</small>}
    </>
  )
}

/** JSON, or with `orText` a text that stays one. */
export function JsonInput({ tie, value, onChange, orText = false }: Props & { orText?: boolean }) {
  const [asText] = useState(orText && typeof value === 'string')
  const [typed, setTyped] = useState<string | null>(null)
  const shown = value === undefined ? '' : typeof value === 'string' && orText ? value : spaced(value)
  const text = typed ?? shown
  const parsed = read(text)
  const isBad = text.trim() !== '' && parsed === undefined
  return (
    <>
      <textarea
        className={css.code}
        rows={Math.min(10, text.split('\n').length + 1)}
        spellCheck={false}
        {...tie}
        aria-invalid={tie['aria-invalid'] || (isBad && !orText) || undefined}
        value={text}
        onChange={(event) => {
          const next = event.target.value
          setTyped(next)
          const found = asText ? undefined : read(next)
          if (next.trim() === '') onChange(undefined)
          else if (found !== undefined) onChange(found)
          else if (orText) onChange(next)
        }}
        onBlur={() => setTyped(null)}
      />
      {isBad && <small className={orText ? 'muted' : css.bad}>{orText ? t.json : t.notJson}</small>}
    </>
  )
}

/** JSON on one line, with blanks where one would type them. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (isTable(value)) return Object.keys(value).length === 0 ? '{}' : `{ ${Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${spaced(inner)}`).join(', ')} }`
  return JSON.stringify(value)
}

function read(text: string): unknown {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

/** A list of texts, one chip each. Enter adds what is typed; so does leaving the box. */
export function ListInput({ tie, value, onChange, name, split = false }: Props & { name: string; split?: boolean }) {
  const [typed, setTyped] = useState('')
  const items = Array.isArray(value) ? value : []
  const add = () => {
    const found = (split ? typed.split(/[,\s]+/) : [typed.trim()]).filter((item) => item !== '' && !items.includes(item))
    setTyped('')
    if (found.length > 0) onChange([...items, ...found])
  }
  return (
    <div className={css.chips}>
      {items.map((item, i) => (
        <span key={i} className={css.chip}>
          {typeof item === 'string' ? item : JSON.stringify(item)}
          <button type="button" aria-label={t.takeAway(String(item))} onClick={() => onChange(items.length === 1 ? undefined : items.toSpliced(i, 1))}><X size={12} aria-hidden /></button>
        </span>
      ))}
      <input
        type="text"
        autoComplete="off"
        spellCheck={false}
        {...tie}
        placeholder={tie.placeholder ?? t.addTo(name)}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' || (event.key === ',' && split)) {
            event.preventDefault()
            add()
          } else if (event.key === 'Backspace' && typed === '' && items.length > 0) onChange(items.length === 1 ? undefined : items.slice(0, -1))
        }}
        onBlur={add}
      />
    </div>
  )
}
