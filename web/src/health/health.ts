/** What the server tells of its health, and how it is read. Pure but for the two queries. */
import { queryOptions } from '@tanstack/react-query'
import { ApiError, http } from '../api/http'
import type { CheckName, HealthRemark } from '../api/wire'

export interface Replica {
  owner: string
  role: string
  labels: string[]
  url: string | null
  version: string
  scheduler_enabled: boolean
  /** Runs it takes at once. */
  room: number
  running: number
  started_at: string
  seen_at: string
  /** Whether it may fire schedules. */
  lease: boolean
}

/** Something that was looked at. */
export interface Check {
  name: CheckName
  state: 'ok' | 'look' | 'bad'
  /** Since when the process that answers has seen it so. */
  since: string
  text: string
  advice: string | null
  figure: number | null
  names: string[]
  /** Of a backup: when it was taken, and when the catalogue was last exported. */
  at: string | null
  export_at: string | null
}

export interface Health {
  scheduler: 'active' | 'standby' | 'error'
  replica: string
  scheduler_enabled: boolean
  paused_by: string | null
  paused_at: string | null
  store: { dialect: string; ok: boolean; pool_size?: number; pool_idle?: number; pool_waiting?: number }
  jobs: number
  invalid_jobs: number
  /** Null when the store does not answer. */
  runs_in_flight: number | null
  version: string
  lease: { holder: string; term: number; seen_at: string } | null
  replicas: Replica[]
  problems: string[]
  notes: string[]
  /** What a server before them tells has none. */
  remarks?: HealthRemark[]
  checks: Check[]
}

/** Trouble is an answer, too: it comes as 503 with the same document. */
export async function readHealth(answer: Promise<Health>): Promise<Health> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && error.status === 503 && Array.isArray(error.problem.replicas)) return error.problem as unknown as Health
    throw error
  }
}

export const healthQueries = {
  health: () => queryOptions({ queryKey: ['health'], queryFn: ({ signal }) => readHealth(http.get<Health>('admin/jobs/health', signal)), retry: false }),
}

/** How each remark reads, with what it is about. */
export type RemarkWords = { [C in HealthRemark['code']]: (of: Extract<HealthRemark, { code: C }>) => string }

/** In the words of the page; what it has none for, because the server is of another version, in the server's. */
export function told(health: Health, of: 'problems' | 'notes', words: RemarkWords): string[] {
  return health[of].map((text) => {
    const remark = health.remarks?.find((each) => each.text === text)
    const inWords = remark && (words[remark.code] as ((of: HealthRemark) => string) | undefined)
    return remark && inWords ? inWords(remark) : text
  })
}

export type Verdict = 'good' | 'paused' | 'idle' | 'bad'

/** What the first line says: trouble before a pause, a pause before a process that only stands by. */
export function verdictOf(health: Health): Verdict {
  if (health.scheduler === 'error' || !health.store.ok || health.problems.length > 0) return 'bad'
  if (health.paused_by) return 'paused'
  return health.lease ? 'good' : 'idle'
}

/** The next fire of all jobs that are on. */
export function nextFire(jobs: { id: string; enabled: boolean; next_run_at: string | null }[]): { id: string; at: string } | null {
  let next: { id: string; at: string } | null = null
  for (const { id, enabled, next_run_at: at } of jobs) if (enabled && at !== null && (next === null || Date.parse(at) < Date.parse(next.at))) next = { id, at }
  return next
}

/** Runs that ended within so long before the last one of them ended with it. */
const TOGETHER_MS = 10 * 60_000

/** Of runs that were lost with their process, those of the last time. */
export function lastLoss<R extends { finished_at: string | null }>(runs: readonly R[]): R[] {
  const ends = (run: R) => Date.parse(run.finished_at ?? '')
  const last = Math.max(...runs.map(ends).filter(Number.isFinite))
  return runs.filter((run) => ends(run) >= last - TOGETHER_MS)
}

/** How much longer than usual a process has given no sign of life, to say so. */
const QUIET_MS = 30_000

export function isQuiet(replica: Replica, now: number): boolean {
  return now - Date.parse(replica.seen_at) > QUIET_MS
}
