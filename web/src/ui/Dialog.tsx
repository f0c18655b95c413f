/** Layers over the page. The browser's own `dialog` keeps the focus inside, closes on Escape and gives the focus back. */
import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { Button, type Action } from './Button'
import css from './layers.module.css'
import { InlineProblem } from './Problem'
import { Single } from './Times'
import { t } from './words'

/** What is worked with: an instant takes the focus only from who goes there to see its zones. */
const CONTROLS = ':is(a[href], button, input, select, textarea):not(:disabled)'

interface DialogProps {
  title: string
  close: () => void
  children: ReactNode
  /** The buttons at the bottom. */
  foot?: ReactNode
  size?: 'small' | 'normal' | 'wide'
}

export function Dialog({ title, close, children, foot, size = 'normal' }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const name = useId()
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    // The first thing that takes the focus has it now.
    if (document.activeElement?.matches('time')) dialog.current?.querySelector<HTMLElement>(CONTROLS)?.focus()
    return () => {
      // React removes the element without closing it, and then the browser does not give the focus back.
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      className={`${css.dialog} ${css[size]}`}
      aria-labelledby={name}
      onClose={close}
      onMouseDown={(event) => {
        if (event.target === dialog.current) close()
      }}
    >
      <div className={css.frame}>
        <h2 id={name} className={css.head}>{title}</h2>
        <div className={css.body}><Single value={true}>{children}</Single></div>
        {foot && <div className={css.foot}>{foot}</div>}
      </div>
    </dialog>
  )
}

interface ConfirmProps {
  title: string
  children?: ReactNode
  confirm: string
  /** Draws the button as a dangerous one. */
  danger?: boolean
  /** A word to type first, such as the id of what is deleted. */
  word?: string
  action: Action
  /** Stands before the buttons. */
  extra?: ReactNode
  onConfirm: () => void
  close: () => void
}

/** Asks before something that cannot be taken back. Stays open until the server has answered, and shows a refusal. */
export function ConfirmDialog({ title, children, confirm, danger = false, word, action, extra, onConfirm, close }: ConfirmProps) {
  const [typed, setTyped] = useState('')
  const ready = word === undefined || typed === word
  return (
    <Dialog
      title={title}
      close={close}
      size="small"
      foot={
        <>
          <InlineProblem error={action.error} />
          {extra}
          <Button onClick={close}>{t.cancel}</Button>
          <Button kind={danger ? 'danger' : 'primary'} pending={action.isPending} disabled={!ready} onClick={onConfirm}>{confirm}</Button>
        </>
      }
    >
      {children}
      {word !== undefined && (
        <label className={css.word}>
          <span>{t.typeToConfirm(word)}</span>
          <input type="text" autoComplete="off" spellCheck={false} value={typed} onChange={(event) => setTyped(event.target.value)} />
        </label>
      )}
    </Dialog>
  )
}
