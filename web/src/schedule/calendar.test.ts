import { expect, test } from 'vitest'
import { countsOf, firesWithin, picture, spanOf, type Calendar, type CalendarRow, type CalendarRun } from './calendar'
import { calendarFile } from './ics'
import { blocks, hourLabels, load, peaks } from './layout'
import { rhythm } from './words'
import { daysFrom } from './zone'

const row = (id: string, more: Partial<CalendarRow> = {}): CalendarRow => ({ id, schedule: 'default', timezone: 'UTC', enabled: true, p50_seconds: null, p95_seconds: null, fires: [], bands: [], ...more })
const run = (id: string, at: string, more: Partial<CalendarRun> = {}): CalendarRun => ({ id, job_id: 'a', schedule: 'default', status: 'SUCCEEDED', at, seconds: 60, ...more })
const calendar = (more: Partial<Calendar> = {}): Calendar => ({ from: '2026-11-23T00:00:00Z', to: '2026-11-30T00:00:00Z', now: '2026-11-23T12:00:00Z', jobs: [], runs: [], slots: [], truncated: false, ...more })
const band = (every: number, count: number, first: string) => ({ every_seconds: every, count, first, last: new Date(Date.parse(first) + (count - 1) * every * 1000).toISOString() })
const WEEK = daysFrom('2026-11-23', 7)
const ALL = { disabled: false }

test('the fires of a band within a span are counted without unrolling it', () => {
  const every = band(300, 12, '2026-11-23T00:00:00Z')
  const at = (text: string) => Date.parse(`2026-11-23T${text}:00Z`)
  expect(firesWithin(every, at('00:00'), at('00:30'))).toBe(6)
  expect(firesWithin(every, at('00:01'), at('00:06'))).toBe(1)
  expect(firesWithin(every, at('00:55'), at('03:00'))).toBe(1)
  expect(firesWithin(every, at('01:00'), at('03:00'))).toBe(0)
})

test('a daily band is drawn fire by fire, a band of every five minutes as one line', () => {
  const shown = picture(calendar({ jobs: [row('daily', { bands: [band(86_400, 7, '2026-11-23T02:00:00Z')] }), row('often', { bands: [band(300, 2016, '2026-11-23T00:00:00Z')] })] }), WEEK, 'UTC', ALL)
  expect(shown.days.map((day) => day.items.map((item) => item.job).join())).toEqual(Array(7).fill('daily'))
  expect(shown.lines).toHaveLength(1)
  expect(shown.lines[0]).toMatchObject({ job: 'often', everySeconds: 300, planned: 2016 })
})

test('runs, failures and lost slots of a line are counted in it; those of other jobs stand by themselves', () => {
  const runs = Array.from({ length: 20 }, (_, i) => run(`r${i}`, `2026-11-23T0${Math.floor(i / 4)}:${(i % 4) * 15 || '00'}:00Z`, { status: i === 3 ? 'FAILED' : 'SUCCEEDED' }))
  const slots = [{ job_id: 'a', schedule: 'default', due_at: '2026-11-23T06:00:00Z', outcome: 'missed' as const, reason: 'the process was down' }]
  const shown = picture(calendar({ runs: [...runs, run('by-hand', '2026-11-23T06:00:00Z', { schedule: null })], slots }), WEEK, 'UTC', ALL)
  expect(shown.lines[0]).toMatchObject({ runs: 20, failed: 1, everySeconds: null })
  expect(shown.lines[0]!.lost[0]!.reason).toBe('the process was down')
  expect(shown.days[0]!.items.map((item) => item.key)).toEqual(['by-hand'])
})

test('what is to come, what ran and what fell through are in the order of time, on the day of the zone', () => {
  const document = calendar({
    jobs: [row('b', { fires: ['2026-11-23T23:30:00Z'], p50_seconds: 120, p95_seconds: 300 })],
    runs: [run('r', '2026-11-23T10:00:00Z')],
    slots: [{ job_id: 'c', schedule: 'default', due_at: '2026-11-23T09:00:00Z', outcome: 'missed', reason: null }],
  })
  expect(picture(document, WEEK, 'UTC', ALL).days[0]!.items.map((item) => item.kind)).toEqual(['lost', 'run', 'fire'])
  const paris = picture(document, WEEK, 'Europe/Paris', ALL)
  expect(paris.days.slice(0, 2).map((day) => day.items.length)).toEqual([2, 1])
  const fire = paris.days[1]!.items[0]!
  expect(fire.kind === 'fire' && [fire.until - fire.at, fire.late - fire.at, fire.isKnown]).toEqual([120_000, 300_000, true])
})

test('schedules that are off are shown only when they are asked for', () => {
  const document = calendar({ jobs: [row('off', { enabled: false, fires: ['2026-11-24T02:00:00Z'] })] })
  expect(picture(document, WEEK, 'UTC', ALL).days[1]!.items).toHaveLength(0)
  expect(picture(document, WEEK, 'UTC', { disabled: true }).days[1]!.items).toMatchObject([{ enabled: false }])
})

test('job, group of jobs and state filter each for itself', () => {
  const document = calendar({ jobs: [row('a', { fires: ['2026-11-24T02:00:00Z'] }), row('b', { fires: ['2026-11-24T03:00:00Z'] })], runs: [run('r', '2026-11-23T10:00:00Z', { status: 'FAILED' })] })
  const items = (choice: Parameters<typeof picture>[3]) => picture(document, WEEK, 'UTC', choice).days.flatMap((day) => day.items.map((item) => `${item.job} ${item.kind}`))
  expect(items({ ...ALL, job: 'b' })).toEqual(['b fire'])
  expect(items({ ...ALL, jobs: new Set(['a']) })).toEqual(['a run', 'a fire'])
  expect(items({ ...ALL, state: 'FAILED' })).toEqual(['a run'])
  expect(items({ ...ALL, state: 'planned' })).toEqual(['a fire', 'b fire'])
  expect(items({ ...ALL, state: 'lost' })).toEqual([])
})

test('a month counts every fire of a band on its day', () => {
  const counts = countsOf(calendar({ jobs: [row('often', { bands: [band(300, 576, '2026-11-23T12:00:00Z')] })], runs: [run('r', '2026-11-23T10:00:00Z')] }), spanOf(WEEK, 'UTC'), ALL)
  expect(counts.slice(0, 4).map((day) => day.planned)).toEqual([144, 288, 144, 0])
  expect(counts[0]!.runs).toEqual({ SUCCEEDED: 1 })
})

test('things at one time stand side by side, and those beyond the lanes are counted', () => {
  const fires = (n: number) => Array.from({ length: n }, (_, i) => row(`j${i}`, { fires: ['2026-11-24T02:00:00Z'] }))
  const day = (n: number) => picture(calendar({ jobs: [...fires(n), row('later', { fires: ['2026-11-24T08:00:00Z'] })] }), WEEK, 'UTC', ALL).days[1]!
  const two = blocks(day(2), 'UTC', 'wall', 2)
  expect(two.blocks.map((block) => [block.lane, block.lanes, block.top])).toEqual([[0, 2, 120], [1, 2, 120], [0, 1, 480]])
  const five = blocks(day(5), 'UTC', 'wall', 2)
  expect(five.rests.map((rest) => [rest.items.length, rest.top])).toEqual([[4, 120]])
  expect(five.blocks.map((block) => [block.lanes, block.isCrowded])).toEqual([[1, true], [1, false]])
})

test('what found no lane is counted near its own time, however long the crowd goes on', () => {
  const jobs = Array.from({ length: 90 }, (_, i) => row(`j${i}`, { fires: [`2026-11-24T0${Math.floor(i / 30)}:${String((i % 30) * 2).padStart(2, '0')}:00Z`] }))
  const { blocks: placed, rests } = blocks(picture(calendar({ jobs }), WEEK, 'UTC', ALL).days[1]!, 'UTC', 'wall', 2)
  expect(placed.length + rests.reduce((sum, rest) => sum + rest.items.length, 0)).toBe(90)
  expect(rests.every((rest, i) => i === 0 || rest.top >= rests[i - 1]!.top + 26)).toBe(true)
  expect(rests.length).toBeGreaterThan(4)
})

test('a block is as long as the job usually takes, with the part of slow runs after it', () => {
  const shown = picture(calendar({ jobs: [row('long', { fires: ['2026-11-24T02:00:00Z'], p50_seconds: 3600, p95_seconds: 7200 })] }), WEEK, 'UTC', ALL)
  expect(blocks(shown.days[1]!, 'UTC', 'wall', 2).blocks[0]).toMatchObject({ minutes: 120, usual: 0.5 })
})

test('a day of 25 hours shows two o’clock twice', () => {
  const [day] = spanOf(['2026-10-25'], 'Europe/Paris').map((each) => ({ ...each, items: [] }))
  const labels = hourLabels(day!, 'Europe/Paris')
  expect(labels).toHaveLength(25)
  expect(labels.slice(1, 5)).toEqual(['01:00', '02:00', '02:00', '03:00'])
})

test('the load names the jobs of each quarter, and the busiest come first', () => {
  const document = calendar({
    jobs: [row('a', { fires: ['2026-11-24T02:00:00Z'], p50_seconds: 1800 }), row('b', { fires: ['2026-11-24T02:20:00Z'] }), row('often', { bands: [band(300, 12, '2026-11-24T02:00:00Z')] }), row('off', { enabled: false, fires: ['2026-11-24T02:00:00Z'] })],
  })
  const from = Date.parse('2026-11-24T00:00:00Z')
  const quarters = load(document, from, from + 86_400_000, ALL)
  expect(quarters.filter((quarter) => quarter.jobs.length > 0).map((quarter) => quarter.jobs.join('+'))).toEqual(['a+often', 'a+b+often', 'often', 'often'])
  expect(peaks(quarters, 0, 2).map((quarter) => quarter.jobs.length)).toEqual([3, 2])
  expect(peaks(quarters, from + 86_400_000, 2)).toEqual([])
})

test('a file for other calendars has the fires to come and nothing else', () => {
  const shown = picture(calendar({ jobs: [row('a,b', { fires: ['2026-11-24T02:00:00Z'] })], runs: [run('r', '2026-11-23T10:00:00Z')] }), WEEK, 'UTC', ALL)
  const lines = calendarFile(shown.days, 0).split('\r\n')
  expect(lines.filter((line) => line.startsWith('BEGIN:VEVENT'))).toHaveLength(1)
  expect(lines).toContain('DTSTART:20261124T020000Z')
  expect(lines).toContain('SUMMARY:a\\,b')
})

test('a rhythm is told in its largest whole unit', () => {
  expect([rhythm(30), rhythm(60), rhythm(300), rhythm(7200), rhythm(5400)]).toEqual(['every 30 s', 'every minute', 'every 5 min', 'every 2 h', 'every 90 min'])
})
