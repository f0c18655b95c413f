/**
 * Which lines are shown, and which row shows what. Without a filter every line is shown; with one the server names the lines
 * that fit, and lines that came after its answer are looked at here. Over the lines of each section stands a ruler row, under
 * which they can be folded away. A row is one unit high; with `heights`, a line that is wrapped is as many as it has rows of
 * text. Keeps absolute numbers, and grows with the log at the price of the new lines only. No DOM here.
 */
import type { LogLevel, LogLine } from '../api/types'
import type { Heights } from './heights'
import type { Section } from './sections'

const RANK: Record<string, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 }

/** Lines by number, both included. */
export interface Range {
  from: number
  to: number
}

export interface LineFilter {
  lowest: LogLevel
  /** A step's name; null is every step and the run itself. */
  step: string | null
  /** Of the step; null is all of them. */
  attempt: number | null
  /** What steps wrote, what Nomaflow wrote about the run, or both. */
  origin: 'steps' | 'run' | null
}

export const NO_FILTER: LineFilter = { lowest: 'DEBUG', step: null, attempt: null, origin: null }

export function isOpen(filter: LineFilter): boolean {
  return filter.lowest === 'DEBUG' && filter.step === null && filter.attempt === null && filter.origin === null
}

export function passes(line: LogLine, filter: LineFilter): boolean {
  return (
    (RANK[line.level] ?? 1) >= RANK[filter.lowest]! &&
    (filter.step === null || line.step === filter.step) &&
    (filter.attempt === null || line.attempt === filter.attempt) &&
    (filter.origin === null || (line.step !== null) === (filter.origin === 'steps'))
  )
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
  eachLoaded(visit: (line: LogLine, number: number) => void, from?: number): void
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

/** The numbers with `around` lines before and after each, none twice. */
export function withContext(numbers: readonly number[], around: number, total: number): number[] {
  const out: number[] = []
  for (const number of numbers) {
    const last = Math.min(total - 1, number + around)
    for (let at = Math.max(out.length > 0 ? out.at(-1)! + 1 : 0, number - around); at <= last; at++) out.push(at)
  }
  return out
}

/** A section with its rows. */
export interface Ruled {
  section: Section
  /** The row of its ruler. */
  row: number
  /** The position of its first line among those shown. */
  from: number
  /** How many of its lines are shown, or would be if it were not folded. */
  lines: number
  folded: boolean
  /** Units above the row of its ruler, beyond one for each row. */
  extra: number
}

export class Rows {
  /** Set while long lines are wrapped. */
  heights: Heights | null = null
  filter: LineFilter = NO_FILTER
  private shown: number[] = []
  /** What the server said, and the number of the first line it had not looked at. Null: only loaded lines are known. */
  private said: { numbers: number[]; end: number } | null = null
  /** Only these lines are shown; the filter was applied where they come from. */
  private matches: number[] | null = null
  private sections: readonly Section[] = []
  /** By their first lines. */
  private readonly folded = new Set<number>()
  private ruled: Ruled[] = []
  private rows = 0
  private units = 0
  private laidFor = -1
  private laidHeights = -1
  /** How often the lines that pass were looked through, and their extra units, summed up. */
  private passes = 0
  private sums: { of: string; extra: Uint32Array } | null = null

  constructor(private readonly lines: Lines) {}

  get filtered(): boolean {
    return this.matches !== null || !isOpen(this.filter)
  }

  /** Rows, those of rulers included. */
  get count(): number {
    this.lay()
    return this.rows
  }

  /** Lines that pass, folded away or not. */
  get passing(): number {
    return this.filtered ? this.shown.length : this.lines.total
  }

  get rulers(): readonly Ruled[] {
    this.lay()
    return this.ruled
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

  /** Shows these lines only; null ends that. */
  setMatches(numbers: number[] | null): void {
    this.matches = numbers
    this.refresh()
  }

  setSections(sections: readonly Section[]): void {
    if (sections === this.sections) return
    this.sections = sections
    this.laidFor = -1
  }

  /** Folds or unfolds a section, named by its first line; without a name all of them. */
  fold(fold: boolean, first?: number): void {
    for (const section of this.sections) {
      if (first !== undefined && section.first !== first) continue
      if (fold) this.folded.add(section.first)
      else this.folded.delete(section.first)
    }
    this.laidFor = -1
  }

  /** Reads the loaded lines again; call after they changed. */
  refresh(): void {
    this.laidFor = -1
    this.passes += 1
    if (!this.filtered) return
    if (this.matches !== null) {
      this.shown = this.matches
      return
    }
    const shown = this.said ? [...this.said.numbers] : []
    const from = this.said?.end ?? 0
    this.lines.eachLoaded((line, number) => {
      if (number >= from && passes(line, this.filter)) shown.push(number)
    }, from)
    this.shown = shown
  }

  /** The absolute number of the line in a row; −1 where there is none; −2 − i for the ruler with the index i. */
  lineAt(row: number): number {
    const at = this.ruledAt(row)
    if (row >= this.rows) return -1
    if (at < 0) return this.numberAt(row)
    const { row: ruler, from } = this.ruled[at]!
    return row === ruler ? -2 - at : this.numberAt(from + row - ruler - 1)
  }

  /** The row that shows a line, or the first one after it; its ruler while it is folded away. */
  rowOf(line: number): number {
    const position = this.positionOf(line)
    this.lay()
    const at = this.ruled.findLastIndex((each) => each.from <= position)
    if (at < 0) return position
    const { row, from, folded } = this.ruled[at]!
    return folded ? row : row + 1 + position - from
  }

  /** Units of all rows. */
  get height(): number {
    this.lay()
    return this.units
  }

  /** Units above a row. */
  topOf(row: number): number {
    if (this.heights === null) return row
    const ruled = this.ruled[this.ruledAt(row)]
    if (!ruled) return row + this.extraBefore(row)
    if (row <= ruled.row) return row + ruled.extra
    const inside = ruled.folded ? 0 : Math.min(row - ruled.row - 1, ruled.lines)
    return row + ruled.extra + this.extraBefore(ruled.from + inside) - this.extraBefore(ruled.from)
  }

  /** The row that a unit belongs to. */
  rowAt(unit: number): number {
    const wanted = Math.floor(unit)
    if (this.heights === null) return wanted
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.topOf(middle) <= wanted) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  /** The section that a row is in; null above the first. */
  sectionAt(row: number): Ruled | null {
    return this.ruled[this.ruledAt(row)] ?? null
  }

  /** The section that a line belongs to; null for lines before the first. */
  sectionOf(line: number): Section | null {
    return this.sections.findLast((each) => each.first <= line) ?? null
  }

  /** Absolute numbers of the loaded and passing lines that match; what a server without a search of its own leaves us with. */
  search(fits: (text: string) => boolean): number[] {
    const hits: number[] = []
    this.lines.eachLoaded((line, number) => {
      if (passes(line, this.filter) && fits(line.message)) hits.push(number)
    })
    return hits
  }

  private numberAt(position: number): number {
    if (this.filtered) return this.shown[position] ?? -1
    return position >= 0 && position < this.lines.total ? position : -1
  }

  private positionOf(line: number): number {
    return this.filtered ? lowerBound(this.shown, line) : Math.min(line, this.lines.total)
  }

  /** Extra units of the passing lines before a position. */
  private extraBefore(position: number): number {
    const { heights } = this
    if (heights === null) return 0
    if (!this.filtered) return heights.before(Math.min(position, this.lines.total))
    const of = `${this.passes} ${heights.version}`
    if (this.sums?.of !== of) {
      const extra = new Uint32Array(this.shown.length + 1)
      this.shown.forEach((line, i) => (extra[i + 1] = extra[i]! + heights.of(line)))
      this.sums = { of, extra }
    }
    return this.sums.extra[Math.min(position, this.shown.length)] ?? 0
  }

  /** The index of the last ruler at or above a row. */
  private ruledAt(row: number): number {
    this.lay()
    let low = 0
    let high = this.ruled.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ruled[middle]!.row <= row) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Lays the rows out again if lines came or went. A section none of whose lines pass has no ruler. */
  private lay(): void {
    const { passing } = this
    const version = this.heights?.version ?? -1
    if (this.laidFor === passing && this.laidHeights === version) return
    this.laidFor = passing
    this.laidHeights = version
    this.ruled = []
    const starts = this.sections.map((section) => this.positionOf(section.first))
    let row = starts[0] ?? passing
    let extra = this.extraBefore(row)
    this.sections.forEach((section, i) => {
      const from = starts[i]!
      const lines = (starts[i + 1] ?? passing) - from
      if (lines === 0) return
      const folded = this.folded.has(section.first)
      this.ruled.push({ section, row, from, lines, folded, extra })
      row += 1 + (folded ? 0 : lines)
      if (!folded) extra += this.extraBefore(from + lines) - this.extraBefore(from)
    })
    this.rows = row
    this.units = row + extra
  }
}
