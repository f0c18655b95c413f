import { expect, it } from 'vitest'
import type { JobStats } from '../api/types'
import { isSlow, times, usualOf } from './usual'

it('knows what is usual from three runs on', () => {
  const steps = [{ name: 'a', median_seconds: 2, runs: 3 }, { name: 'b', median_seconds: 2, runs: 2 }]
  expect([...usualOf({ steps } as JobStats)]).toEqual([['a', 2000]])
  expect(usualOf(null).size).toBe(0)
})

it('calls slow what takes more than twice as long, and at least a second more', () => {
  expect([isSlow(4001, 2000), isSlow(4000, 2000), isSlow(90, 30), isSlow(null, 2000), isSlow(9000, null)]).toEqual([true, false, false, false, false])
  expect([times(4800, 2000), times(50_000, 2000)]).toEqual(['2.4×', '25×'])
})
