/**
 * What the calendar shows of a span of time, from the document of the server: single fires, runs and lost slots by day, and
 * one line for each schedule that fires too often to be drawn fire by fire. Pure.
 */
import type { Maintenance } from '../api/client'
import type { RunStatus, SlotOutcome } from '../api/types'
import { toMillis } from '../ui/time'
import { localIn, plusDays, startOf } from './zone'

export interface Band {
  every_seconds: number
  count: number
  first: string
  last: string
  approximate?: boolean
}

export interface CalendarRow {
  id: string
  schedule: string
  timezone: string
  enabled: boolean
  p50_seconds: number | null
  p95_seconds: number | null
  fires: string[]
  bands: Band[]
}

export interface CalendarRun {
  id: string
  job_id: string
  schedule: string | null
  status: RunStatus
  at: string
  seconds: number | null
}

export interface CalendarSlot {
  job_id: string
  schedule: string
  due_at: string
  outcome: SlotOutcome
  reason: string | null
}

export interface Calendar {
  from: string
  to: string
  now: string
  jobs: CalendarRow[]
  runs: CalendarRun[]
  slots: CalendarSlot[]
  /** Spans in which nothing fires, by their beginning. */
  maintenance?: Maintenance[]
  truncated: boolean
}

interface Common {
  key: string
  job: string
  schedule: string | null
  at: number
  /** The end of a run, or where a fire will most likely end. */
  until: number
}

export type Item =
  | (Common & { kind: 'run'; run: string; status: RunStatus })
  /** `late`: the end that only a slow run reaches. */
  | (Common & { kind: 'fire'; late: number; isKnown: boolean; enabled: boolean; zone: string })
  | (Common & { kind: 'lost'; outcome: SlotOutcome; reason: string | null })

export interface Day {
  date: string
  start: number
  end: number
  /** By instant. */
  items: Item[]
}

/** A schedule that fires too often for single marks. */
export interface Line {
  key: string
  job: string
  schedule: string
  zone: string | null
  enabled: boolean
  /** Null where there is no one rhythm. */
  everySeconds: number | null
  planned: number
  approximate: boolean
  first: number | null
  last: number | null
  runs: number
  failed: number
  lost: CalendarSlot[]
  p50Seconds: number | null
}

/** What a schedule may do in a day and still be drawn fire by fire. */
export const MOST_MARKS = 12
/** How long something is drawn whose usual length nobody knows. */
const UNKNOWN_MS = 60_000

export interface Choice {
  job?: string | undefined
  /** Ids of jobs that fit the other filters; undefined: all. */
  jobs?: ReadonlySet<string> | undefined
  /** A state of runs, `planned`, or `lost`. */
  state?: string | undefined
  disabled: boolean
}

/** How many fires of a band are in a span. */
export function firesWithin(band: Band, from: number, to: number): number {
  const first = Date.parse(band.first)
  const step = band.every_seconds * 1000
  const begin = Math.max(0, Math.ceil((from - first) / step))
  const end = Math.min(band.count, Math.ceil((to - first) / step))
  return Math.max(0, end - begin)
}

/** Every instant of a row, bands unrolled: only for rows that are known to have few. */
function unrolled(row: CalendarRow): number[] {
  const of = (band: Band) => Array.from({ length: band.count }, (_, i) => Date.parse(band.first) + i * band.every_seconds * 1000)
  return [...row.fires.map((at) => Date.parse(at)), ...row.bands.flatMap(of)].sort((a, b) => a - b)
}

const nameOf = (job: string, schedule: string | null) => `${job} ${schedule ?? ''}`

export interface Picture {
  days: Day[]
  lines: Line[]
}

/** The days of a span, in order and without a gap. */
export function spanOf(dates: string[], zone: string): Omit<Day, 'items'>[] {
  const starts = [...dates, plusDays(dates.at(-1)!, 1)].map((date) => startOf(date, zone))
  return dates.map((date, i) => ({ date, start: starts[i]!, end: starts[i + 1]! }))
}

export function picture(calendar: Calendar, dates: string[], zone: string, choice: Choice): Picture {
  const days: Day[] = spanOf(dates, zone).map((day) => ({ ...day, items: [] }))
  const now = Date.parse(calendar.now)
  const fits = (job: string) => (choice.job === undefined || job === choice.job) && (choice.jobs === undefined || choice.jobs.has(job))
  const wants = (state: string) => choice.state === undefined || choice.state === state
  const rows = calendar.jobs.filter((row) => fits(row.id) && wants('planned') && (row.enabled || choice.disabled))
  const runs = calendar.runs.filter((run) => fits(run.job_id) && wants(run.status))
  const lost = calendar.slots.filter((slot) => fits(slot.job_id) && wants('lost'))

  // How busy each schedule is on its busiest day decides how it is drawn.
  const counts = new Map<string, Map<string, number>>()
  const add = (name: string, date: string, n: number) => {
    const own = counts.get(name) ?? new Map<string, number>()
    own.set(date, (own.get(date) ?? 0) + n)
    counts.set(name, own)
  }
  const dateOf = (ms: number) => days.find((day) => ms < day.end)?.date ?? localIn(ms, zone).date
  for (const run of runs) add(nameOf(run.job_id, run.schedule), dateOf(Date.parse(run.at)), 1)
  for (const slot of lost) add(nameOf(slot.job_id, slot.schedule), dateOf(Date.parse(slot.due_at)), 1)
  for (const row of rows) {
    for (const at of row.fires) add(nameOf(row.id, row.schedule), dateOf(Date.parse(at)), 1)
    for (const band of row.bands) for (const day of days) add(nameOf(row.id, row.schedule), day.date, firesWithin(band, day.start, day.end))
  }
  const isDense = (name: string) => [...(counts.get(name)?.values() ?? [])].some((n) => n > MOST_MARKS)

  const lines = new Map<string, Line>()
  const line = (job: string, schedule: string): Line => {
    const key = nameOf(job, schedule)
    let known = lines.get(key)
    if (!known) lines.set(key, (known = { key, job, schedule, zone: null, enabled: true, everySeconds: null, planned: 0, approximate: false, first: null, last: null, runs: 0, failed: 0, lost: [], p50Seconds: null }))
    return known
  }
  const put = (item: Item) => days.find((day) => item.at >= day.start && item.at < day.end)?.items.push(item)

  for (const row of rows) {
    const name = nameOf(row.id, row.schedule)
    if (isDense(name)) {
      const of = line(row.id, row.schedule)
      const rhythms = [...new Set(row.bands.map((band) => band.every_seconds))].sort((a, b) => a - b)
      const firsts = [...row.fires, ...row.bands.map((band) => band.first)].map((at) => Date.parse(at))
      const lasts = [...row.fires, ...row.bands.map((band) => band.last)].map((at) => Date.parse(at))
      Object.assign(of, {
        zone: row.timezone, enabled: row.enabled, p50Seconds: row.p50_seconds,
        everySeconds: rhythms[0] ?? null,
        planned: row.fires.length + row.bands.reduce((sum, band) => sum + band.count, 0),
        approximate: row.bands.some((band) => band.approximate),
        first: firsts.length > 0 ? Math.min(...firsts) : null, last: lasts.length > 0 ? Math.max(...lasts) : null,
      })
    } else {
      const usual = row.p50_seconds === null ? UNKNOWN_MS : row.p50_seconds * 1000
      const late = Math.max(usual, (row.p95_seconds ?? 0) * 1000)
      for (const at of unrolled(row)) {
        put({ kind: 'fire', key: `${name} ${at}`, job: row.id, schedule: row.schedule, at, until: at + usual, late: at + late, isKnown: row.p50_seconds !== null, enabled: row.enabled, zone: row.timezone })
      }
    }
  }
  for (const run of runs) {
    const at = Date.parse(run.at)
    if (run.schedule !== null && isDense(nameOf(run.job_id, run.schedule))) {
      const of = line(run.job_id, run.schedule)
      of.runs += 1
      if (run.status === 'FAILED') of.failed += 1
    } else {
      const until = run.seconds === null ? Math.max(now, at) : at + run.seconds * 1000
      put({ kind: 'run', key: run.id, job: run.job_id, schedule: run.schedule, at, until, run: run.id, status: run.status })
    }
  }
  for (const slot of lost) {
    if (isDense(nameOf(slot.job_id, slot.schedule))) line(slot.job_id, slot.schedule).lost.push(slot)
    else {
      const at = toMillis(slot.due_at) ?? now
      put({ kind: 'lost', key: `${nameOf(slot.job_id, slot.schedule)} ${slot.due_at} lost`, job: slot.job_id, schedule: slot.schedule, at, until: at, outcome: slot.outcome, reason: slot.reason })
    }
  }
  for (const day of days) day.items.sort((a, b) => a.at - b.at || (a.job < b.job ? -1 : 1))
  return { days, lines: [...lines.values()].sort((a, b) => (a.everySeconds ?? 0) - (b.everySeconds ?? 0) || (a.job < b.job ? -1 : 1)) }
}

export interface Counts {
  runs: Partial<Record<RunStatus, number>>
  planned: number
  lost: number
}

/** What each day comes to, in numbers. */
export function countsOf(calendar: Calendar, days: Omit<Day, 'items'>[], choice: Choice): Counts[] {
  const fits = (job: string) => (choice.job === undefined || job === choice.job) && (choice.jobs === undefined || choice.jobs.has(job))
  const wants = (state: string) => choice.state === undefined || choice.state === state
  const rows = wants('planned') ? calendar.jobs.filter((row) => fits(row.id) && (row.enabled || choice.disabled)) : []
  return days.map(({ start, end }) => {
    const isIn = (at: string) => Date.parse(at) >= start && Date.parse(at) < end
    const runs: Counts['runs'] = {}
    for (const run of calendar.runs) if (fits(run.job_id) && wants(run.status) && isIn(run.at)) runs[run.status] = (runs[run.status] ?? 0) + 1
    const planned = rows.reduce((sum, row) => sum + row.fires.filter(isIn).length + row.bands.reduce((n, band) => n + firesWithin(band, start, end), 0), 0)
    const lost = wants('lost') ? calendar.slots.filter((slot) => fits(slot.job_id) && isIn(slot.due_at)).length : 0
    return { runs, planned, lost }
  })
}
