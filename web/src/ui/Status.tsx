/** A state is a shape, a word and a colour, always together: none of them is enough for everybody. */
import type { StepStatus } from '../api/types'
import css from './ui.module.css'

const shapes: Record<StepStatus, React.ReactNode> = {
  SUCCEEDED: <path d="M2 6.5 5 9.5 10 3" fill="none" stroke="currentColor" strokeWidth="2" />,
  FAILED: <path d="M2.5 2.5 9.5 9.5M9.5 2.5 2.5 9.5" fill="none" stroke="currentColor" strokeWidth="2" />,
  RUNNING: <path d="M3 1.5 10.5 6 3 10.5Z" fill="currentColor" />,
  QUEUED: (
    <g fill="none" stroke="currentColor" strokeWidth="1.5">
      <circle cx="6" cy="6" r="4.75" />
      <path d="M6 3.2V6H8.4" />
    </g>
  ),
  CANCELED: <rect x="2" y="2" width="8" height="8" rx="1" fill="currentColor" />,
  SKIPPED: <path d="M1.5 3 5 6 1.5 9M9 2V10M5.2 3 8 6 5.2 9" fill="none" stroke="currentColor" strokeWidth="1.6" />,
  PENDING: <path d="M2 6H10" fill="none" stroke="currentColor" strokeWidth="2" />,
}

/** The shape alone: only beside a text that names the state. */
export function Glyph({ status }: { status: StepStatus }) {
  return (
    <span className={`${css.glyph} ${css[status] ?? ''}`} aria-hidden="true">
      <svg width="12" height="12" viewBox="0 0 12 12">
        {shapes[status]}
      </svg>
    </span>
  )
}

export function Badge({ status }: { status: StepStatus }) {
  return (
    <span className={`${css.badge} ${css[status] ?? ''}`} data-status={status}>
      <Glyph status={status} />
      {status}
    </span>
  )
}
