/** Buttons. One that changes something shows four states: idle, waiting, done and, beside itself, failed and why. */
import { Check, LoaderCircle } from 'lucide-react'
import { useEffect, useState, type ButtonHTMLAttributes, type ReactNode } from 'react'
import { InlineProblem } from './Problem'
import css from './ui.module.css'

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: 'primary' | 'plain' | 'danger' | 'quiet'
  pending?: boolean
  /** It cannot be pressed at the moment, for a reason that passes by itself. */
  blocked?: boolean
  icon?: ReactNode
}

const nothing = (event: React.MouseEvent) => event.preventDefault()

/**
 * While it waits it cannot be pressed again, and yet keeps the focus of whoever pressed it: one that is `disabled` would lose
 * it. Without children it needs an `aria-label`.
 */
export function Button({ kind = 'plain', pending = false, blocked = false, icon, children, disabled, className, onClick, ...rest }: ButtonProps) {
  const classes = [css.button, kind !== 'plain' && css[kind], !children && css.icon, className].filter(Boolean).join(' ')
  const rests = pending || blocked
  return (
    <button type="button" className={classes} disabled={disabled} aria-disabled={rests || undefined} aria-busy={pending || undefined} onClick={rests ? nothing : onClick} {...rest}>
      {pending ? <LoaderCircle size={14} className={css.spin} aria-hidden /> : icon}
      {children}
    </button>
  )
}

/** What `useMutation` of the query library gives, as far as a button shows it. */
export interface Action {
  isPending: boolean
  isSuccess: boolean
  error: unknown
}

interface ActionButtonProps extends ButtonProps {
  action: Action
  /** The label while it waits and, for a moment, once it is done. */
  waiting?: ReactNode
  done?: ReactNode
}

const DONE_MS = 2500

/** A button for a change: the failure stands beside it and stays until the next attempt. */
export function ActionButton({ action, waiting, done, children, icon, ...rest }: ActionButtonProps) {
  const [showDone, setShowDone] = useState(false)
  useEffect(() => {
    setShowDone(action.isSuccess)
    if (!action.isSuccess) return
    const id = setTimeout(() => setShowDone(false), DONE_MS)
    return () => clearTimeout(id)
  }, [action.isSuccess])
  const isDone = showDone && done !== undefined
  return (
    <span className={css.action}>
      <Button {...rest} pending={action.isPending} icon={isDone ? <Check size={14} aria-hidden /> : icon}>
        {action.isPending ? (waiting ?? children) : isDone ? done : children}
      </Button>
      {isDone && <span className="unseen" role="status">{done}</span>}
      <InlineProblem error={action.error} />
    </span>
  )
}

/** A switch that turns only when the server has said so. */
export function Switch({ checked, label, pending = false, disabled = false, onChange, title }: {
  checked: boolean
  label: string
  pending?: boolean
  disabled?: boolean
  title?: string | undefined
  onChange: (checked: boolean) => void
}) {
  return (
    <button
      type="button"
      role="switch"
      className={css.switch}
      aria-checked={checked}
      aria-label={label}
      aria-busy={pending || undefined}
      aria-disabled={pending || undefined}
      disabled={disabled}
      title={title}
      onClick={() => !pending && onChange(!checked)}
    >
      <span className={css.knob} aria-hidden="true">{pending && <LoaderCircle size={12} className={css.spin} />}</span>
    </button>
  )
}
