/** How long the steps of a job usually take, and what is far from it. Pure. */
import type { JobStats } from '../api/types'

/** A step is slow from this many times the usual on, if that is worth a word at all. */
const SLOW = 2
const LEAST_MS = 1_000
/** Fewer runs say nothing about what is usual. */
const FEWEST = 3

/** By step, in milliseconds. */
export function usualOf(stats: JobStats | null | undefined): ReadonlyMap<string, number> {
  return new Map((stats?.steps ?? []).filter((step) => step.runs >= FEWEST).map((step) => [step.name, step.median_seconds * 1000]))
}

export function isSlow(ms: number | null, usualMs: number | null): boolean {
  return ms !== null && usualMs !== null && ms > usualMs * SLOW && ms - usualMs > LEAST_MS
}

/** `2.4×`. */
export function times(ms: number, usualMs: number): string {
  const factor = ms / Math.max(1, usualMs)
  return `${factor >= 10 ? Math.round(factor) : factor.toFixed(1)}×`
}
