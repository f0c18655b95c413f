import { describe, expect, test } from 'vitest'
import type { SecretState, Transport } from './api'
import { emptyRoute, errorsByRoute, freshName, moved, toSend, words } from './routes'
import { nextLook } from './useNews'
import { bodyOf, draftOf, emptyDraft, errorsByField, isName, targetOf } from './transport'

const set: SecretState = { state: 'set', changed_at: null, by: null }
const unset: SecretState = { state: 'unset', changed_at: null, by: null }
const mail: Transport = {
  name: 'mail', kind: 'smtp', enabled: true, source: 'store', settings: { host: 'mail.test', port: 25, from: 'a@b.test' }, default_recipient: null,
  secrets: { password: set }, last_delivery: null, failing: false,
}

describe('a transport as a form', () => {
  test('what nobody touched goes back as it came, and its secret is kept', () => {
    expect(bodyOf(draftOf(mail), mail.secrets)).toEqual({ kind: 'smtp', enabled: true, settings: mail.settings, secrets: { password: { keep: true } } })
  })

  test('a secret is set, cleared, or not spoken of', () => {
    const wish = (mode: 'keep' | 'set' | 'clear', text: string, state: SecretState) => bodyOf({ ...draftOf(mail), secrets: { password: { mode, text } } }, { password: state }).secrets
    expect(wish('set', 's3cret', set)).toEqual({ password: { set: 's3cret' } })
    expect(wish('set', '', set)).toEqual({ password: { keep: true } })
    expect(wish('clear', '', set)).toEqual({ password: { clear: true } })
    expect(wish('clear', '', unset)).toEqual({})
    expect(wish('set', 's3cret', unset)).toEqual({ password: { set: 's3cret' } })
  })

  test('fields of another kind are left out, a table is read, and a number that is none is left to the server', () => {
    const draft = { ...emptyDraft('webhook'), values: { url: ' https://x.test ', host: 'mail.test', headers: '{"A": "b"}', body: 'plain ${title}', timeout_seconds: 'soon' } }
    expect(bodyOf(draft).settings).toEqual({ url: 'https://x.test', headers: { A: 'b' }, body: 'plain ${title}', timeout_seconds: 'soon' })
  })

  test('findings stand at their fields', () => {
    expect(errorsByField([{ pointer: '/settings/port', message: 'a' }, { pointer: '/webhook_url', message: 'b' }, { pointer: '/secrets/password', message: 'c' }, { message: 'd' }])).toEqual({
      fields: { port: 'a', webhook_url: 'b', password: 'c' }, rest: ['d'],
    })
  })

  test('a name is one the server takes', () => {
    expect(['pager', 'a_1', 'test', 'no space', ''].map(isName)).toEqual([true, true, false, false, false])
    expect(targetOf(mail)).toBe('mail.test:25')
  })
})

describe('the list of routes', () => {
  test('moves one and leaves the others in order', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a'])
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b'])
    const list = ['a', 'b']
    expect(moved(list, 1, 2)).toBe(list)
    expect(moved(list, 0, -1)).toBe(list)
  })

  test('reads lists however they are separated, each word once', () => {
    expect(words('etl, load-*  etl\nx')).toEqual(['etl', 'load-*', 'x'])
    expect(words(' , ')).toEqual([])
  })

  test('finds a free name, sends what is said, and findings their route', () => {
    expect(freshName(['route', 'route-2'], 'route')).toBe('route-3')
    expect(toSend({ ...emptyRoute('a'), group_seconds: 0 })).toEqual({ name: 'a', enabled: true, jobs: [], tags: [], events: [], recipients: [], continue: false, group_seconds: 0 })
    expect([...errorsByRoute([{ pointer: '/routes/1/name', message: 'x' }, { pointer: '/1/events', message: 'y' }, { message: 'z' }])]).toEqual([[1, ['x', 'y']], [-1, ['z']]])
  })
})

test('what waits is looked at when its time has come, and nothing when nothing waits', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const waits = (next_attempt_at: string | null) => ({ finished_at: null, next_attempt_at })
  expect(nextLook([], now)).toBeNull()
  expect(nextLook([{ finished_at: '2026-01-01T00:00:00Z', next_attempt_at: null }], now)).toBeNull()
  expect(nextLook([waits('2026-01-01T00:00:10Z'), waits('2026-01-01T00:00:20Z')], now)).toBe(11_500)
  expect(nextLook([waits('2025-01-01T00:00:00Z')], now)).toBe(1_500)
  expect(nextLook([waits('2026-01-02T00:00:00Z')], now)).toBe(60_000)
})
