import { describe, expect, it, test } from 'vitest'
import type { RunSummary } from '../api/types'
import { frozen, personIn, toggled } from './filter'
import { fold } from './fold'

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

describe('the filter', () => {
  it('freezes what is found now, whatever page is shown', () => {
    const now = Date.parse('2026-11-23T12:00:00Z')
    expect(frozen({ status: 'FAILED', range: '1h', before: 'x' }, now)).toEqual({ status: 'FAILED', from: '2026-11-23T11:00:00.000Z', to: '2026-11-23T12:00:00.000Z' })
    expect(frozen({ to: '2026-11-01T00:00:00.000Z' }, now)).toEqual({ to: '2026-11-01T00:00:00.000Z' })
  })

  it('knows the person in a trigger', () => {
    expect([personIn('user:alice'), personIn('cron'), personIn(undefined)]).toEqual(['alice', '', ''])
  })
})
