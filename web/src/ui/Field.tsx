/** A labelled input with its hint and its error, tied together for those who cannot see that they belong together. */
import { useId, type ReactNode } from 'react'
import css from './ui.module.css'

interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  error?: ReactNode
  /** Gives the input what ties it to the label: spread it into the input. */
  children: (tie: { id: string; 'aria-invalid': boolean | undefined; 'aria-describedby': string | undefined }) => ReactNode
  className?: string | undefined
}

export function Field({ label, hint, error, children, className }: FieldProps) {
  const id = useId()
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className={`${css.field} ${className ?? ''}`}>
      <label htmlFor={id}>{label}</label>
      <div className={css.control}>
        {children({ id, 'aria-invalid': error ? true : undefined, 'aria-describedby': described || undefined })}
        {hint && <small id={`${id}-hint`} className="muted">{hint}</small>}
        {error && <small id={`${id}-error`} className={css.fieldError}>{error}</small>}
      </div>
    </div>
  )
}
