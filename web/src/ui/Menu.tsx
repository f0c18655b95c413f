/** A menu under a button: arrow keys move, Enter acts, Escape closes and gives the focus back. */
import { Check, Ellipsis } from 'lucide-react'
import { useId, useRef, useState, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import css from './layers.module.css'
import { place } from './place'
import ui from './ui.module.css'
import { t } from './words'

export interface MenuItem {
  label: string
  icon?: ReactNode
  /** Said below the label; for an item that cannot be used, why. */
  hint?: string
  disabled?: boolean
  danger?: boolean
  /** For something that is on or off: the menu stays open, so that several can be switched. */
  checked?: boolean
  act: () => void
}

const ITEM = '[role^="menuitem"]'

interface Props {
  items: (MenuItem | false | null | undefined)[]
  /** The name of the button; shown when there is no icon. */
  label?: string
  icon?: ReactNode
  children?: ReactNode
  className?: string | undefined
}

export function Menu({ items, label = t.more, icon, children, className }: Props) {
  const [open, setOpen] = useState(false)
  const id = useId()
  const opener = useRef<HTMLButtonElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const shown = items.filter((item): item is MenuItem => Boolean(item))
  const show = () => {
    flushSync(() => setOpen(true))
    list.current?.showPopover()
    place(list.current!, opener.current!)
    list.current?.querySelector<HTMLElement>(ITEM)?.focus()
  }
  const hide = () => {
    list.current?.hidePopover()
    opener.current?.focus()
  }
  const onKey = (event: React.KeyboardEvent) => {
    const all = [...list.current!.querySelectorAll<HTMLElement>(ITEM)]
    const at = all.indexOf(document.activeElement as HTMLElement)
    const go = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key]
    if (go !== undefined) {
      event.preventDefault()
      all[(go + all.length) % all.length]?.focus()
    } else if (event.key === 'Escape') {
      event.preventDefault()
      event.stopPropagation()
      hide()
    } else if (event.key === 'Tab') hide()
    else if (event.key.length === 1) {
      const next = [...all.slice(at + 1), ...all].find((item) => item.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))
      next?.focus()
    }
  }
  return (
    <>
      <button
        ref={opener}
        type="button"
        className={className ?? `${ui.button} ${children ? '' : ui.icon}`}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={children ? undefined : label}
        title={children ? undefined : label}
        onClick={() => (open ? hide() : show())}
      >
        {children ?? icon ?? <Ellipsis size={15} aria-hidden />}
      </button>
      {open && (
        <div
          ref={list}
          id={id}
          role="menu"
          aria-label={label}
          popover="auto"
          className={css.menu}
          onKeyDown={onKey}
          onToggle={(event) => {
            if (event.newState === 'closed') setOpen(false)
          }}
        >
          {shown.map((item) => (
            <button
              key={item.label}
              type="button"
              role={item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
              aria-checked={item.checked}
              tabIndex={-1}
              className={`${css.item} ${item.danger ? css.dangerous : ''}`}
              aria-disabled={item.disabled || undefined}
              onClick={() => {
                if (item.disabled) return
                if (item.checked === undefined) hide()
                item.act()
              }}
            >
              <span className={css.itemIcon} aria-hidden="true">{item.checked ? <Check size={15} /> : item.icon}</span>
              <span>{item.label}{item.hint && <small>{item.hint}</small>}</span>
            </button>
          ))}
        </div>
      )}
    </>
  )
}
