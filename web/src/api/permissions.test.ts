import { expect, test } from 'vitest'
import { may, mayAnyJob } from './permissions'

test('a server that tells no permissions knows one kind of person, who may do everything', () => {
  expect(may({ user: 'a' }, 'settings:jobs')).toBe(true)
  expect(mayAnyJob(undefined)).toBe(true)
})

test('job:* covers every job and nothing else', () => {
  const me = { user: 'a', permissions: ['job:*'] }
  expect(may(me, 'job:nightly')).toBe(true)
  expect(may(me, 'settings:jobs')).toBe(false)
})

test('job:<name> covers that job alone', () => {
  const me = { user: 'a', permissions: ['job:nightly'] }
  expect(may(me, 'job:nightly')).toBe(true)
  expect(may(me, 'job:other')).toBe(false)
  expect(may(me, 'job:*')).toBe(false)
  expect(mayAnyJob(me)).toBe(true)
})

test('a superuser may everything, and nobody without a permission sees a job', () => {
  expect(may({ user: 'a', permissions: ['superuser'] }, 'settings:notifications')).toBe(true)
  expect(mayAnyJob({ user: 'a', permissions: ['settings:notifications'] })).toBe(false)
})
