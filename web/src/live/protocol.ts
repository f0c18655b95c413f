/**
 * What the event stream says and what the worker tells its tabs. Types and the one parser; no network.
 * Events are hints: every one of them may be repeated, late or replaced by `resync`, and REST stays the truth.
 */
import type { LogLine, RunSummary, StepRun } from '../api/types'

export interface Progress {
  run_id: string
  step_index: number
  attempt: number
  done: number
  total: number | null
  note: string | null
  rate: number | null
}

/** Subjects whose events carry only a hint of what changed. */
export type Topic = 'slot' | 'scheduler' | 'health' | 'delivery'

export type LiveEvent =
  | { type: 'hello'; boot: string; version: string; server_time: string }
  | { type: 'run'; run: RunSummary }
  | { type: 'step'; run_id: string; step: StepRun }
  | { type: 'progress'; progress: Progress }
  | { type: 'log'; run_id: string; from: number; lines: LogLine[] }
  | { type: 'catalogue'; jobs: number; problems: number }
  /** A subject changed; the documents about it are read again. */
  | { type: Topic; data: Record<string, unknown> }
  | { type: 'resync'; why: string }
  | { type: 'bye'; retry_ms: number }

/** Where the stream stands; `since` is this machine's clock in milliseconds. */
export type LiveStatus =
  | { state: 'connecting'; since: number }
  | { state: 'live'; since: number; skewMs: number; version: string }
  /** The stream does not get through, ordinary requests do: everything on screen is read again every so often. */
  | { state: 'polling'; since: number; everyMs: number }
  | { state: 'offline'; since: number }
  | { state: 'signed-out'; since: number }

/** Worker to tab. */
export type FromWorker = { kind: 'status'; status: LiveStatus } | { kind: 'event'; event: LiveEvent }

/** Tab to worker: the runs whose log lines it wants, that it goes, or that the session ended. */
export type ToWorker = { kind: 'watch'; runs: string[] } | { kind: 'leave' } | { kind: 'sign-out' } | { kind: 'retry' }

/** Reads one event of the stream; null for an event this page does not know, which is no error. */
export function parseEvent(name: string, data: string): LiveEvent | null {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(data) as Record<string, unknown>
  } catch {
    return null
  }
  switch (name) {
    case 'run':
      return { type: 'run', run: value as unknown as RunSummary }
    case 'step': {
      const { run_id, ...step } = value
      return { type: 'step', run_id: String(run_id), step: step as unknown as StepRun }
    }
    case 'progress':
      return { type: 'progress', progress: value as unknown as Progress }
    case 'slot':
    case 'scheduler':
    case 'health':
    case 'delivery':
      return { type: name, data: value }
    case 'hello':
    case 'log':
    case 'catalogue':
    case 'resync':
    case 'bye':
      return { ...value, type: name } as unknown as LiveEvent
    default:
      return null
  }
}
