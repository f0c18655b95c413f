import { describe, expect, test } from 'vitest'
import type { JobCard, JobsDocument, RunDocument, RunStatus, RunSummary, StepRun, StepStatus } from '../api/types'
import { Journal } from './journal'
import type { LiveEvent } from './protocol'
import { isForServer, reduceJob, reduceJobs, reduceRun, reduceRuns } from './reducer'

function run(id: string, status: RunStatus, more: Partial<RunSummary> = {}): RunSummary {
  return {
    id, job_id: 'sync', status, reason: null, error: null, triggered_by: 'user:alice', schedule: null, scheduled_at: null, replay_of: null, queued_at: '2026-11-22T02:00:00Z', started_at: null, finished_at: null,
    rows_affected: 0, step_count: 3, steps_done: 0, log_level: 'INFO', cancel_requested_by: null, cancel_requested_at: null, ...more,
  }
}

function card(id: string, last: RunSummary | null = null, active: string | null = null): JobCard {
  return {
    id, app: 'demo', description: '', tags: [], enabled: true, schedule: null, timezone: null, step_count: 3, valid: true, problems: [], active_run_id: active, last_run: last,
    next_run_at: null, needs_dialog: false, warnings: [], recent: [],
  }
}

const said = (summary: RunSummary): LiveEvent => ({ type: 'run', run: summary })
const jobs = (...cards: JobCard[]): JobsDocument => ({ jobs: cards, active_run_ids: [], problems: [] })

function step(index: number, attempt: number, status: StepStatus, more: Partial<StepRun> = {}): StepRun {
  return { index, name: `S${index}`, type: 'sql_query', attempt, status, reason: null, retry_at: null, started_at: null, finished_at: null, rows_affected: null, error: null, usage: null, ...more }
}

const document = (status: RunStatus, steps: StepRun[]): RunDocument => ({
  run: { ...run('r2', status), params: { a: 1 }, overrides: {}, owner: 'node', term: 1, placement: 'any', replay_from: null }, steps, log_total: 0,
})

describe('the catalogue', () => {
  test('a run that starts makes its card busy and a run that ends frees it', () => {
    const busy = reduceJobs(jobs(card('sync'), card('other')), said(run('r1', 'RUNNING')))
    expect(busy.jobs[0]).toMatchObject({ active_run_id: 'r1', last_run: { status: 'RUNNING' } })
    expect(busy.active_run_ids).toEqual(['r1'])
    const free = reduceJobs(busy, said(run('r1', 'SUCCEEDED')))
    expect(free.jobs[0]).toMatchObject({ active_run_id: null, last_run: { status: 'SUCCEEDED' } })
    expect(free.active_run_ids).toEqual([])
  })

  test('the card of another job stays the very same object', () => {
    const before = jobs(card('sync'), card('other'))
    expect(reduceJobs(before, said(run('r1', 'RUNNING'))).jobs[1]).toBe(before.jobs[1])
    expect(reduceJobs(before, said(run('r1', 'RUNNING', { job_id: 'gone' })))).toBe(before)
  })

  test('a late event never takes a finished run back', () => {
    const done = jobs(card('sync', run('r1', 'SUCCEEDED')))
    expect(reduceJobs(done, said(run('r1', 'RUNNING')))).toBe(done)
    const newer = jobs(card('sync', run('r2', 'SUCCEEDED')))
    expect(reduceJobs(newer, said(run('r1', 'RUNNING')))).toBe(newer)
  })

  test('a fire skipped for overlap does not hide the run that goes on', () => {
    const busy = jobs(card('sync', run('r1', 'RUNNING'), 'r1'))
    expect(reduceJobs(busy, said(run('r2', 'SKIPPED'))).jobs[0]).toMatchObject({ active_run_id: 'r1', last_run: { id: 'r1' } })
  })

  test('progress within a run only goes forward', () => {
    const busy = jobs(card('sync', run('r1', 'RUNNING', { steps_done: 2 }), 'r1'))
    expect(reduceJobs(busy, said(run('r1', 'RUNNING', { steps_done: 1 })))).toBe(busy)
    expect(reduceJobs(busy, said(run('r1', 'RUNNING', { steps_done: 3 }))).jobs[0]!.last_run!.steps_done).toBe(3)
  })
})

describe('a list of runs', () => {
  const page = { runs: [run('r3', 'SUCCEEDED'), run('r1', 'FAILED')], next: null, incomplete: false, searched_to: null }

  test('takes a new run at its place and changes a known one where it stands', () => {
    expect(reduceRuns(page, said(run('r4', 'QUEUED')), {}).runs.map((each) => each.id)).toEqual(['r4', 'r3', 'r1'])
    expect(reduceRuns(page, said(run('r2', 'SKIPPED')), {}).runs.map((each) => each.id)).toEqual(['r3', 'r2', 'r1'])
  })

  test('leaves out what the filter excludes, and what is older than the page', () => {
    expect(reduceRuns(page, said(run('r4', 'QUEUED')), { job: 'other' })).toBe(page)
    expect(reduceRuns(page, said(run('r4', 'QUEUED')), { status: 'FAILED' }).runs.map((each) => each.id)).toEqual(['r1'])
    expect(reduceRuns(page, said(run('r4', 'QUEUED')), { before: 'r5' })).toBe(page)
    expect(reduceRuns(page, said(run('r0', 'QUEUED')), {})).toBe(page)
  })

  test('of one job follows that job', () => {
    const detail = { ...card('sync'), params: {}, log_level: 'INFO' as const, timeout_seconds: null, overlap: 'skip' as const, on_restart: 'fail' as const, placement: null, retry: { attempts: 1, backoff: 'fixed', base_seconds: 60 }, schedules: [], presets: [], long_run_minutes: null, steps: [], runs: [], source: null }
    expect(reduceJob(detail, said(run('r1', 'QUEUED')))).toMatchObject({ active_run_id: 'r1', runs: [{ id: 'r1' }] })
    expect(reduceJob(detail, said(run('r1', 'QUEUED', { job_id: 'other' })))).toBe(detail)
  })
})

describe('a run', () => {
  test('keeps what events do not carry', () => {
    const next = reduceRun(document('RUNNING', []), said(run('r2', 'SUCCEEDED')))
    expect(next.run).toMatchObject({ status: 'SUCCEEDED', params: { a: 1 }, owner: 'node' })
  })

  const asked = { cancel_requested_by: 'user:bob', cancel_requested_at: '2026-11-22T02:00:09Z' }

  test('says on every page that somebody asked for its end, while it goes on', () => {
    const event = said(run('r2', 'RUNNING', asked))
    expect(reduceRun(document('RUNNING', []), event).run).toMatchObject({ status: 'RUNNING', ...asked })
    expect(reduceJobs(jobs(card('sync', run('r2', 'RUNNING'), 'r2')), event).jobs[0]!.last_run).toMatchObject(asked)
    expect(reduceRuns({ runs: [run('r2', 'RUNNING')], next: null, incomplete: false, searched_to: null }, event, {}).runs[0]).toMatchObject(asked)
  })

  test('keeps who asked for its end, whatever comes late', () => {
    const events = [said(run('r2', 'RUNNING', { steps_done: 1 })), said(run('r2', 'RUNNING', { steps_done: 0, ...asked })), said(run('r2', 'RUNNING', { steps_done: 2 })), said(run('r2', 'CANCELED', { steps_done: 2 }))]
    for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [2, 1, 0, 3], [1, 3, 0, 2], [0, 2, 3, 1]]) {
      expect(order.map((i) => events[i]!).reduce(reduceRun, document('RUNNING', [])).run).toMatchObject({ status: 'CANCELED', steps_done: 2, ...asked })
    }
    const later = said(run('r2', 'RUNNING', { steps_done: 1, cancel_requested_by: 'user:ann', cancel_requested_at: '2026-11-22T02:00:20Z' }))
    expect(reduceRun(reduceRun(document('RUNNING', []), events[1]!), later).run).toMatchObject({ steps_done: 1, ...asked })
  })

  test('takes a step event for the pending row and keeps the steps in order', () => {
    const before = document('RUNNING', [step(0, 1, 'SUCCEEDED'), step(1, 1, 'PENDING'), step(2, 1, 'PENDING')])
    const next = reduceRun(before, { type: 'step', run_id: 'r2', step: step(1, 1, 'RUNNING') })
    expect(next.steps.map((each) => [each.index, each.attempt, each.status])).toEqual([[0, 1, 'SUCCEEDED'], [1, 1, 'RUNNING'], [2, 1, 'PENDING']])
  })

  test('adds a second attempt beside the first', () => {
    const next = reduceRun(document('RUNNING', [step(0, 1, 'FAILED')]), { type: 'step', run_id: 'r2', step: step(0, 2, 'RUNNING') })
    expect(next.steps.map((each) => each.attempt)).toEqual([1, 2])
  })

  test('a step event keeps the input that REST brought', () => {
    const before = document('RUNNING', [step(0, 1, 'RUNNING', { input: { sql: 'select 1' } })])
    expect(reduceRun(before, { type: 'step', run_id: 'r2', step: step(0, 1, 'SUCCEEDED') }).steps[0]).toMatchObject({ status: 'SUCCEEDED', input: { sql: 'select 1' } })
  })

  test('events in any order and any number end in the same document', () => {
    const events: LiveEvent[] = [
      said(run('r2', 'RUNNING', { steps_done: 1 })), said(run('r2', 'SUCCEEDED', { steps_done: 2 })),
      { type: 'step', run_id: 'r2', step: step(0, 1, 'RUNNING') }, { type: 'step', run_id: 'r2', step: step(0, 1, 'SUCCEEDED') },
      { type: 'step', run_id: 'r2', step: step(1, 1, 'FAILED') }, { type: 'step', run_id: 'r2', step: step(1, 2, 'SUCCEEDED') },
    ]
    const start = document('QUEUED', [step(0, 1, 'PENDING'), step(1, 1, 'PENDING')])
    const expected = events.reduce(reduceRun, start)
    for (let seed = 1; seed <= 200; seed++) {
      const shuffled = [...events, ...events].map((event, i) => [Math.sin(seed * 97 + i * 31), event] as const).sort((a, b) => a[0] - b[0]).map(([, event]) => event)
      expect(shuffled.reduce(reduceRun, start)).toEqual(expected)
    }
  })

  test('an event of another run changes nothing', () => {
    const before = document('RUNNING', [])
    expect(reduceRun(before, { type: 'step', run_id: 'r9', step: step(0, 1, 'RUNNING') })).toBe(before)
    expect(reduceRun(before, said(run('r9', 'FAILED')))).toBe(before)
  })
})

test('a list with a filter that only the server knows is read again when a run may belong into it', () => {
  const page = { runs: [run('r1', 'SUCCEEDED')], next: null, incomplete: false, searched_to: null }
  const asks = (event: LiveEvent, scope: Parameters<typeof isForServer>[2]) => isForServer(page, event, scope)
  expect(asks(said(run('r4', 'QUEUED')), { tag: 'etl' })).toBe(true)
  expect(asks(said(run('r4', 'FAILED', { steps_done: 2 })), { q: 'ORA' })).toBe(true)
  expect(asks(said(run('r4', 'RUNNING', { steps_done: 2 })), { q: 'ORA' })).toBe(false)
  expect(asks(said(run('r1', 'QUEUED')), { tag: 'etl' })).toBe(false)
  expect(asks(said(run('r4', 'QUEUED')), {})).toBe(false)
  expect(asks(said(run('r4', 'QUEUED')), { tag: 'etl', job: 'other' })).toBe(false)
  expect(asks(said(run('r4', 'QUEUED')), { tag: 'etl', before: 'r3' })).toBe(false)
})

test('an answer that was read before an event but arrives after it is brought up to date', async () => {
  const journal = new Journal()
  journal.record(said(run('r2', 'QUEUED')))
  const fresh = await journal.during(async () => {
    journal.record(said(run('r2', 'SUCCEEDED')))
    return document('RUNNING', [])
  }, reduceRun)
  expect(fresh.run.status).toBe('SUCCEEDED')
})

test('the journal forgets old events and still serves a slow request', async () => {
  const journal = new Journal()
  const seen: string[] = []
  await journal.during(async () => {
    for (let i = 0; i < 5000; i++) journal.record(said(run(String(i).padStart(5, '0'), 'QUEUED')))
    return 0
  }, (n, event) => {
    if (event.type === 'run') seen.push(event.run.id)
    return n
  })
  expect(seen.at(-1)).toBe('04999')
  expect(seen.length).toBeLessThanOrEqual(2048)
})
