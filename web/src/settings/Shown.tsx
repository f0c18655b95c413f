/** A secret that is shown once: selected and copyable, hidden again for good when the dialog is closed. */
import { CopyButton } from '../ui/Copy'
import css from './settings.module.css'

export function Shown({ text, label, copy }: { text: string; label: string; copy: string }) {
  return (
    <div className={css.shown}>
      <span>{label}</span>
      <code tabIndex={0} aria-label={label}>{text}</code>
      <CopyButton text={text} label={copy} />
    </div>
  )
}
