import { expect, test } from 'vitest'
import { fromInput, spanned, toInput } from './span'

test('a range counts back from now and nothing else changes', () => {
  const now = Date.UTC(2026, 10, 23, 12)
  expect(spanned({ job: 'a', range: '24h' }, now)).toEqual({ job: 'a', from: '2026-11-22T12:00:00.000Z' })
  expect(spanned({ range: '15m', to: 'x' }, now)).toEqual({ from: '2026-11-23T11:45:00.000Z', to: 'x' })
  expect(spanned({ range: 'nonsense', q: 'x' }, now)).toEqual({ q: 'x' })
})

test('an instant that was put into an input is read back', () => {
  expect(fromInput(toInput('2026-11-23T11:05:00.000Z'))).toBe('2026-11-23T11:05:00.000Z')
  expect([fromInput(''), fromInput('soon'), toInput(undefined), toInput('soon')]).toEqual([undefined, undefined, '', ''])
})
