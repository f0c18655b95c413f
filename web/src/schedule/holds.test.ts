import { expect, test } from 'vitest'
import type { Maintenance } from '../api/client'
import { spanOf } from './calendar'
import { mayUndo, stretches, timeOf, wallOf } from './holds'
import { between } from './useDraw'

const window = (from: string, to: string, state: Maintenance['state'] = 'planned'): Maintenance => ({ id: from, from, to, reason: '', created_by: 'user:ann', created_at: from, state })
const days = (...dates: string[]) => spanOf(dates, 'Europe/Paris').map((day) => ({ ...day, items: [] }))

test('a window over midnight lies in both days, from and to their edges', () => {
  const over = [window('2026-11-23T21:00:00Z', '2026-11-24T05:30:00Z')]
  const [first, second, third] = days('2026-11-23', '2026-11-24', '2026-11-25').map((day) => stretches(over, day, 'Europe/Paris', 'wall').map(({ top, minutes }) => [top, minutes]))
  expect([first, second, third]).toEqual([[[22 * 60, 120]], [[0, 6 * 60 + 30]], []])
})

test('on a day of 25 hours a window takes the hours that go by', () => {
  const night = [window('2026-10-25T00:00:00Z', '2026-10-25T02:00:00Z')]
  const [day] = days('2026-10-25')
  expect(stretches(night, day!, 'Europe/Paris', 'elapsed').map(({ top, minutes }) => [top, minutes])).toEqual([[120, 120]])
})

test('what is drawn is in quarters of an hour, whichever way it is drawn, and at least one', () => {
  expect(between(100, 110, 1000, 1440)).toEqual({ top: 135, bottom: 165 })
  expect(between(110, 100, 1000, 1440)).toEqual({ top: 135, bottom: 165 })
  expect(between(0, 1, 1000, 1440)).toEqual({ top: 0, bottom: 15 })
  expect(between(990, 5000, 1000, 1440)).toEqual({ top: 1425, bottom: 1440 })
})

test('inputs get wall times, and the end of a day its last minute', () => {
  expect(wallOf(Date.parse('2026-11-23T22:30:40Z'), 'Europe/Paris')).toBe('2026-11-23T23:30')
  expect([timeOf(0), timeOf(61), timeOf(1440)]).toEqual(['00:00', '01:01', '23:59'])
})

test('a skip is taken back only while its fire is far enough', () => {
  expect([mayUndo(100_000, 0), mayUndo(30_000, 0), mayUndo(0, 0)]).toEqual([true, false, false])
})
