/** What lists are narrowed by, as the address has it: a stretch of time, and a text that counts a moment after the last key. */
import { useEffect, useRef, useState } from 'react'
import css from './filters.module.css'
import { fromInput, toInput, type Span } from './span'
import { t } from './spanWords'

const RANGES = Object.keys(t.ranges)
const CUSTOM = 'custom'
const TYPING_MS = 350

/** The last minutes, hours or days, or from one instant to another. A change always says all three. */
export function TimeFilter({ range, from, to, onChange }: Span & { onChange: (span: Required<Span>) => void }) {
  const [isAsked, setIsAsked] = useState(false)
  const hasSpan = from !== undefined || to !== undefined
  const isCustom = hasSpan || (isAsked && range === undefined)
  return (
    <>
      <select
        aria-label={t.time}
        value={isCustom ? CUSTOM : (range ?? '')}
        onChange={(event) => {
          const { value } = event.target
          setIsAsked(value === CUSTOM)
          onChange({ range: value === CUSTOM ? undefined : value || undefined, from: undefined, to: undefined })
        }}
      >
        <option value="">{t.anyTime}</option>
        {RANGES.map((each) => <option key={each} value={each}>{t.ranges[each]}</option>)}
        <option value={CUSTOM}>{t.custom}</option>
      </select>
      {isCustom && (
        <span className={css.span}>
          <input type="datetime-local" aria-label={t.from} value={toInput(from)} onChange={(event) => onChange({ range: undefined, from: fromInput(event.target.value), to })} />
          <span aria-hidden="true">–</span>
          <input type="datetime-local" aria-label={t.to} value={toInput(to)} onChange={(event) => onChange({ range: undefined, from, to: fromInput(event.target.value) })} />
        </span>
      )}
    </>
  )
}

interface TypedProps {
  label: string
  placeholder?: string
  value: string
  onChange: (text: string) => void
  narrow?: boolean
  number?: boolean
}

/** A box whose text counts a moment after the last key. */
export function TypedFilter({ label, placeholder = label, value, onChange, narrow = false, number = false }: TypedProps) {
  const [text, setText] = useState(value)
  const [known, setKnown] = useState(value)
  const timer = useRef(0)
  if (value !== known) {
    setKnown(value)
    setText(value)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <input
      type="search"
      className={narrow ? css.short : css.text}
      inputMode={number ? 'decimal' : undefined}
      spellCheck={false}
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => {
        const next = event.target.value
        setText(next)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => onChange(next.trim()), TYPING_MS) as unknown as number
      }}
    />
  )
}
