import { describe, expect, test } from 'vitest'
import { daysOf, isOld } from './store'

describe('the store', () => {
  test('days are whole numbers within the bounds of the server', () => {
    expect(['1', ' 30 ', '3650'].map(daysOf)).toEqual([1, 30, 3_650])
    expect(['', '0', '-3', '1.5', '1e3', '3651', 'x'].map(daysOf)).toEqual(Array(7).fill(null))
  })

  test('a backup is old after two nights', () => {
    const now = Date.parse('2026-11-23T12:00:00Z')
    expect(isOld('2026-11-22T03:00:00Z', now)).toBe(false)
    expect(isOld('2026-11-20T03:00:00Z', now)).toBe(true)
  })
})
