import { afterEach, describe, expect, test } from 'vitest'
import { duration, everyZone, relative, serverNow, setSkew, stopwatch, toMillis } from './time'

const words = { now: 'now', justNow: 'just now', ahead: (x: string) => `in ${x}`, ago: (x: string) => `${x} ago`, days: (n: number) => `${n} d` }

afterEach(() => setSkew(0))

describe('durations', () => {
  test.each([
    [0, '0 ms'], [640, '640 ms'], [8_000, '8.0 s'], [59_949, '59.9 s'], [59_960, '1m 00s'], [276_000, '4m 36s'],
    [3_599_600, '1h 00m'], [7_500_000, '2h 05m'], [273_600_000, '3d 4h'], [-5, '0 ms'],
  ])('%i ms reads %s', (ms, text) => expect(duration(ms)).toBe(text))

  test('a stopwatch counts whole seconds and never goes below zero', () => {
    expect(stopwatch(134_999)).toBe('00:02:14')
    expect(stopwatch(-1)).toBe('00:00:00')
    expect(stopwatch(100 * 3_600_000)).toBe('100:00:00')
  })
})

describe('relative times', () => {
  const now = Date.UTC(2026, 10, 22)
  test.each([
    [3_000, 'now'], [-3_000, 'just now'], [14 * 60_000, 'in 14 min'], [-7_200_000, '2 h ago'],
    [-47 * 3_600_000, '47 h ago'], [-3 * 86_400_000, '3 d ago'], [30_000, 'in 30 s'],
  ])('an offset of %i ms reads %s', (offset, text) => expect(relative(now + offset, now, words)).toBe(text))
})

test('the measured skew moves the present, not the instants', () => {
  const before = Date.now()
  setSkew(60_000)
  expect(serverNow() - before).toBeGreaterThanOrEqual(60_000)
  expect(toMillis('2026-11-22T00:00:00.000Z')).toBe(Date.UTC(2026, 10, 22))
})

test('an unreadable instant is no instant', () => {
  expect(toMillis('yesterday')).toBeNull()
  expect(toMillis(null)).toBeNull()
})

test('the tooltip names UTC and the zone of the job, and survives an unknown zone', () => {
  const at = Date.UTC(2026, 10, 22, 1, 30)
  expect(everyZone(at, 'Europe/Paris')).toMatch(/2026-11-22 01:30:00 \(UTC\)\n.*02:30:00 \(Europe\/Paris\)/)
  expect(everyZone(at, 'Mars/Olympus').split('\n')).toHaveLength(2)
})
