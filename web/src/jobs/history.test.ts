import { describe, expect, it } from 'vitest'
import type { JobCard, RunSummary } from '../api/types'
import { barsOf, heightClass, histories, outliers } from './history'

const recent = [1, 2, 30].map((seconds, i) => ({ id: `r${i}`, status: i === 2 ? ('FAILED' as const) : ('SUCCEEDED' as const), queued_at: '2026-11-23T10:00:00Z', seconds }))
const last = (id: string, status: string) => ({ id, status, started_at: '2026-11-23T10:00:00Z', finished_at: '2026-11-23T10:00:04Z' }) as RunSummary

describe('the small history of a job', () => {
  it('has its median from the runs that succeeded', () => {
    expect(histories([{ id: 'j', recent }]).get('j')!.medianMs).toBe(1500)
    expect(histories([{ id: 'j', recent: [] }]).get('j')).toEqual({ bars: [], medianMs: null })
  })

  it('takes the newest run from the live events, once', () => {
    const history = histories([{ id: 'j', recent }]).get('j')
    const ids = (run: RunSummary) => barsOf({ last_run: run } as JobCard, history).map((bar) => `${bar.id} ${bar.status}`)
    expect(ids(last('r3', 'SUCCEEDED'))).toEqual(['r0 SUCCEEDED', 'r1 SUCCEEDED', 'r2 FAILED', 'r3 SUCCEEDED'])
    expect(ids(last('r2', 'RUNNING'))).toEqual(['r0 SUCCEEDED', 'r1 SUCCEEDED', 'r2 RUNNING'])
    expect(ids(last('r9', 'SKIPPED'))).toHaveLength(3)
  })

  it('has four heights', () => {
    expect([100, 1000, 1800, 4000].map((ms) => heightClass(ms, 1000))).toEqual([1, 2, 3, 4])
    expect([heightClass(null, 1000), heightClass(5, null)]).toEqual([2, 2])
  })
})

it('names the runs that took more than twice the median, longest first, and not what is a second apart', () => {
  const runs = [5, 11, 10, 30, null].map((seconds, i) => ({ id: `r${i}`, status: 'SUCCEEDED' as const, queued_at: '', seconds }))
  expect(outliers(runs, 5).map((run) => run.id)).toEqual(['r3', 'r1'])
  expect(outliers([{ ...runs[0]!, seconds: 0.9 }], 0.1)).toEqual([])
  expect(outliers(runs, null)).toEqual([])
})
