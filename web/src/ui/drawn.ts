/** Which state is drawn for a step. Apart from the component so that framework-free code can use it. */
import type { StepStatus } from '../api/types'

/** A step that was off in this run is stored as canceled with the reason `skipped: …`, and drawn as skipped. */
export function drawnStatus(status: StepStatus, reason: string | null): StepStatus {
  return status === 'CANCELED' && reason?.startsWith('skipped') ? 'SKIPPED' : status
}
