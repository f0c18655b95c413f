import { describe, expect, test } from 'vitest'
import { ApiError } from '../api/http'
import { isQuiet, lastLoss, nextFire, readHealth, told, verdictOf, type Health, type RemarkWords, type Replica } from './health'
import { t } from './words'
import { busy, lastDay, poolSeries, series, type Load } from './load'

const replica: Replica = { owner: 'a', role: 'server', labels: [], url: null, version: '1', scheduler_enabled: true, room: 4, running: 0, started_at: '2026-01-01T00:00:00Z', seen_at: '2026-01-01T00:00:00Z', lease: true }
const well: Health = {
  scheduler: 'active', replica: 'a', scheduler_enabled: true, paused_by: null, paused_at: null, store: { dialect: 'sqlite', ok: true }, jobs: 3, invalid_jobs: 0, runs_in_flight: 0, version: '1',
  lease: { holder: 'a', term: 1, seen_at: '2026-01-01T00:00:00Z' }, replicas: [replica], problems: [], notes: [], checks: [],
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

  test('remarks are told in the words of the page, others in those of the server', () => {
    const remarks: Health['remarks'] = [{ code: 'label-missing', label: 'gpu', waiting: 2, text: 'two wait' }, { code: 'scheduler-unasked', text: 'nobody asks' }]
    const health = { ...well, problems: ['two wait', 'a word of another version'], notes: ['nobody asks'], remarks }
    expect(told(health, 'problems', t.remarks)).toEqual(['2 runs wait for a process with the label gpu, and there is none.', 'a word of another version'])
    expect(told(health, 'notes', {} as RemarkWords)).toEqual(['nobody asks'])
    expect(told({ ...well, problems: ['x'] }, 'problems', t.remarks)).toEqual(['x'])
  })

  test('the next fire is the earliest of the jobs that are on', () => {
    const job = (id: string, next_run_at: string | null, enabled = true) => ({ id, enabled, next_run_at })
    expect(nextFire([job('a', '2026-01-02T00:00:00Z'), job('b', '2026-01-01T12:00:00.5Z'), job('c', '2026-01-01T00:00:00Z', false), job('d', null)])).toEqual({ id: 'b', at: '2026-01-01T12:00:00.5Z' })
    expect(nextFire([job('d', null)])).toBeNull()
  })

  test('of lost runs those of the last time are told apart', () => {
    const run = (id: string, finished_at: string | null) => ({ id, finished_at })
    const last = [run('a', '2026-01-02T00:00:00Z'), run('b', '2026-01-01T23:55:00Z')]
    expect(lastLoss([...last, run('c', '2026-01-01T23:00:00Z'), run('d', null)])).toEqual(last)
    expect(lastLoss([])).toEqual([])
  })

  test('processes that fell silent are told', () => {
    expect(isQuiet(replica, Date.parse('2026-01-01T00:00:20Z'))).toBe(false)
    expect(isQuiet(replica, Date.parse('2026-01-01T00:00:31Z'))).toBe(true)
  })
})

describe('load', () => {
  const at = (quarter: number) => new Date(Date.UTC(2026, 0, 1) + quarter * 900_000).toISOString()
  const stretch = (quarter: number, running: number, queued: number, lines: number) => ({ at: at(quarter), running, queued, lines, lines_per_second: lines / 900 })
  const load: Load = {
    from: at(0), to: at(3), stretch_seconds: 900, replica: 'a',
    stretches: [stretch(0, 0, 0, 0), stretch(1, 2, 0, 1800), stretch(2, 2, 1, 0), stretch(3, 0, 0, 0)],
    pools: [{ name: 'ops', size: 5, stretches: [{ at: at(2), in_use: 4, waiting: 2 }, { at: at(3), in_use: 0, waiting: 0 }] }],
  }

  test('the most is the first of its kind, and nothing is the most of nothing', () => {
    expect(series(load.stretches, [0, 2, 2, 0])).toEqual({ values: [0, 2, 2, 0], most: 2, at: at(1) })
    expect(series(load.stretches, [0, null, 0, 0])).toEqual({ values: [0, null, 0, 0], most: 0, at: null })
  })

  test('of a pool nothing is known before its process began', () => {
    expect(poolSeries(load, load.pools[0]!, (each) => each.in_use)).toEqual({ values: [null, null, 4, 0], most: 4, at: at(2) })
  })

  test('a day has as many quarters as it should, the latest ones', () => {
    const long = { ...load, stretches: Array.from({ length: 97 }, (_, quarter) => stretch(quarter, 0, 0, 0)) }
    expect(lastDay(long).stretches.length).toBe(96)
    expect(lastDay(long).stretches.at(-1)).toEqual(long.stretches[96])
    expect(lastDay(load).stretches).toEqual(load.stretches)
  })

  test('the table leaves quiet quarters out and begins with the latest', () => {
    expect(busy(load).map((row) => [row.at, row.running, row.pools])).toEqual([[at(2), 2, 'ops 4/5 +2'], [at(1), 2, '']])
  })
})
