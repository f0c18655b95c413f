import { expect, test } from 'vitest'
import { bodyOf, draftOf, emptyDraft, errorsByField, type Source } from './draft'
import { sumUp } from './History'

const password = { state: 'set' as const, reference: null, in_clear: false, changed_at: null, by: null }
const source: Source = {
  name: 'erp', etag: 'a', connector: { type: 'sql', queries: { one: { sql: 'select 1' }, two: { sql: { sqlite: 'select 2' }, writable: true } } }, secrets: {},
  pool: { name: 'erp', values: { url: 'postgres://u@h/d', pool_size: 5, driver: 'native' }, secrets: { password }, connectors: ['erp'] }, used_by: [], warnings: [],
}

test('saving without touching sends what is saved, and keeps the password', () => {
  expect(bodyOf(draftOf(source), source)).toEqual({ connector: source.connector, pool: source.pool!.values, secrets: { password: { keep: true } } })
})

test('a new password is set, an emptied field goes, a flag that is off is not written', () => {
  const draft = draftOf(source)
  const body = bodyOf({ ...draft, values: { ...draft.values, pool_size: '', read_only: 'false' }, password: { mode: 'set', text: 'x' } }, source)
  expect([body.pool, body.secrets]).toEqual([{ url: 'postgres://u@h/d', driver: 'native' }, { password: { set: 'x' } }])
  expect(bodyOf({ ...draft, password: { mode: 'set', text: '' } }, source).secrets).toEqual({ password: { keep: true } })
  expect(bodyOf({ ...draft, password: { mode: 'clear', text: '' } }, source).secrets).toEqual({ password: { clear: true } })
})

test('a connector on a shared pool leaves the pool alone, a directory has none', () => {
  expect(bodyOf({ ...emptyDraft(), shared: 'main' }, null)).toEqual({ connector: { type: 'sql', pool: 'main' }, secrets: {} })
  expect(bodyOf({ ...emptyDraft(), type: 'ldap', values: { url: 'ldap://h' } }, null)).toEqual({ connector: { type: 'ldap', url: 'ldap://h' }, secrets: { password: { keep: true } } })
})

test('findings stand at their fields, the others below', () => {
  const found = errorsByField([{ pointer: '/pool/url', message: 'a' }, { pointer: '/connector/queries/one/sql', message: 'b' }, { pointer: '', message: 'c', hint: 'd' }, { pointer: '/secrets/password', message: 'e' }])
  expect(found).toEqual({ fields: { url: 'a', 'query:one': 'b', password: 'e' }, rest: ['c; d'] })
})

test('the history of a pool is summed up', () => {
  const sample = { at: '', in_use: 2, waiting: 1, queued: 3, gave_up: 1, longest_ms: 40 }
  expect(sumUp({ pool: 'a', size: 2, seconds: 5, samples: [sample, { ...sample, in_use: 1, longest_ms: 90 }] })).toEqual({ queued: 6, gaveUp: 2, longest: 90, most: 2 })
})
