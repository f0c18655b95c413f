import { describe, expect, test } from 'vitest'
import type { JobCard, RunSummary } from '../api/types'
import { matches, shownStatus } from './filter'

const last = { id: 'r1', status: 'FAILED' } as RunSummary
const job = (more: Partial<JobCard> = {}): JobCard => ({
  id: 'nomajde-daily-sync', app: 'jde', description: 'Daily sync of control tables', tags: ['etl', 'nightly'], enabled: true, schedule: null, timezone: null, step_count: 7,
  valid: true, problems: [], active_run_id: null, last_run: last, next_run_at: null, needs_dialog: true, warnings: [], recent: [], ...more,
})

describe('the filter box', () => {
  test.each([
    ['', true], ['daily', true], ['CONTROL sync', true], ['control audit', false], ['night', true], ['tag:night', false], ['tag:nightly etl', true],
    ['app:jde', true], ['family:jde', true], ['family:other', false], ['app:other', false], ['state:failed', true], ['state:running', false], ['enabled:yes', true], ['enabled:no', false],
  ])('%j', (query, found) => expect(matches(job(), query)).toBe(found))
})

test('the shown state is that of the running run before that of the last', () => {
  expect(shownStatus(job())).toBe('FAILED')
  expect(shownStatus(job({ active_run_id: 'r2' }))).toBe('RUNNING')
  expect(shownStatus(job({ last_run: null }))).toBe('NEVER')
  expect(shownStatus(job({ valid: false }))).toBe('INVALID')
})
