/**
 * How many rows of text a line takes when long lines are wrapped: computed from its characters and the width of one, never
 * measured on the page. What is not loaded counts as one row until it is. Pure but for the canvas that knows the widths of
 * characters that the log's font lacks.
 * Invariant: the style sheet breaks a wrapped line at any character and lets blanks take room, so that rows are arithmetic.
 */
import type { LogLine } from '../api/types'
import { plain } from './ansi'
import { CHUNK } from './store'
import { displayed } from './text'

/** Rounding of layouts is a fraction of a pixel: a line that fits to within this much fits. */
const SLACK = 0.01
const TAB = 8
const SIMPLE = /^[\x20-\x7e]*$/

/** The width of a character, in widths of a digit. */
export type Advance = (character: string) => number

/** Rows of a text in a column that is `columns` digits wide. */
export function rowsOf(text: string, columns: number, advance: Advance): number {
  if (SIMPLE.test(text)) return Math.max(1, Math.ceil(text.length / Math.max(1, Math.floor(columns + SLACK))))
  let rows = 1
  let at = 0
  // A line break at the end begins no row.
  for (const character of text.endsWith('\n') ? text.slice(0, -1) : text) {
    if (character === '\n') {
      rows += 1
      at = 0
      continue
    }
    let width = character === '\t' ? TAB - (at % TAB) : advance(character)
    if (at > 0 && at + width > columns + SLACK) {
      rows += 1
      at = 0
      if (character === '\t') width = TAB
    }
    at += width
  }
  return rows
}

/** Extra rows, those beyond the first, of the lines that are known. */
export class Heights {
  /** Rises with every change. */
  version = 0
  /** Of each chunk: how many extra rows its lines before the one with this index have; the last entry is all of them. */
  private readonly chunks = new Map<number, Uint32Array>()
  /** Chunks in order, and the extra rows before each. */
  private order: { key: number; before: number }[] | null = null

  clear(): void {
    if (this.chunks.size === 0) return
    this.chunks.clear()
    this.order = null
    this.version += 1
  }

  /** Takes the lines of a chunk, as far as they are here. */
  set(key: number, lines: readonly (LogLine | undefined)[], rows: (line: LogLine) => number): void {
    const sums = new Uint32Array(CHUNK + 1)
    for (let i = 0; i < CHUNK; i++) {
      const line = lines[i]
      sums[i + 1] = sums[i]! + (line ? rows(line) - 1 : 0)
    }
    const known = this.chunks.get(key)
    if (known?.every((sum, i) => sum === sums[i])) return
    this.chunks.set(key, sums)
    this.order = null
    this.version += 1
  }

  /** Extra rows of one line. */
  of(line: number): number {
    const sums = this.chunks.get(Math.floor(line / CHUNK))
    return sums ? sums[(line % CHUNK) + 1]! - sums[line % CHUNK]! : 0
  }

  /** Extra rows of all lines before this one. */
  before(line: number): number {
    const order = (this.order ??= this.sum())
    const key = Math.floor(line / CHUNK)
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (order[middle]!.key <= key) low = middle + 1
      else high = middle
    }
    const found = order[low - 1]
    if (!found) return 0
    const sums = this.chunks.get(found.key)!
    return found.before + (found.key === key ? sums[line % CHUNK]! : sums[CHUNK]!)
  }

  private sum(): { key: number; before: number }[] {
    let before = 0
    return [...this.chunks.keys()].sort((a, b) => a - b).map((key) => {
      const entry = { key, before }
      before += this.chunks.get(key)![CHUNK]!
      return entry
    })
  }
}

/** Room for a line's text, as the style sheet divides a row. */
export interface Room {
  /** Of the row, in pixels. */
  width: number
  /** Of a digit. */
  digit: number
  /** Taken by the columns that are as wide in every row. */
  fixed: number
  /** Between a column and the next. */
  gap: number
  step: boolean
  /** The text gets at least as many digits, however narrow the log is. */
  least: number
}

export function stepText(line: LogLine): string {
  return line.step ? (line.attempt > 1 ? `${line.step} #${line.attempt}` : line.step) : ''
}

/** Rows of a line in that room. */
export function rowsIn(room: Room, line: LogLine, advance: Advance): number {
  let taken = room.fixed
  const step = room.step ? stepText(line) : ''
  if (step !== '') taken += room.gap + (SIMPLE.test(step) ? step.length : [...step].reduce((sum, each) => sum + advance(each), 0)) * room.digit
  return rowsOf(plain(displayed(line.message)), Math.max(room.least, (room.width - taken) / room.digit), advance)
}

/** Widths of characters as a font of this browser has them, each asked for once. */
export class Font {
  readonly digit: number
  private readonly context = document.createElement('canvas').getContext('2d')!
  private readonly widths = new Map<string, number>()

  constructor(font: string) {
    this.context.font = font
    this.digit = this.context.measureText('0'.repeat(100)).width / 100 || 1
  }

  readonly advance: Advance = (character) => {
    if (character >= ' ' && character <= '~') return 1
    let width = this.widths.get(character)
    if (width === undefined) this.widths.set(character, (width = this.context.measureText(character).width / this.digit))
    return width
  }
}
