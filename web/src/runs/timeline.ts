/**
 * Geometry of the step timeline: attempts grouped by step, and where each bar stands. Pure; no instant may break it,
 * whether missing, in the future of the measured clock, or equal to another.
 */
import type { StepRun, StepStatus } from '../api/types'
import { toMillis } from '../ui/time'
import { drawnStatus } from '../ui/drawn'
import { axis, WHOLE, type Axis, type View } from './axis'

export { SCALE } from './axis'

export interface Bar {
  attempt: number
  status: StepStatus
  x: number
  /** Zero for a step that never ran: it is a dot at its moment. */
  width: number
  startMs: number
  endMs: number
}

export interface Wait {
  x: number
  width: number
  ms: number
}

/** A shorter wait is not drawn. */
const WORTH_DRAWING_MS = 1000

export interface Row {
  index: number
  name: string
  type: string
  status: StepStatus
  reason: string | null
  attempts: StepRun[]
  latest: StepRun | null
  bars: Bar[]
  /** What the last attempt reported. */
  rows: number | null
  /** How long the run waited before this step, its first, could begin. */
  wait: Wait | null
  /** From the first start to the last end, back-off included; null before the first start. */
  elapsedMs: number | null
}

export interface Timeline {
  rows: Row[]
  axis: Axis
  /** Whether the whole has stretches that can be folded. */
  canFold: boolean
  /** When the run began, in milliseconds since the epoch; the axis begins earlier where it waited. */
  beginMs: number
  spanMs: number
}

/** `stepCount` fills in steps the server has not recorded yet; `now` is the server's present in milliseconds. */
export function timeline(steps: StepRun[], stepCount: number, startedAt: string | null, finishedAt: string | null, now: number, view: View = WHOLE, queuedAt: string | null = null): Timeline {
  const starts = steps.flatMap((step) => toMillis(step.started_at) ?? [])
  const begin = toMillis(startedAt) ?? (starts.length > 0 ? Math.min(...starts) : now)
  const ends = steps.flatMap((step) => toMillis(step.finished_at) ?? [])
  const end = Math.max(toMillis(finishedAt) ?? now, begin, ...ends)
  const spanMs = Math.max(1, end - begin)
  const busy = steps.flatMap((step): [number, number][] => {
    const from = toMillis(step.started_at)
    return from === null ? [] : [[from, toMillis(step.finished_at) ?? (step.status === 'RUNNING' ? end : from)]]
  })
  const queued = toMillis(queuedAt) ?? begin
  // A run that was canceled before it began waited until then.
  const ready = startedAt === null && starts.length === 0 ? end : begin
  const waits = ready - queued >= WORTH_DRAWING_MS
  const left = waits ? queued : begin
  const scale = axis(left, begin + spanMs, busy, view)
  const { place } = scale

  const isInside = (from: number, to: number) => to >= scale.beginMs && from <= scale.endMs

  const known = new Map<number, StepRun[]>()
  for (const step of steps) known.set(step.index, [...(known.get(step.index) ?? []), step])
  const base = steps.length > 0 ? Math.min(...known.keys(), 1) : 0
  for (let i = base; i < base + stepCount; i++) if (!known.has(i)) known.set(i, [])

  const waited = waits && isInside(queued, ready) ? { x: place(queued), width: place(ready) - place(queued), ms: ready - queued } : null

  const rows = [...known].sort(([a], [b]) => a - b).map(([index, all], i): Row => {
    const attempts = all.sort((a, b) => a.attempt - b.attempt)
    const latest = attempts.at(-1) ?? null
    const bars = attempts.flatMap((step): Bar[] => {
      const status = drawnStatus(step.status, step.reason)
      const from = toMillis(step.started_at)
      if (from === null) {
        const moment = toMillis(step.finished_at)
        return moment === null || !isInside(moment, moment) ? [] : [{ attempt: step.attempt, status, x: place(moment), width: 0, startMs: moment, endMs: moment }]
      }
      const to = toMillis(step.finished_at) ?? (step.status === 'RUNNING' ? end : from)
      if (!isInside(from, to)) return []
      return [{ attempt: step.attempt, status, x: place(from), width: status === 'SKIPPED' ? 0 : place(to) - place(from), startMs: from, endMs: to }]
    })
    const first = attempts.map((step) => toMillis(step.started_at)).find((ms) => ms !== null) ?? null
    const last = toMillis(latest?.finished_at) ?? (latest?.status === 'RUNNING' ? end : null)
    return {
      index,
      name: latest?.name ?? '',
      type: latest?.type ?? '',
      status: latest ? drawnStatus(latest.status, latest.reason) : 'PENDING',
      reason: latest?.reason ?? null,
      attempts,
      latest,
      bars,
      rows: latest?.rows_affected ?? null,
      wait: i === 0 ? waited : null,
      elapsedMs: first === null || last === null ? null : Math.max(0, last - first),
    }
  })
  const canFold = scale.folds.length > 0 || (!view.fold && axis(left, begin + spanMs, busy, { fold: true, zoom: null }).folds.length > 0)
  return { rows, axis: scale, canFold, beginMs: begin, spanMs }
}
