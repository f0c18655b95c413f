/**
 * Which lines are shown. Without a filter every line is a row; with one the server names the lines that fit, and lines
 * that came after its answer are looked at here. Keeps absolute numbers, and grows with the log at the price of the new
 * lines only. No DOM here.
 */
import type { LogLevel, LogLine } from '../api/types'

const RANK: Record<string, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 }

export interface LineFilter {
  lowest: LogLevel
  /** A step's name; null is every step and the run itself. */
  step: string | null
}

export const NO_FILTER: LineFilter = { lowest: 'DEBUG', step: null }

export function passes(line: LogLine, filter: LineFilter): boolean {
  return (RANK[line.level] ?? 1) >= RANK[filter.lowest]! && (filter.step === null || line.step === filter.step)
}

/** How a line is searched: a part of the text, or a pattern. Null for a pattern that cannot be read. */
export function matcher(query: string, options: { regex: boolean; case: boolean }): ((text: string) => boolean) | null {
  if (options.regex) {
    try {
      const pattern = new RegExp(query, options.case ? '' : 'i')
      return (text) => pattern.test(text)
    } catch {
      return null
    }
  }
  const wanted = options.case ? query : query.toLowerCase()
  return (text) => (options.case ? text : text.toLowerCase()).includes(wanted)
}

interface Lines {
  readonly total: number
  get(line: number): LogLine | undefined
  eachLoaded(visit: (line: LogLine, number: number) => void): void
}

/** The position of the first number that is not below `line`. */
export function lowerBound(numbers: readonly number[], line: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[middle]! < line) low = middle + 1
    else high = middle
  }
  return low
}

export class Rows {
  filter: LineFilter = NO_FILTER
  private shown: number[] = []
  /** What the server said, and the number of the first line it had not looked at. Null: only loaded lines are known. */
  private said: { numbers: number[]; end: number } | null = null

  constructor(private readonly lines: Lines) {}

  get filtered(): boolean {
    return this.filter.lowest !== 'DEBUG' || this.filter.step !== null
  }

  get count(): number {
    return this.filtered ? this.shown.length : this.lines.total
  }

  setFilter(filter: LineFilter): void {
    this.filter = filter
    this.said = null
    this.refresh()
  }

  /** Takes the server's answer for the present filter. */
  tell(numbers: number[], end: number): void {
    this.said = { numbers, end }
    this.refresh()
  }

  /** Reads the loaded lines again; call after they changed. */
  refresh(): void {
    if (!this.filtered) return
    const shown = this.said ? [...this.said.numbers] : []
    const from = this.said?.end ?? 0
    this.lines.eachLoaded((line, number) => {
      if (number >= from && passes(line, this.filter)) shown.push(number)
    })
    this.shown = shown
  }

  /** The absolute number of the line in a row. */
  lineAt(row: number): number {
    return this.filtered ? (this.shown[row] ?? -1) : row
  }

  /** The row that shows a line, or the first one after it. */
  rowOf(line: number): number {
    return this.filtered ? lowerBound(this.shown, line) : line
  }

  /** Absolute numbers of the loaded and shown lines that match; what a server without a search of its own leaves us with. */
  search(fits: (text: string) => boolean): number[] {
    const hits: number[] = []
    this.lines.eachLoaded((line, number) => {
      if (passes(line, this.filter) && fits(line.message)) hits.push(number)
    })
    return hits
  }
}
