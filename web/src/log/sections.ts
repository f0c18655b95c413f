/**
 * The log in sections: one for every attempt of a step, from its first line to the first line of the next. Known from the
 * server's counts, and from the lines that came live since. Counts the levels on the way. Pure.
 */
import type { LogCounts, LogLevel, LogLine } from '../api/types'

export interface Section {
  step: string
  attempt: number
  /** The number of its first line. */
  first: number
}

export type Levels = Record<LogLevel, number>

const NONE: Levels = { DEBUG: 0, INFO: 0, WARNING: 0, ERROR: 0 }

export class Tally {
  levels: Levels = { ...NONE }
  sections: readonly Section[] = []
  /** Whether anything was counted. */
  known = false
  /** Lines before this one are counted. */
  private end = 0
  private readonly keys = new Set<string>()

  /** Takes what the server counted. */
  take(counts: LogCounts): void {
    if (counts.total < this.end) return
    this.known = true
    this.end = counts.total
    this.levels = { ...NONE }
    for (const { level, count } of counts.by_level) this.levels[level] = count
    this.keys.clear()
    const found = counts.by_step.flatMap(({ step, attempt, first }) => (step === null ? [] : [{ step, attempt, first }]))
    for (const each of found) this.keys.add(`${each.step} ${each.attempt}`)
    this.sections = found.sort((a, b) => a.first - b.first)
  }

  /** Counts live lines. False: lines before them are missing, so the server has to be asked again. */
  add(from: number, lines: readonly LogLine[]): boolean {
    if (from > this.end) return false
    this.known = true
    for (const line of lines.slice(this.end - from)) {
      this.levels[line.level] += 1
      if (line.step !== null && !this.keys.has(`${line.step} ${line.attempt}`)) {
        this.keys.add(`${line.step} ${line.attempt}`)
        this.sections = [...this.sections, { step: line.step, attempt: line.attempt, first: line.seq }]
      }
      this.end += 1
    }
    return true
  }
}
