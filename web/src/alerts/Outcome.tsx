/** The state of a delivery as the shape and colour that the same state of a run has, with a word of its own. */
import type { StepStatus } from '../api/types'
import { Glyph } from '../ui/Status'
import ui from '../ui/ui.module.css'
import type { DeliveryOutcome } from './api'
import { t } from './words'

const LIKE: Record<DeliveryOutcome, StepStatus> = { PENDING: 'QUEUED', SENDING: 'RUNNING', SENT: 'SUCCEEDED', FAILED: 'FAILED' }

export function Outcome({ outcome, words }: { outcome: DeliveryOutcome; words?: string }) {
  const like = LIKE[outcome] ?? 'PENDING'
  return <span className={`${ui.badge} ${ui[like]}`} data-outcome={outcome}><Glyph status={like} />{words ?? t.outcomes[outcome] ?? outcome}</span>
}
