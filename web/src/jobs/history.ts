/**
 * The last runs of every job, for the bars on its card and its median length, out of one list of runs. Pure.
 * A bar has one of four heights by how long its run took against the median of those that succeeded.
 */
import type { HistoryBar, JobCard, RunSummary } from '../api/types'
import { toMillis } from '../ui/time'

export const BARS = 20

export interface History {
  /** Oldest first, at most `BARS`. */
  bars: HistoryBar[]
  medianMs: number | null
  /** Whether any earlier run moved rows. */
  moved: boolean
}

export type Histories = ReadonlyMap<string, History>

export function length(run: HistoryBar): number | null {
  const [from, to] = [toMillis(run.started_at), toMillis(run.finished_at)]
  return from === null || to === null ? null : Math.max(0, to - from)
}

export function median(values: number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** `runs` newest first, as the server lists them. */
export function histories(runs: RunSummary[]): Histories {
  const byJob = new Map<string, RunSummary[]>()
  for (const run of runs) {
    if (run.status === 'SKIPPED') continue
    const list = byJob.get(run.job_id)
    if (!list) byJob.set(run.job_id, [run])
    else if (list.length < BARS) list.push(run)
  }
  return new Map([...byJob].map(([id, list]) => [id, {
    bars: list.toReversed(),
    medianMs: median(list.flatMap((run) => (run.status === 'SUCCEEDED' ? (length(run) ?? []) : []))),
    moved: list.slice(1).some((run) => (run.rows_affected ?? 0) > 0),
  }]))
}

/** The bars of a job with its newest run as the live events have it. */
export function barsOf(job: JobCard, history: History | undefined): HistoryBar[] {
  const bars = history?.bars ?? []
  const last = job.last_run
  if (!last || last.status === 'SKIPPED') return bars
  const at = bars.findIndex((bar) => bar.id === last.id)
  if (at >= 0) return bars.with(at, last)
  return bars.length === 0 || bars.at(-1)!.id < last.id ? [...bars, last].slice(-BARS) : bars
}

/** 1 to 4: far below, below, above and far above the median. */
export function heightClass(lengthMs: number | null, medianMs: number | null): number {
  if (lengthMs === null || medianMs === null || medianMs === 0) return 2
  const times = lengthMs / medianMs
  return times < 0.5 ? 1 : times < 1.25 ? 2 : times < 2 ? 3 : 4
}
