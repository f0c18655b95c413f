/** A step that was copied, to be pasted into this job or another one, in any tab. */
import { isTable, parseExact } from './exact'
import type { Table } from './pointer'

const KEY = 'nomaflow-step'

export function copyStep(step: unknown): void {
  if (isTable(step)) localStorage.setItem(KEY, JSON.stringify(step))
}

/** The step that was copied last; none when there is none, or it is no step any more. */
export function copiedStep(): Table | null {
  try {
    const step = parseExact(localStorage.getItem(KEY) ?? 'null')
    return isTable(step) && typeof step.type === 'string' ? step : null
  } catch {
    return null
  }
}
