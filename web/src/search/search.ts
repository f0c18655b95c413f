/** The search over the logs of all runs: what stands in the address, what the server is asked, hits by run, marks. Pure. */
import type { LogLevel } from '../api/types'
import { spanned, type Span } from '../ui/span'

export interface LogsSearch extends Span {
  q?: string | undefined
  /** Job ids, separated by commas. */
  job?: string | undefined
  level?: string | undefined
}

export interface LogHit {
  run_id: string
  job_id: string
  /** From 0. */
  number: number
  at: string
  level: LogLevel
  step: string | null
  text: string
  marks: [number, number][]
}

export interface LogHitPage {
  hits: LogHit[]
  next_cursor: string | null
  incomplete: boolean
  indexed_from: string | null
}

/** The address of a page of hits; `now` is what a range counts back from. */
export function address(search: LogsSearch, cursor: string | null, now: number): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(spanned(search, now))) if (value) query.set(key, value)
  if (cursor) query.set('cursor', cursor)
  return `admin/logs/search?${query}`
}

export interface Group {
  run_id: string
  job_id: string
  hits: LogHit[]
}

/** Hits of one run that follow each other; the order stays. */
export function grouped(hits: LogHit[]): Group[] {
  const groups: Group[] = []
  for (const hit of hits) {
    const last = groups.at(-1)
    if (last && last.run_id === hit.run_id) last.hits.push(hit)
    else groups.push({ run_id: hit.run_id, job_id: hit.job_id, hits: [hit] })
  }
  return groups
}

export interface Piece {
  text: string
  marked: boolean
}

/** How much of a long line is shown before its first mark. */
const BEFORE = 120
/** A line longer than this is cut. */
const LONGEST = 600

/** A line in pieces, marked and not. Of a long line the part around its first mark; what is left out is an ellipsis. */
export function pieces(text: string, marks: [number, number][]): Piece[] {
  const first = marks[0]?.[0] ?? 0
  const from = text.length > LONGEST && first > BEFORE ? first - BEFORE : 0
  const end = Math.min(text.length, from + LONGEST)
  const all: Piece[] = from > 0 ? [{ text: '…', marked: false }] : []
  let done = from
  for (const [start, stop] of marks) {
    if (start >= end) break
    if (start > done) all.push({ text: text.slice(done, start), marked: false })
    all.push({ text: text.slice(start, Math.min(stop, end)), marked: true })
    done = Math.min(stop, end)
  }
  if (done < end) all.push({ text: text.slice(done, end), marked: false })
  if (end < text.length) all.push({ text: '…', marked: false })
  return all
}
