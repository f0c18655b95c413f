/**
 * Where things stand in the grid of hours, side by side where they overlap, and how many jobs are at work in each quarter
 * of an hour. Pure.
 */
import type { Calendar, Choice, Day, Item } from './calendar'
import { firesWithin } from './calendar'
import { localIn, MINUTE } from './zone'

/** Shorter blocks could not be read: this many minutes of the grid are as high as a line of text. */
export const LEAST_MINUTES = 26

export interface Block {
  item: Item
  /** Minutes from the top of the day. */
  top: number
  minutes: number
  /** How much of it is the usual length; the rest is what only slow runs need. */
  usual: number
  lane: number
  lanes: number
  /** Beside it stands how many found no lane. */
  isCrowded: boolean
}

/** Things that found no lane. */
export interface Rest {
  top: number
  items: Item[]
}

/** The minute of the grid for an instant: by the clock on the wall, or by the hours that have gone by. */
export function minuteOf(day: Day, ms: number, zone: string, axis: 'wall' | 'elapsed'): number {
  return axis === 'elapsed' ? (ms - day.start) / MINUTE : localIn(ms, zone).minute
}

/** Blocks of a day in at most `most` lanes. What overlaps more than that is counted at its place. */
export function blocks(day: Day, zone: string, axis: 'wall' | 'elapsed', most: number): { blocks: Block[]; rests: Rest[] } {
  const height = axis === 'elapsed' ? (day.end - day.start) / MINUTE : 24 * 60
  const all = day.items.map((item): Block => {
    const top = Math.min(minuteOf(day, item.at, zone, axis), height - LEAST_MINUTES)
    const long = (item.until - item.at) / MINUTE
    const late = item.kind === 'fire' ? Math.max(long, (item.late - item.at) / MINUTE) : long
    const minutes = Math.min(height - top, Math.max(LEAST_MINUTES, late))
    return { item, top, minutes, usual: late <= LEAST_MINUTES || late === 0 ? 1 : Math.min(1, long / late), lane: 0, lanes: 1, isCrowded: false }
  })
  const placed: Block[] = []
  const rests: Rest[] = []
  let cluster: Block[] = []
  let end = 0
  const close = () => {
    // Where not all find a lane, one of them makes room for how many are left over.
    if (!fill(cluster, most, [])) fill(cluster, Math.max(1, most - 1), rests)
    placed.push(...cluster.filter((block) => block.lanes > 0))
    cluster = []
  }
  for (const block of all.sort((a, b) => a.top - b.top)) {
    if (cluster.length > 0 && block.top >= end) close()
    end = cluster.length === 0 ? block.top + block.minutes : Math.max(end, block.top + block.minutes)
    cluster.push(block)
  }
  close()
  return { blocks: placed, rests }
}

/** Gives the blocks of a cluster their lanes; what finds none has no lanes and is counted near its place. Whether all did. */
function fill(cluster: Block[], most: number, rests: Rest[]): boolean {
  const ends: number[] = []
  const left: Block[] = []
  const found: Block[] = []
  for (const block of cluster) {
    const free = ends.findIndex((end) => end <= block.top)
    if (free < 0 && ends.length >= most) {
      left.push(block)
      continue
    }
    block.lane = free < 0 ? ends.length : free
    ends[block.lane] = block.top + block.minutes
    found.push(block)
  }
  for (const block of found) Object.assign(block, { lanes: ends.length, isCrowded: left.length > 0 })
  let group: Rest | undefined
  for (const block of left) {
    block.lanes = 0
    if (!group || block.top >= group.top + LEAST_MINUTES) rests.push((group = { top: block.top, items: [] }))
    group.items.push(block.item)
  }
  return left.length === 0
}

/** The hours of a day as the clock shows them: 23 or 25 of them where the clocks change. */
export function hourLabels(day: Day, zone: string): string[] {
  const hours = Math.round((day.end - day.start) / (60 * MINUTE))
  return Array.from({ length: hours }, (_, i) => `${String(Math.floor(localIn(day.start + i * 60 * MINUTE, zone).minute / 60)).padStart(2, '0')}:00`)
}

export interface Quarter {
  at: number
  /** Jobs at work in it, in their order. */
  jobs: string[]
}

const QUARTER = 15 * MINUTE

/** The jobs expected at work, or that were, in each quarter of an hour. Schedules that are off count for nothing. */
export function load(calendar: Calendar, from: number, to: number, choice: Choice): Quarter[] {
  const sets = Array.from({ length: Math.ceil((to - from) / QUARTER) }, () => new Set<string>())
  const fits = (job: string) => (choice.job === undefined || job === choice.job) && (choice.jobs === undefined || choice.jobs.has(job))
  const mark = (job: string, at: number, until: number) => {
    const last = Math.min(sets.length - 1, Math.floor((Math.max(at, until - 1) - from) / QUARTER))
    for (let i = Math.max(0, Math.floor((at - from) / QUARTER)); i <= last; i++) sets[i]!.add(job)
  }
  for (const run of calendar.runs) {
    const at = Date.parse(run.at)
    if (fits(run.job_id) && run.status !== 'SKIPPED') mark(run.job_id, at, run.seconds === null ? Date.parse(calendar.now) : at + run.seconds * 1000)
  }
  for (const row of calendar.jobs) {
    if (!row.enabled || !fits(row.id)) continue
    const long = (row.p50_seconds ?? 60) * 1000
    for (const at of row.fires) mark(row.id, Date.parse(at), Date.parse(at) + long)
    for (const band of row.bands) {
      if (band.every_seconds * 1000 > QUARTER) {
        for (let i = 0; i < band.count; i++) mark(row.id, Date.parse(band.first) + i * band.every_seconds * 1000, Date.parse(band.first) + i * band.every_seconds * 1000 + long)
      } else {
        sets.forEach((set, i) => {
          if (firesWithin(band, from + i * QUARTER, from + (i + 1) * QUARTER) > 0) set.add(row.id)
        })
      }
    }
  }
  return sets.map((jobs, i) => ({ at: from + i * QUARTER, jobs: [...jobs].sort() }))
}

/** The busiest quarters still to come, one of a kind, with two jobs or more. */
export function peaks(quarters: Quarter[], now: number, most: number): Quarter[] {
  const seen = new Set<string>()
  return quarters
    .filter((quarter) => quarter.at + QUARTER > now && quarter.jobs.length > 1)
    .sort((a, b) => b.jobs.length - a.jobs.length || a.at - b.at)
    .filter(({ jobs }) => !seen.has(jobs.join()) && seen.add(jobs.join()))
    .slice(0, most)
}
