import { describe, expect, test, vi } from 'vitest'
import type { LogLevel, LogLine, LogPage } from '../api/types'
import { pieces, plain } from './ansi'
import { delta } from './columns'
import { jsonIn } from './json'
import { bars, marks } from './marks'
import { Tally } from './sections'
import { matcher, NO_FILTER, Rows, withContext } from './selection'
import { CHUNK, LogStore, spansOf } from './store'

const LEVELS: LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR']
const line = (seq: number): LogLine => ({ seq, at: '2026-11-22T02:30:00.000Z', level: LEVELS[seq % 4]!, step: 'S', attempt: 1, message: `line ${seq}` })
const lines = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => line(from + i))

/** A server whose log has `total` lines at this moment. */
function server(total: number) {
  const state = { total, calls: [] as number[] }
  const load = vi.fn(async (from: number, limit: number): Promise<LogPage> => {
    state.calls.push(from)
    return { run_id: 'r', from, total: state.total, lines: lines(from, Math.min(state.total, from + limit)) }
  })
  return { state, load }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0))

describe('the log store', () => {
  test('fetches the chunks that are looked at and no other', async () => {
    const { state, load } = server(10_000)
    const store = new LogStore(load)
    store.grow(10_000)
    store.want(4_990, 5_010)
    await settle()
    expect(state.calls).toEqual([4_000, 5_000])
    expect(store.get(5_005)?.message).toBe('line 5005')
    expect(store.get(3_999)).toBeUndefined()
    store.want(4_990, 5_010)
    expect(state.calls).toHaveLength(2)
  })

  test('known lines are ignored and a gap is fetched', async () => {
    const { state, load } = server(0)
    const store = new LogStore(load)
    store.append(0, lines(0, 3))
    store.append(1, lines(1, 5))
    expect(store.total).toBe(5)
    state.total = 12
    store.append(10, lines(10, 12))
    expect(store.get(7)).toBeUndefined()
    store.want(0, 12)
    await settle()
    expect(lines(0, 12).map((_, i) => store.get(i)?.seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test('lines that come live during a request are not lost to its older answer', async () => {
    const store = new LogStore(async (from) => {
      store.append(3, lines(3, 6))
      return { run_id: 'r', from, total: 3, lines: lines(0, 3) }
    })
    store.grow(3)
    store.want(0, 3)
    await settle()
    expect([0, 3, 5].map((i) => store.get(i)?.seq)).toEqual([0, 3, 5])
    expect(store.total).toBe(6)
  })

  test('what the server does not have yet is not asked for again and again', async () => {
    const { state, load } = server(2)
    const store = new LogStore(load)
    store.grow(5)
    for (let i = 0; i < 5; i++) {
      store.want(0, 5)
      await settle()
    }
    expect(state.calls).toHaveLength(1)
    state.total = 5
    store.retry()
    store.want(0, 5)
    await settle()
    expect(store.loaded).toBe(5)
  })

  test('a failure stops the requests until somebody tries again', async () => {
    const load = vi.fn(async () => { throw new Error('no') })
    const store = new LogStore(load)
    store.grow(100)
    for (let i = 0; i < 3; i++) {
      store.want(0, 100)
      await settle()
    }
    expect(load).toHaveBeenCalledTimes(1)
    expect(store.failed).toBeInstanceOf(Error)
    store.retry()
    store.want(0, 100)
    expect(load).toHaveBeenCalledTimes(2)
    await settle()
  })

  test('memory stays flat', async () => {
    const { load } = server(50 * CHUNK)
    const store = new LogStore(load, 10)
    store.grow(50 * CHUNK)
    for (let i = 0; i < 50; i++) {
      store.want(i * CHUNK, i * CHUNK + 10)
      await settle()
    }
    expect(store.loaded).toBe(10 * CHUNK)
    expect(store.get(49 * CHUNK)).toBeDefined()
  })

  test('no line is lost or doubled whatever is cut off and repeated', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = (n: number) => Math.floor(Math.abs(Math.sin(seed * 131 + n * 17)) * 1000)
      const total = 1_500 + random(0)
      const { load } = server(total)
      const store = new LogStore(load)
      for (let n = 1; n < 30; n++) {
        const from = (random(n) * 7) % total
        // Every third batch is lost on the way.
        if (random(n + 500) % 3 !== 0) store.append(from, lines(from, Math.min(total, from + 1 + (random(n + 900) % 300))))
      }
      store.grow(total)
      for (let from = 0; from < total; from += 500) {
        store.want(from, from + 500)
        await settle()
      }
      const seen: number[] = []
      store.eachLoaded((each, number) => { expect(each.seq).toBe(number); seen.push(number) })
      expect(seen).toEqual(lines(0, total).map((each) => each.seq))
    }
  }, 60_000)
})

describe('rows of the log', () => {
  const store = new LogStore(server(0).load)
  store.append(0, lines(0, 12))

  test('without a filter a row is a line', () => {
    const rows = new Rows(store)
    expect([rows.count, rows.lineAt(7), rows.rowOf(7)]).toEqual([12, 7, 7])
  })

  test('a filter keeps the numbers of the lines', () => {
    const rows = new Rows(store)
    rows.setFilter({ ...NO_FILTER, lowest: 'WARNING' })
    expect(Array.from({ length: rows.count }, (_, i) => rows.lineAt(i))).toEqual([2, 3, 6, 7, 10, 11])
    expect([rows.rowOf(6), rows.rowOf(4), rows.rowOf(99)]).toEqual([2, 2, 6])
  })

  test('a search here ignores case unless asked, sees shown lines only and takes patterns', () => {
    const rows = new Rows(store)
    const search = (text: string, more = {}) => rows.search(matcher(text, { regex: false, case: false, ...more })!)
    expect(search('LINE 1')).toEqual([1, 10, 11])
    expect(search('LINE 1', { case: true })).toEqual([])
    expect(search('line 1.', { regex: true })).toEqual([10, 11])
    expect(matcher('(', { regex: true, case: false })).toBeNull()
    rows.setFilter({ ...NO_FILTER, lowest: 'ERROR' })
    expect(search('line 1')).toEqual([11])
  })

  test('what the server names is shown though it is not loaded, and later lines are looked at here', () => {
    const rows = new Rows(store)
    rows.setFilter({ ...NO_FILTER, lowest: 'WARNING' })
    rows.tell([1000, 2000], 10)
    expect(Array.from({ length: rows.count }, (_, i) => rows.lineAt(i))).toEqual([1000, 2000, 10, 11])
    expect(rows.count).toBe(4)
  })

  test('a filter by step leaves out the others', () => {
    const rows = new Rows(store)
    rows.setFilter({ ...NO_FILTER, step: 'T' })
    expect([rows.filtered, rows.count]).toEqual([true, 0])
  })
})

test('a filtered view fetches the lines it shows in few requests and not again', async () => {
  const store = new LogStore(server(0).load)
  store.grow(10_000)
  const wanted = Array.from({ length: 30 }, (_, i) => i * 300)
  const load = vi.fn(async (_spans: string) => ({ run_id: 'r', from: 0, total: 10_000, lines: wanted.map(line) }))
  for (let i = 0; i < 3; i++) {
    store.wantScattered(wanted, load)
    await settle()
  }
  expect(load).toHaveBeenCalledTimes(1)
  expect(wanted.every((number) => store.get(number)?.seq === number)).toBe(true)
})

test('numbers are asked for as spans, near ones together', () => {
  expect([spansOf([]), spansOf([4]), spansOf([4, 5, 12, 40])]).toEqual(['', '4', '4-12,40'])
})

describe('sections', () => {
  const store = new LogStore(server(0).load)
  const of = (seq: number, step: string | null, attempt = 1): LogLine => ({ ...line(seq), step, attempt })
  // Two lines of the run, three of A, two of its second attempt, one of the run, two of B.
  const written = [null, null, 'A', 'A', 'A', 'A', 'A', null, 'B', 'B'].map((step, i) => of(i, step, i >= 5 && step === 'A' ? 2 : step ? 1 : 0))
  store.append(0, written)
  const tally = new Tally()
  const laid = () => {
    const rows = new Rows(store)
    rows.setSections(tally.sections)
    return rows
  }
  const all = (rows: Rows) => Array.from({ length: rows.count }, (_, i) => rows.lineAt(i))

  test('are counted from what comes live, each line once, and say when some are missing', () => {
    expect(tally.add(0, written.slice(0, 4))).toBe(true)
    expect(tally.add(2, written.slice(2))).toBe(true)
    expect(tally.sections.map(({ step, attempt, first }) => `${step}${attempt}@${first}`)).toEqual(['A1@2', 'A2@5', 'B1@8'])
    expect(Object.values(tally.levels).reduce((a, b) => a + b)).toBe(10)
    expect(tally.add(12, [of(12, 'B')])).toBe(false)
  })

  test('have a ruler over their first line, and rows know their lines', () => {
    const rows = laid()
    expect(all(rows)).toEqual([0, 1, -2, 2, 3, 4, -3, 5, 6, 7, -4, 8, 9])
    expect([0, 2, 5, 7, 9].map((each) => rows.rowOf(each))).toEqual([0, 3, 7, 9, 12])
    expect([1, 2, 9, 12].map((row) => rows.sectionAt(row)?.section.step)).toEqual([undefined, 'A', 'A', 'B'])
  })

  test('are folded away under their ruler and come back', () => {
    const rows = laid()
    rows.fold(true, 2)
    expect(all(rows)).toEqual([0, 1, -2, -3, 5, 6, 7, -4, 8, 9])
    expect([rows.rowOf(3), rows.rowOf(6), rows.passing]).toEqual([2, 5, 10])
    rows.fold(true)
    expect(all(rows)).toEqual([0, 1, -2, -3, -4])
    rows.fold(false)
    expect(rows.count).toBe(13)
  })

  test('without a line that passes have no ruler; filters by attempt and origin', () => {
    const rows = laid()
    rows.setFilter({ ...NO_FILTER, step: 'A', attempt: 2 })
    expect(all(rows)).toEqual([-2, 5, 6])
    rows.setFilter({ ...NO_FILTER, origin: 'run' })
    expect(all(rows)).toEqual([0, 1, -2, 7])
    rows.setMatches([3, 8])
    expect(all(rows)).toEqual([-2, 3, -3, 8])
  })
})

test('matches come with the lines around them, none twice and none that is not there', () => {
  expect(withContext([1, 3, 9], 2, 11)).toEqual([0, 1, 2, 3, 4, 5, 7, 8, 9, 10])
  expect(withContext([5], 0, 11)).toEqual([5])
})

test('a bar for each part with any, in proportion to the logarithm', () => {
  expect(bars([0, 1, 0, 1000]).map(({ part, share }) => [part, Math.round(share * 10)])).toEqual([[1, 1], [3, 10]])
  expect(bars([0, 0])).toEqual([])
})

test('lines are read across chunks that are not loaded', async () => {
  const { load } = server(3 * CHUNK)
  const store = new LogStore(load)
  store.grow(3 * CHUNK)
  const read = await store.read(CHUNK - 2, CHUNK + 1)
  expect(read.map((each) => each.seq)).toEqual([CHUNK - 2, CHUNK - 1, CHUNK, CHUNK + 1])
})

test('the marks beside a long log stay few', () => {
  const found = marks(Array.from({ length: 5000 }, (_, i) => i), 5000, 100)
  expect(found).toHaveLength(100)
  expect(found.at(-1)).toEqual({ at: 0.99, line: 4950 })
  expect(marks([1], 0)).toEqual([])
})

test('lengths of time between lines', () => {
  expect([delta(34), delta(12_500), delta(123_100), delta(-5)]).toEqual(['+0.034', '+12.500', '+2:03.100', '−0.005'])
})

test('JSON in a line is found behind its words, and only when it is JSON', () => {
  expect(jsonIn('sent {"a": [1]}')).toEqual({ a: [1] })
  expect(jsonIn('[not json')).toBeUndefined()
  expect(jsonIn('plain')).toBeUndefined()
})

describe('terminal colors', () => {
  const esc = String.fromCharCode(27)

  test('become classes and end where they end', () => {
    expect(pieces(`a ${esc}[1;31mred${esc}[0m b`)).toEqual([
      { text: 'a ', classes: '' }, { text: 'red', classes: 'ansi-1 ansi-bold' }, { text: ' b', classes: '' },
    ])
  })

  test('other escapes vanish and a text without any is one piece', () => {
    expect(pieces(`${esc}[2Kdone${esc}[38;5;200m!`).map((piece) => piece.text).join('')).toBe('done!')
    expect(pieces('plain')).toEqual([{ text: 'plain', classes: '' }])
  })

  test('256 and true colors become the nearest of the eight, backgrounds are left out', () => {
    expect(pieces(`${esc}[38;5;196mx`)[0]!.classes).toBe('ansi-1')
    expect(pieces(`${esc}[38;2;20;200;120;4mx`)[0]!.classes).toBe('ansi-2 ansi-underline')
    expect(pieces(`${esc}[48;5;196mx`)[0]!.classes).toBe('')
  })

  test('addresses of the web are found, without the full stop behind them, and nothing else is', () => {
    expect(pieces('see https://example.com/a?b=1. Not javascript://x')).toEqual([
      { text: 'see ', classes: '' }, { text: 'https://example.com/a?b=1', classes: '', href: 'https://example.com/a?b=1' }, { text: '. Not javascript://x', classes: '' },
    ])
  })

  test('what is copied has no escapes', () => expect(plain(`${esc}[31mred${esc}[0m`)).toBe('red'))
})
