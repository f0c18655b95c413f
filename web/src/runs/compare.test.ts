import { expect, test } from 'vitest'
import type { StepRun } from '../api/types'
import { compareSteps, differing, flat } from './compare'

const step = (name: string, seconds: number | null, attempt = 1): StepRun => ({
  index: 0, name, type: 'python', attempt, status: seconds === null ? 'PENDING' : 'SUCCEEDED', reason: null, retry_at: null, started_at: seconds === null ? null : '2026-11-22T02:00:00Z',
  finished_at: seconds === null ? null : new Date(Date.UTC(2026, 10, 22, 2) + seconds * 1000).toISOString(), rows_affected: seconds, error: null, usage: null,
})

test('attempts count together, and a step only one run has is still shown', () => {
  const rows = compareSteps([step('a', 3), step('a', 3, 2), step('b', null)], [step('a', 2), step('c', 1)])
  expect(rows.map((row) => [row.name, row.left.ms, row.right.ms, row.times])).toEqual([['a', 6000, 2000, 3], ['b', null, null, null], ['c', null, 1000, null]])
})

test('only values that differ are named', () => {
  const values = (of: Record<string, unknown>) => Object.entries(of).map(([name, value]) => ({ name, value }))
  expect(differing(values({ a: 1, b: [1], c: '' }), values({ a: 1, b: [2], d: null }))).toEqual([
    { name: 'b', left: [1], right: [2] }, { name: 'c', left: '', right: undefined }, { name: 'd', left: undefined, right: null },
  ])
})

test('definitions differ by place, and steps go by their names', () => {
  const left = { timeout_seconds: null, steps: [{ name: 'load', spec: { query: 'select 1' } }, { name: 'view', enabled: true }] }
  const right = { timeout_seconds: 60, steps: [{ name: 'view', enabled: true }, { name: 'load', spec: { query: 'select 2' } }] }
  expect(differing(flat(left), flat(right))).toEqual([
    { name: 'steps.load.spec.query', left: 'select 1', right: 'select 2' },
    { name: 'timeout_seconds', left: undefined, right: 60 },
  ])
})
