/** Where the dots of the strip over the list of runs stand: time to the right, length upwards on a scale of tens. Pure. */
import type { RunPlot, RunStatus } from '../api/types'
import { toMillis } from '../ui/time'

export const HEIGHT = 84
const EDGE = 7
/** Room for the words of the scale, at the left. */
const LEFT = 48
/** The bottom of the scale: shorter ones, and those without a length, stand there. */
const SHORTEST = 0.1
const LEAST_SPAN_MS = 60_000

export interface Dot {
  key: string
  x: number
  y: number
  r: number
  status: RunStatus
  /** The run, where the dot is one. */
  run: string | null
  job: string | null
  seconds: number | null
  count: number
  at: number
}

export interface Strip {
  fromMs: number
  toMs: number
  width: number
  dots: Dot[]
  /** Lengths with a line, in seconds. */
  lines: { seconds: number; y: number }[]
}

/** `from` and `to` are those of the filter, where it has them; `width` in pixels. */
export function strip(plot: RunPlot, from: string | undefined, to: string | undefined, now: number, width: number): Strip {
  // What was not looked at is not shown as empty.
  const fromMs = toMillis(plot.searched_to) ?? toMillis(from) ?? toMillis(plot.from) ?? now - LEAST_SPAN_MS
  const toMs = Math.max(toMillis(to) ?? (from ? now : (toMillis(plot.to) ?? now)), fromMs + LEAST_SPAN_MS)
  const lengths = [...plot.runs, ...plot.counts].map((each) => each.seconds ?? 0)
  const longest = Math.max(10, ...lengths)
  const top = Math.log10(longest / SHORTEST)
  const y = (seconds: number | null) => HEIGHT - EDGE - (seconds === null || seconds <= SHORTEST ? 0 : (Math.log10(seconds / SHORTEST) / top) * (HEIGHT - 2 * EDGE))
  const x = (ms: number) => LEFT + ((ms - fromMs) / (toMs - fromMs)) * (width - LEFT - EDGE)
  const most = Math.max(1, ...plot.counts.map((each) => each.count))
  const dots = [
    // The newest first in the list, the newest last on paper: it lies on top.
    ...plot.runs.toReversed().map((run): Dot => {
      const at = toMillis(run.queued_at) ?? fromMs
      return { key: run.id, x: x(at), y: y(run.seconds), r: 4, status: run.status, run: run.id, job: run.job_id, seconds: run.seconds, count: 1, at }
    }),
    ...plot.counts.map((each): Dot => {
      const at = ((toMillis(each.from) ?? fromMs) + (toMillis(each.to) ?? fromMs)) / 2
      return { key: `${each.from} ${each.status} ${each.seconds}`, x: x(at), y: y(each.seconds), r: 2.5 + 4.5 * Math.sqrt(each.count / most), status: each.status, run: null, job: null, seconds: each.seconds, count: each.count, at }
    }),
  ]
  const lines = [1, 10, 60, 600, 3600, 36_000].filter((seconds) => seconds < longest).map((seconds) => ({ seconds, y: y(seconds) }))
  // Lines that would stand too close to each other say nothing more.
  return { fromMs, toMs, width, dots: dots.map((dot) => ({ ...dot, x: Math.min(width - EDGE, Math.max(LEFT, dot.x)) })), lines: lines.filter((line, i) => i === 0 || lines[i - 1]!.y - line.y > 11) }
}

/** The span between two places of the strip, the earlier first; null when they are too close to mean one. */
export function spanOf({ fromMs, toMs, width }: Strip, a: number, b: number): { from: string; to: string } | null {
  const [left, right] = a < b ? [a, b] : [b, a]
  if (right - left < 6) return null
  const at = (x: number) => new Date(fromMs + ((Math.min(width - EDGE, Math.max(LEFT, x)) - LEFT) / (width - LEFT - EDGE)) * (toMs - fromMs)).toISOString()
  return { from: at(left), to: at(right) }
}
