/**
 * The filter of the catalogue. What is typed shows at once and draws nothing else; the list follows when it can, and the
 * address a moment after the last key.
 */
import { startTransition, useEffect, useRef, useState } from 'react'
import { useShortcuts } from '../app/shortcuts'
import css from './jobs.module.css'
import { t } from './words'

const ADDRESS_MS = 250

interface Props {
  inAddress: string
  onQuery: (query: string) => void
  write: (query: string) => void
}

export function FilterBox({ inAddress, onQuery, write }: Props) {
  const box = useRef<HTMLInputElement>(null)
  const timer = useRef(0)
  const written = useRef(inAddress)
  const [typed, setTyped] = useState(inAddress)
  useShortcuts([{ keys: '/', words: t.filter, act: () => box.current?.focus() }])
  useEffect(() => () => clearTimeout(timer.current), [])
  // Somebody went back, cleared the filter, or followed a link to another one.
  useEffect(() => {
    if (inAddress === written.current) return
    clearTimeout(timer.current)
    written.current = inAddress
    setTyped(inAddress)
    onQuery(inAddress)
  }, [inAddress, onQuery])
  const type = (text: string) => {
    setTyped(text)
    startTransition(() => onQuery(text))
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      written.current = text
      write(text)
    }, ADDRESS_MS) as unknown as number
  }
  return <input ref={box} type="search" className={css.filter} aria-label={t.filter} placeholder={t.filterHint} value={typed} onChange={(event) => type(event.target.value)} />
}
