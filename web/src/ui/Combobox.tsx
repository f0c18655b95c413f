/**
 * A text box with a list of what fits, for connectors, zones, callables. It also takes a value that is not in the list
 * when `free` is set. Keys and roles follow the ARIA pattern of an editable combobox with a list.
 */
import { useId, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import css from './layers.module.css'
import { place } from './place'
import { t } from './words'

export interface Option {
  value: string
  /** Shown in place of the value. */
  label?: string
  hint?: ReactNode
  /** More words to find it by. */
  words?: string
}

interface Props {
  id?: string | undefined
  value: string
  options: Option[]
  onChange: (value: string) => void
  /** Called on leaving the box: the moment to complain about a value that is not in the list. */
  onBlur?: () => void
  /** Whether what is typed counts at once, in the list or not. Otherwise only a choice counts. */
  free?: boolean
  'aria-label'?: string | undefined
  'aria-invalid'?: boolean | undefined
  'aria-describedby'?: string | undefined
  placeholder?: string | undefined
  disabled?: boolean
  className?: string | undefined
}

const MOST = 60

export function Combobox({ id, value, options, onChange, onBlur, free = false, ...rest }: Props) {
  const own = useId()
  const list = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useState<string | null>(null)
  const [open, setOpen] = useState(false)
  const [at, setAt] = useState(0)
  const label = options.find((option) => option.value === value)?.label ?? value
  const shown = useMemo(() => {
    const words = (typed ?? '').toLowerCase().split(/\s+/).filter(Boolean)
    return options.filter((option) => words.every((word) => `${option.value} ${option.label ?? ''} ${option.words ?? ''}`.toLowerCase().includes(word))).slice(0, MOST)
  }, [options, typed])
  const active = Math.min(at, shown.length - 1)

  useLayoutEffect(() => {
    const layer = list.current
    if (!layer) return
    if (open) {
      layer.showPopover()
      place(layer, box.current!, true)
    } else layer.hidePopover()
  }, [open, shown])
  useLayoutEffect(() => {
    if (open) list.current?.children[active]?.scrollIntoView({ block: 'nearest' })
  }, [open, active])

  const choose = (option: Option) => {
    onChange(option.value)
    setTyped(null)
    setOpen(false)
  }
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (!open) setOpen(true)
      else setAt((active + (event.key === 'ArrowDown' ? 1 : -1) + shown.length) % Math.max(1, shown.length))
    } else if (event.key === 'Enter' && open && shown[active]) {
      event.preventDefault()
      choose(shown[active])
    } else if (event.key === 'Escape' && open) {
      event.preventDefault()
      event.stopPropagation()
      setTyped(null)
      setOpen(false)
    }
  }
  return (
    <>
      <input
        {...rest}
        ref={box}
        id={id}
        type="text"
        role="combobox"
        aria-expanded={open}
        aria-controls={`${own}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open && shown[active] ? `${own}-${active}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={typed ?? (free ? value : label)}
        onChange={(event) => {
          setTyped(event.target.value)
          setAt(0)
          setOpen(true)
          if (free) onChange(event.target.value)
        }}
        onClick={() => setOpen(true)}
        onKeyDown={onKey}
        onBlur={() => {
          setTyped(null)
          setOpen(false)
          onBlur?.()
        }}
      />
      <div ref={list} id={`${own}-list`} role="listbox" aria-label={rest['aria-label'] ?? t.more} popover="manual" className={css.list}>
        {shown.map((option, i) => (
          <div
            key={option.value}
            id={`${own}-${i}`}
            role="option"
            aria-selected={i === active}
            className={css.option}
            // Before the box loses the focus.
            onMouseDown={(event) => {
              event.preventDefault()
              choose(option)
            }}
          >
            <span>{option.label ?? option.value}</span>
            {option.hint && <small>{option.hint}</small>}
          </div>
        ))}
        {shown.length === 0 && <div className={css.nothing} role="option" aria-selected={false} aria-disabled="true">{t.noChoice}</div>}
      </div>
    </>
  )
}
