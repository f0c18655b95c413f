import { expect, test } from 'vitest'
import { address, grouped, pieces, type LogHit } from './search'

const hit = (run_id: string, number: number): LogHit => ({ run_id, job_id: 'a', number, at: '2026-11-23T05:00:00.000Z', level: 'INFO', step: null, text: 'x', marks: [] })

test('a range counts back from now, and a cursor goes on', () => {
  const now = Date.parse('2026-11-23T05:00:00.000Z')
  expect(address({ q: 'a b', range: '24h', level: 'ERROR' }, null, now)).toBe('admin/logs/search?q=a+b&level=ERROR&from=2026-11-22T05%3A00%3A00.000Z')
  expect(address({ q: 'x', from: '2026-01-01T00:00:00Z' }, '5.6', now)).toBe('admin/logs/search?q=x&from=2026-01-01T00%3A00%3A00Z&cursor=5.6')
})

test('hits that follow each other in one run are a group, and the order stays', () => {
  const groups = grouped([hit('r2', 5), hit('r2', 4), hit('r1', 9), hit('r2', 1)])
  expect(groups.map((group) => [group.run_id, group.hits.map((each) => each.number)])).toEqual([['r2', [5, 4]], ['r1', [9]], ['r2', [1]]])
})

test('a line is cut into what is marked and what is not', () => {
  expect(pieces('42 rows of f0004', [[3, 7], [11, 16]])).toEqual([
    { text: '42 ', marked: false }, { text: 'rows', marked: true }, { text: ' of ', marked: false }, { text: 'f0004', marked: true },
  ])
  expect(pieces('plain', [])).toEqual([{ text: 'plain', marked: false }])
})

test('of a long line the part around its first mark is shown', () => {
  const text = `${'a '.repeat(500)}word${' b'.repeat(500)}`
  const shown = pieces(text, [[1000, 1004]])
  expect(shown[0]!.text).toBe('…')
  expect(shown.at(-1)!.text).toBe('…')
  expect(shown.filter((piece) => piece.marked).map((piece) => piece.text)).toEqual(['word'])
  expect(shown.map((piece) => piece.text).join('').length).toBe(602)
})
