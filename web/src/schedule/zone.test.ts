import { expect, test } from 'vitest'
import { dateOf, datesOf, step, viewOf, zoneOf } from './search'
import { firstWeekday, hourMinute, hoursOf, isDate, isZone, localIn, monthDays, plusDays, plusMonths, startOf, weekStart } from './zone'

const PARIS = 'Europe/Paris'

test('a day begins when the clock of its zone says so', () => {
  expect(new Date(startOf('2026-11-23', PARIS)).toISOString()).toBe('2026-11-22T23:00:00.000Z')
  expect(new Date(startOf('2026-07-01', 'America/New_York')).toISOString()).toBe('2026-07-01T04:00:00.000Z')
  expect(new Date(startOf('2026-11-23', 'Asia/Kathmandu')).toISOString()).toBe('2026-11-22T18:15:00.000Z')
  expect(new Date(startOf('2026-11-23', 'Pacific/Kiritimati')).toISOString()).toBe('2026-11-22T10:00:00.000Z')
})

test('a day on which the clocks change has 23 or 25 hours, any other 24', () => {
  expect(hoursOf('2026-03-29', PARIS)).toBe(23)
  expect(hoursOf('2026-10-25', PARIS)).toBe(25)
  expect(hoursOf('2026-10-25', 'UTC')).toBe(24)
  expect(hoursOf('2026-10-04', 'Australia/Lord_Howe')).toBe(23.5)
})

test('where midnight is left out the day begins at the first instant there is', () => {
  // Cuba puts its clocks forward from 00:00 to 01:00.
  const start = startOf('2026-03-08', 'America/Havana')
  expect(localIn(start, 'America/Havana')).toEqual({ date: '2026-03-08', minute: 60 })
  expect(localIn(start - 60_000, 'America/Havana').date).toBe('2026-03-07')
})

test('weeks begin on the day the region says, months are whole weeks', () => {
  expect([firstWeekday('fr-FR'), firstWeekday('en-GB'), firstWeekday('en-US')]).toEqual([1, 1, 7])
  expect(firstWeekday('no such region')).toBe(1)
  expect(weekStart('2026-11-22', 1)).toBe('2026-11-16')
  expect(weekStart('2026-11-22', 7)).toBe('2026-11-22')
  const november = monthDays('2026-11-23', 1)
  expect([november[0], november.at(-1), november.length]).toEqual(['2026-10-26', '2026-12-06', 42])
  expect(monthDays('2027-02-10', 1)).toHaveLength(28)
})

test('dates go on over the ends of months and years', () => {
  expect(plusDays('2026-12-31', 1)).toBe('2027-01-01')
  expect(plusMonths('2026-12-31', 1)).toBe('2027-01-01')
  expect(plusMonths('2026-01-31', -1)).toBe('2025-12-01')
})

test('seconds are shown only where there are any', () => {
  const midnight = Date.parse('2026-11-23T01:05:00Z')
  expect([hourMinute(midnight, 'UTC'), hourMinute(midnight + 7_000, PARIS)]).toEqual(['01:05', '02:05:07'])
})

test('an address that makes no sense shows today in the usual view', () => {
  const now = Date.parse('2026-11-22T23:30:00Z')
  expect([isDate('2026-02-30'), isDate('yesterday'), isDate(undefined), isDate('2026-02-28')]).toEqual([false, false, false, true])
  expect(isZone('Mars/Olympus')).toBe(false)
  expect([dateOf({ at: '2026-02-30' }, now, 'UTC'), dateOf({}, now, PARIS)]).toEqual(['2026-11-22', '2026-11-23'])
  expect([viewOf({ view: 'year' }, false), viewOf({}, true), viewOf({ view: 'week' }, true), viewOf({ view: 'month' }, true)]).toEqual(['week', 'agenda', 'agenda', 'month'])
  expect([zoneOf({ zone: 'Mars/Olympus' }, 'UTC'), zoneOf({ zone: PARIS }, 'UTC')]).toEqual(['UTC', PARIS])
})

test('each view has its days and its step', () => {
  expect(datesOf('agenda', '2026-11-25', 1)[0]).toBe('2026-11-25')
  expect(datesOf('week', '2026-11-25', 1)).toHaveLength(7)
  expect(datesOf('week', '2026-11-25', 1)[0]).toBe('2026-11-23')
  expect(datesOf('day', '2026-11-25', 1)).toEqual(['2026-11-25'])
  expect([step('day', '2026-11-25', 1), step('week', '2026-11-25', -1), step('month', '2026-11-25', 1)]).toEqual(['2026-11-26', '2026-11-18', '2026-12-01'])
})
