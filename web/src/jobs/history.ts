/**
 * The last runs of every job, for the bars on its card and its median length. Pure. A bar has one of four heights by how
 * long its run took against the median of those that succeeded.
 */
import type { JobCard, RecentRun, RunStatus, RunSummary } from '../api/types'
import { toMillis } from '../ui/time'

export const BARS = 20

export interface HistoryBar {
  id: string
  status: RunStatus
  ms: number | null
}

export interface History {
  /** Oldest first, at most `BARS`. */
  bars: HistoryBar[]
  medianMs: number | null
}

export type Histories = ReadonlyMap<string, History>

/** How long a run took; null while it has not begun or not ended. */
export function length(run: Pick<RunSummary, 'started_at' | 'finished_at'>): number | null {
  const [from, to] = [toMillis(run.started_at), toMillis(run.finished_at)]
  return from === null || to === null ? null : Math.max(0, to - from)
}

export function median(values: number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function histories(jobs: { id: string; recent: RecentRun[] }[]): Histories {
  return new Map(jobs.map(({ id, recent }) => {
    const bars = recent.map((run): HistoryBar => ({ id: run.id, status: run.status, ms: run.seconds === null ? null : run.seconds * 1000 }))
    return [id, { bars, medianMs: median(bars.flatMap((bar) => (bar.status === 'SUCCEEDED' && bar.ms !== null ? [bar.ms] : []))) }]
  }))
}

/** The bars of a job with its newest run as the live events have it. */
export function barsOf(job: JobCard, history: History | undefined): HistoryBar[] {
  const bars = history?.bars ?? []
  if (!job.last_run || job.last_run.status === 'SKIPPED') return bars
  const last: HistoryBar = { id: job.last_run.id, status: job.last_run.status, ms: length(job.last_run) }
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

/** From so many times the median on a run is far from the usual. */
const FAR = 2

/** The runs worth naming: longest first. */
export function outliers(runs: RecentRun[], median: number | null): (RecentRun & { seconds: number })[] {
  if (median === null) return []
  const far = runs.filter((run): run is RecentRun & { seconds: number } => run.seconds !== null && run.seconds > median * FAR && run.seconds - median > 1)
  return far.sort((a, b) => b.seconds - a.seconds)
}
