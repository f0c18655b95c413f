import { describe, expect, it } from 'vitest'
import type { RunPlot } from '../api/types'
import { HEIGHT, spanOf, strip } from './strip'

const WIDTH = 1000
const at = (minutes: number) => new Date(Date.parse('2026-11-23T10:00:00Z') + minutes * 60_000).toISOString()
const now = Date.parse(at(60))
const plot = (part: Partial<RunPlot>): RunPlot => ({ total: 0, from: null, to: null, runs: [], counts: [], searched_to: null, ...part })

describe('the strip of runs', () => {
  it('puts later to the right and longer higher', () => {
    const runs = [
      { id: 'b', job_id: 'j', status: 'FAILED' as const, queued_at: at(40), seconds: 600 },
      { id: 'a', job_id: 'j', status: 'SUCCEEDED' as const, queued_at: at(10), seconds: 1 },
    ]
    const { dots, lines } = strip(plot({ total: 2, runs }), at(0), at(60), now, WIDTH)
    expect(dots.map((dot) => dot.run)).toEqual(['a', 'b'])
    expect(dots[0]!.x).toBeLessThan(dots[1]!.x)
    expect(dots[0]!.y).toBeGreaterThan(dots[1]!.y)
    expect(lines.map((line) => line.seconds)).toEqual([1, 10, 60])
  })

  it('stands runs without a length at the bottom and keeps every dot on the paper', () => {
    const runs = [{ id: 'a', job_id: 'j', status: 'SKIPPED' as const, queued_at: at(-500), seconds: null }]
    const [dot] = strip(plot({ total: 1, runs }), at(0), at(60), now, WIDTH).dots
    expect(dot!.y).toBeLessThan(HEIGHT)
    expect(dot!.y).toBeGreaterThan(HEIGHT / 2)
    expect(dot!.x).toBeGreaterThan(0)
  })

  it('draws counts larger the more they stand for', () => {
    const counts = [1, 100].map((count, i) => ({ from: at(i), to: at(i + 1), status: 'SUCCEEDED' as const, seconds: 5, count }))
    const { dots } = strip(plot({ total: 101, from: at(0), to: at(2), counts }), undefined, undefined, now, WIDTH)
    expect(dots[0]!.r).toBeLessThan(dots[1]!.r)
    expect(dots.map((dot) => dot.run)).toEqual([null, null])
  })

  it('reads a span off two places, in either order, and none off a click', () => {
    expect(strip(plot({ searched_to: at(30) }), at(0), at(60), now, WIDTH).fromMs).toBe(Date.parse(at(30)))
    const picture = strip(plot({}), at(0), at(60), now, WIDTH)
    const span = spanOf(picture, WIDTH - 7, 7)!
    expect([span.from, span.to]).toEqual([at(0), at(60)])
    expect(spanOf(picture, 100, 103)).toBeNull()
  })
})
