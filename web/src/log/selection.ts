/**
 * Which loaded lines pass the level filter, and which of them match the search. Keeps absolute numbers; grows with the
 * log at the price of the new lines only. No DOM here.
 */
import type { LogLevel, LogLine } from '../api/types'

const RANK: Record<string, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 }

export function passes(line: LogLine, lowest: LogLevel): boolean {
  return (RANK[line.level] ?? 1) >= RANK[lowest]!
}

export function contains(line: LogLine, query: string): boolean {
  return line.message.toLowerCase().includes(query)
}

interface Lines {
  readonly total: number
  get(line: number): LogLine | undefined
  eachLoaded(visit: (line: LogLine, number: number) => void): void
}

/** Rows of the view: every line, or the loaded lines of at least a level. */
export class Rows {
  private lowest: LogLevel = 'DEBUG'
  private shown: number[] = []

  constructor(private readonly lines: Lines) {}

  get filtered(): boolean {
    return this.lowest !== 'DEBUG'
  }

  get count(): number {
    return this.filtered ? this.shown.length : this.lines.total
  }

  setLowest(level: LogLevel): void {
    this.lowest = level
    this.refresh()
  }

  /** Reads the loaded lines again; call after they changed. */
  refresh(): void {
    if (!this.filtered) return
    const shown: number[] = []
    this.lines.eachLoaded((line, number) => {
      if (passes(line, this.lowest)) shown.push(number)
    })
    this.shown = shown
  }

  /** The absolute number of the line in a row. */
  lineAt(row: number): number {
    return this.filtered ? (this.shown[row] ?? -1) : row
  }

  /** The row that shows a line, or the first one after it. */
  rowOf(line: number): number {
    if (!this.filtered) return line
    let low = 0
    let high = this.shown.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.shown[middle]! < line) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Absolute numbers of the loaded and shown lines that contain `query`, case ignored. */
  search(query: string): number[] {
    const wanted = query.toLowerCase()
    const hits: number[] = []
    if (wanted === '') return hits
    this.lines.eachLoaded((line, number) => {
      if (passes(line, this.lowest) && contains(line, wanted)) hits.push(number)
    })
    return hits
  }
}
