import { describe, expect, it } from 'vitest'
import { axis, SCALE } from './axis'

const HOUR = 3_600_000

describe('the axis of the timeline', () => {
  it('is straight when nothing is folded', () => {
    const straight = axis(0, 100, [[0, 100]], { fold: true, zoom: null })
    expect([straight.place(0), straight.place(25), straight.place(100), straight.place(900)]).toEqual([0, 250, SCALE, SCALE])
    expect(straight.folds).toEqual([])
  })

  it('folds a long stretch without anything and says how long it is', () => {
    const folded = axis(0, 3 * HOUR, [[0, HOUR / 2], [2.5 * HOUR, 3 * HOUR]], { fold: true, zoom: null })
    expect(folded.folds).toEqual([{ x: 482, width: 36, ms: 2 * HOUR }])
    expect(folded.place(HOUR / 2)).toBe(482)
    expect(folded.place(2.5 * HOUR)).toBe(518)
    expect(axis(0, 3 * HOUR, [[0, HOUR / 2], [2.5 * HOUR, 3 * HOUR]], { fold: false, zoom: null }).folds).toEqual([])
  })

  it('does not fold what is short, or a run that is quiet for a second', () => {
    expect(axis(0, 100 * HOUR, [[0, 50 * HOUR], [60 * HOUR, 100 * HOUR]], { fold: true, zoom: null }).folds).toEqual([])
    expect(axis(0, 3000, [[0, 500], [2000, 3000]], { fold: true, zoom: null }).folds).toEqual([])
  })

  it('reads a moment back off its place, folds and zoom included', () => {
    for (const view of [{ fold: true, zoom: null }, { fold: true, zoom: [HOUR / 4, 2.75 * HOUR] as [number, number] }]) {
      const one = axis(0, 3 * HOUR, [[0, HOUR / 2], [2.5 * HOUR, 3 * HOUR]], view)
      for (const ms of [HOUR / 3, HOUR, 2.6 * HOUR]) expect(one.at(one.place(ms))).toBeCloseTo(ms, 0)
    }
  })

  it('shows the chosen part alone', () => {
    const part = axis(0, 1000, [[0, 1000]], { fold: false, zoom: [250, 500] })
    expect([part.beginMs, part.endMs, part.place(375), part.place(0), part.place(1000)]).toEqual([250, 500, 500, 0, SCALE])
  })
})
