import { describe, expect, test } from 'vitest'
import type { RunSummary } from '../api/types'
import { asked, toggled } from './filter'
import { fold } from './fold'

test('a range counts back from now and nothing else changes', () => {
  const now = Date.UTC(2026, 10, 23, 12)
  expect(asked({ job: 'a', range: '24h' }, now)).toEqual({ job: 'a', from: '2026-11-22T12:00:00.000Z' })
  expect(asked({ range: 'nonsense', q: 'x' }, now)).toEqual({ q: 'x' })
})

test('states are put in and taken out one by one', () => {
  expect(toggled(undefined, 'FAILED')).toBe('FAILED')
  expect(toggled('FAILED', 'CANCELED')).toBe('FAILED,CANCELED')
  expect(toggled('FAILED,CANCELED', 'FAILED')).toBe('CANCELED')
  expect(toggled('FAILED', 'FAILED')).toBeUndefined()
})

describe('skipped runs', () => {
  const run = (id: string, status: string, job = 'a', reason = 'previous run still going') => ({ id, status, job_id: job, reason }) as RunSummary
  test('fold when several of one job and reason follow each other', () => {
    const entries = fold([run('1', 'SKIPPED'), run('2', 'SKIPPED'), run('3', 'SKIPPED'), run('4', 'FAILED'), run('5', 'SKIPPED')])
    expect(entries.map((entry) => (entry.kind === 'run' ? entry.run.id : entry.runs.length))).toEqual([3, '4', '5'])
  })
  test('do not fold across jobs or reasons', () => {
    const entries = fold([run('1', 'SKIPPED'), run('2', 'SKIPPED', 'b'), run('3', 'SKIPPED', 'b', 'paused')])
    expect(entries).toHaveLength(3)
  })
})
