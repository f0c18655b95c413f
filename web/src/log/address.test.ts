import { expect, test } from 'vitest'
import { addressOf, shownBy, type Shown } from './address'
import { NO_FILTER } from './selection'

const NOTHING: Shown = { filter: NO_FILTER, query: { text: '', regex: false, case: false }, only: 'all' }
const set = (shown: Shown) => Object.fromEntries(Object.entries(addressOf(shown)).filter(([, value]) => value !== undefined))

test('a log that is shown whole says nothing in the address', () => {
  expect(set(NOTHING)).toEqual({})
  expect(shownBy({})).toEqual(NOTHING)
})

test.each<[Record<string, string>, Shown]>([
  [{ q: 'ORA-01555', how: 'case,regex', only: 'context' }, { ...NOTHING, query: { text: 'ORA-01555', case: true, regex: true }, only: 'context' }],
  [{ level: 'WARNING', log: 'F0004', try: '2' }, { ...NOTHING, filter: { lowest: 'WARNING', step: 'F0004', attempt: 2, origin: null } }],
  [{ by: 'run' }, { ...NOTHING, filter: { ...NO_FILTER, origin: 'run' } }],
])('%j leads back to what was shown', (address, shown) => {
  expect(shownBy(address)).toEqual(shown)
  expect(set(shown)).toEqual(address)
})

test('what nobody would write is left out', () => {
  expect(shownBy({ level: 'LOUD', by: 'me', only: 'some', try: '3', how: 'fast' })).toEqual(NOTHING)
})
