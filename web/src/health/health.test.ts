import { describe, expect, test } from 'vitest'
import { ApiError } from '../api/http'
import { isQuiet, mixedVersions, nextFire, readHealth, verdictOf, type Health, type Replica } from './health'

const replica: Replica = { owner: 'a', role: 'server', labels: [], url: null, version: '1', scheduler_enabled: true, room: 4, running: 0, started_at: '2026-01-01T00:00:00Z', seen_at: '2026-01-01T00:00:00Z', lease: true }
const well: Health = {
  scheduler: 'active', replica: 'a', scheduler_enabled: true, paused_by: null, paused_at: null, store: { dialect: 'sqlite', ok: true }, jobs: 3, invalid_jobs: 0, runs_in_flight: 0, version: '1',
  lease: { holder: 'a', term: 1, seen_at: '2026-01-01T00:00:00Z' }, replicas: [replica], problems: [], notes: [],
}

describe('health', () => {
  test('trouble comes before a pause, and a pause before standing by', () => {
    expect(verdictOf(well)).toBe('good')
    expect(verdictOf({ ...well, paused_by: 'ann' })).toBe('paused')
    expect(verdictOf({ ...well, lease: null })).toBe('idle')
    expect(verdictOf({ ...well, paused_by: 'ann', problems: ['x'] })).toBe('bad')
    expect(verdictOf({ ...well, store: { dialect: 'sqlite', ok: false } })).toBe('bad')
  })

  test('trouble is read from the answer that tells of it, and nothing else is taken for it', async () => {
    const trouble = { ...well, scheduler: 'error' as const }
    expect(await readHealth(Promise.reject(new ApiError(503, trouble as never, 'GET')))).toEqual(trouble)
    await expect(readHealth(Promise.reject(new ApiError(503, { title: 'Busy' }, 'GET')))).rejects.toThrow('Busy')
    await expect(readHealth(Promise.reject(new ApiError(0, {}, 'GET')))).rejects.toThrow()
  })

  test('the next fire is the earliest of the jobs that are on', () => {
    const job = (id: string, next_run_at: string | null, enabled = true) => ({ id, enabled, next_run_at })
    expect(nextFire([job('a', '2026-01-02T00:00:00Z'), job('b', '2026-01-01T12:00:00.5Z'), job('c', '2026-01-01T00:00:00Z', false), job('d', null)])).toEqual({ id: 'b', at: '2026-01-01T12:00:00.5Z' })
    expect(nextFire([job('d', null)])).toBeNull()
  })

  test('processes of two versions and those that fell silent are told', () => {
    expect(mixedVersions([replica, replica])).toEqual([])
    expect(mixedVersions([replica, { ...replica, version: '2' }])).toEqual(['1', '2'])
    expect(isQuiet(replica, Date.parse('2026-01-01T00:00:20Z'))).toBe(false)
    expect(isQuiet(replica, Date.parse('2026-01-01T00:00:31Z'))).toBe(true)
  })
})
