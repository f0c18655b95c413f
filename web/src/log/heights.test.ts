import { describe, expect, test } from 'vitest'
import type { LogLine } from '../api/types'
import { Heights, rowsIn, rowsOf, type Room } from './heights'
import { Rows } from './selection'
import { CHUNK } from './store'

const one = () => 1
const wide = (character: string) => (character > '\u{2e80}' ? 2 : 1)
const line = (seq: number, message: string, step: string | null = null): LogLine => ({ seq, at: '2026-11-22T02:30:00.000Z', level: 'INFO', step, attempt: 1, message })

describe('rows of a wrapped text', () => {
  test('are counted by its characters', () => {
    expect([0, 1, 10, 11, 20, 21].map((length) => rowsOf('x'.repeat(length), 10, one))).toEqual([1, 1, 1, 2, 2, 3])
    expect(rowsOf('x'.repeat(10), 10.9, one)).toBe(1)
    expect(rowsOf(' '.repeat(11), 10, one)).toBe(2)
  })

  test('know characters that are wider, tabs and line breaks', () => {
    expect(rowsOf('漢'.repeat(5), 10, wide)).toBe(1)
    expect(rowsOf('漢'.repeat(6), 10, wide)).toBe(2)
    // One that does not fit goes to the next row whole.
    expect(rowsOf('x' + '漢'.repeat(5), 10, wide)).toBe(2)
    expect(rowsOf('a\tb', 9, one)).toBe(1)
    expect(rowsOf('a\tb', 8, one)).toBe(2)
    expect(rowsOf('a\n\nb\n', 10, one)).toBe(3)
  })

  test('leave out what is not drawn, and have less room beside the name of a step', () => {
    const room: Room = { width: 200, digit: 10, fixed: 50, gap: 10, step: true, least: 4 }
    expect(rowsIn(room, line(0, 'x'.repeat(15)), one)).toBe(1)
    expect(rowsIn(room, line(0, `\u{1b}[31m${'x'.repeat(15)}\u{1b}[0m`), one)).toBe(1)
    expect(rowsIn(room, line(0, 'x'.repeat(15), 'STEP'), one)).toBe(2)
    expect(rowsIn({ ...room, step: false }, line(0, 'x'.repeat(15), 'STEP'), one)).toBe(1)
    expect(rowsIn(room, line(0, 'x'.repeat(8), 'A-STEP-WITH-A-LONG-NAME'), one)).toBe(2)
    // A line that is cut is as tall as what is shown of it.
    expect(rowsIn(room, line(0, 'x'.repeat(9000)), one)).toBeLessThan(300)
  })
})

/** Every seventh line has two rows more, every tenth one. */
const extraOf = (n: number) => (n % 7 === 0 ? 2 : 0) + (n % 10 === 0 ? 1 : 0)

function heightsOf(total: number, chunks: number[]): Heights {
  const heights = new Heights()
  for (const key of chunks) heights.set(key, Array.from({ length: Math.min(CHUNK, total - key * CHUNK) }, (_, i) => line(key * CHUNK + i, '')), ({ seq }) => 1 + extraOf(seq))
  return heights
}

const known = (chunks: number[]) => (n: number) => (chunks.includes(Math.floor(n / CHUNK)) ? extraOf(n) : 0)
const source = (total: number) => ({ total, get: () => undefined, eachLoaded() {} })

describe('the heights of many lines', () => {
  test('add up, one row for each line that is not known', () => {
    const total = 5 * CHUNK - 300
    const heights = heightsOf(total, [3, 0, 4])
    const extra = known([3, 0, 4])
    let sum = 0
    for (let n = 0; n < total; n++) {
      expect(heights.of(n)).toBe(extra(n))
      if (n % 97 === 0) expect(heights.before(n)).toBe(sum)
      sum += extra(n)
    }
    expect(heights.before(total)).toBe(sum)
    heights.clear()
    expect(heights.before(total)).toBe(0)
  })

  test('change their version only when one of them changes', () => {
    const heights = heightsOf(2 * CHUNK, [0])
    const { version } = heights
    heights.set(0, Array.from({ length: CHUNK }, (_, i) => line(i, '')), ({ seq }) => 1 + extraOf(seq))
    expect(heights.version).toBe(version)
    heights.set(0, [line(0, '')], () => 5)
    expect(heights.version).toBe(version + 1)
  })
})

describe('where rows begin', () => {
  const total = 3 * CHUNK
  const sections = [{ step: 'A', attempt: 1, first: 10 }, { step: 'B', attempt: 1, first: 900 }, { step: 'C', attempt: 1, first: 2100 }]

  /** Looks at every row: each begins where the one before ends, and each of its units leads back to it. */
  function holds(rows: Rows, heightOf: (row: number) => number) {
    let top = 0
    for (let row = 0; row < rows.count; row++) {
      expect(rows.topOf(row)).toBe(top)
      for (let unit = 0; unit < heightOf(row); unit++) expect(rows.rowAt(top + unit)).toBe(row)
      top += heightOf(row)
    }
    expect(rows.height).toBe(top)
    expect(rows.topOf(rows.count)).toBe(top)
  }

  test.each([[[0, 1, 2]], [[1]], [[]]])('follows from the lines, with rulers, folds and filters, when the chunks %j are known', (chunks) => {
    const rows = new Rows(source(total))
    const extra = known(chunks)
    rows.heights = heightsOf(total, chunks)
    const height = (row: number) => (rows.lineAt(row) < 0 ? 1 : 1 + extra(rows.lineAt(row)))
    holds(rows, height)
    rows.setSections(sections)
    holds(rows, height)
    rows.fold(true, 900)
    holds(rows, height)
    rows.setMatches(Array.from({ length: 400 }, (_, i) => i * 7))
    holds(rows, height)
    rows.fold(false)
    holds(rows, height)
    rows.setMatches(null)
    rows.setSections([])
    holds(rows, height)
  })

  test('is the row itself while nothing is wrapped', () => {
    const rows = new Rows(source(total))
    rows.setSections(sections)
    expect([rows.topOf(17), rows.rowAt(17.8), rows.height]).toEqual([17, 17, total + 3])
  })
})
