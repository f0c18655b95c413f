import { describe, expect, test } from 'vitest'
import type { StepRun, StepStatus } from '../api/types'
import { SCALE, timeline } from './timeline'

const T0 = Date.UTC(2026, 10, 22, 2, 30)
const at = (seconds: number | null) => (seconds === null ? null : new Date(T0 + seconds * 1000).toISOString())

function step(index: number, attempt: number, status: StepStatus, from: number | null, to: number | null, reason: string | null = null): StepRun {
  return { index, name: `S${index}`, type: 'sql_query', attempt, status, reason, retry_at: null, started_at: at(from), finished_at: at(to), rows_affected: null, error: null, usage: null }
}

test('bars stand where their instants are', () => {
  const { rows, spanMs } = timeline([step(0, 1, 'SUCCEEDED', 0, 25), step(1, 1, 'SUCCEEDED', 25, 100)], 2, at(0), at(100), T0)
  expect(spanMs).toBe(100_000)
  expect(rows.map((row) => row.bars)).toMatchObject([[{ attempt: 1, status: 'SUCCEEDED', x: 0, width: 250 }], [{ attempt: 1, status: 'SUCCEEDED', x: 250, width: 750 }]])
  expect(rows.map((row) => row.elapsedMs)).toEqual([25_000, 75_000])
})

test('each attempt has its own bar and the gap between them stays empty', () => {
  const row = timeline([step(0, 2, 'SUCCEEDED', 60, 100), step(0, 1, 'FAILED', 0, 20)], 1, at(0), at(100), T0).rows[0]!
  expect(row.bars.map((bar) => [bar.attempt, bar.x, bar.width])).toEqual([[1, 0, 200], [2, 600, 400]])
  expect(row).toMatchObject({ status: 'SUCCEEDED', elapsedMs: 100_000 })
})

test('a running step reaches to the present', () => {
  const row = timeline([step(0, 1, 'RUNNING', 0, null)], 1, at(0), null, T0 + 40_000).rows[0]!
  expect(row.bars[0]).toMatchObject({ x: 0, width: SCALE })
  expect(row.elapsedMs).toBe(40_000)
})

test('a step that was off is a dot and reads as skipped', () => {
  const row = timeline([step(0, 1, 'CANCELED', 10, 10, 'skipped: disabled')], 1, at(0), at(20), T0).rows[0]!
  expect(row).toMatchObject({ status: 'SKIPPED', bars: [{ status: 'SKIPPED', x: 500, width: 0 }] })
})

test('steps the server has not recorded yet are pending rows', () => {
  expect(timeline([step(0, 1, 'RUNNING', 0, null)], 3, at(0), null, T0 + 1).rows.map((row) => row.status)).toEqual(['RUNNING', 'PENDING', 'PENDING'])
  expect(timeline([], 2, null, null, T0).rows).toHaveLength(2)
})

test('what a run waited before it began is told apart from its first step', () => {
  const { rows, axis, beginMs } = timeline([step(0, 1, 'SUCCEEDED', 0, 30), step(1, 1, 'SUCCEEDED', 30, 90)], 2, at(0), at(90), T0, undefined, at(-10))
  expect(rows.map((row) => row.wait)).toEqual([{ x: 0, width: 100, ms: 10_000 }, null])
  expect(rows[0]!.bars[0]).toMatchObject({ x: 100, width: 300 })
  expect([axis.beginMs, beginMs]).toEqual([T0 - 10_000, T0])
  expect(timeline([step(0, 1, 'SUCCEEDED', 0, 30)], 1, at(0), at(30), T0, undefined, at(-0.5)).rows[0]!.wait).toBeNull()
})

test('a run that waits shows for how long, and its steps', () => {
  const { rows } = timeline([step(0, 1, 'PENDING', null, null), step(1, 1, 'PENDING', null, null)], 2, null, null, T0 + 60_000, undefined, at(0))
  expect(rows.map((row) => [row.status, row.wait?.ms])).toEqual([['PENDING', 60_000], ['PENDING', undefined]])
  expect(Math.round(rows[0]!.wait!.width)).toBe(SCALE)
})

describe('no state breaks the geometry', () => {
  const states: StepStatus[] = ['PENDING', 'QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED']
  test.each(states)('%s, whatever instants are missing', (status) => {
    for (const from of [null, 0, 50]) {
      for (const to of [null, 0, 50]) {
        for (const now of [T0 - 60_000, T0, T0 + 60_000]) {
          for (const bar of timeline([step(0, 1, status, from, to)], 1, at(0), null, now).rows[0]!.bars) {
            expect(bar.x).toBeGreaterThanOrEqual(0)
            expect(bar.x + Math.max(0, bar.width)).toBeLessThanOrEqual(SCALE)
            expect(Number.isFinite(bar.width)).toBe(true)
          }
        }
      }
    }
  })
})
