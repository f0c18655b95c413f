import { describe, expect, test } from 'vitest'
import { choices, isLastSuperuser, reach, whyRun } from './access'
import type { ImportPlan, User } from './api'
import { comesIn, MADE_WITH } from './madeWith'
import { isApplicable, mapped, readSnapshot, tokenLines } from './transfer'

const user = (name: string, permissions: string[], more: Partial<User> = {}): User => ({
  name, display_name: '', source: 'local', disabled: false, permissions, permissions_from_groups: [], must_change_password: false, created_at: '', created_by: '', last_sign_in: null, ...more,
})

describe('permissions', () => {
  test('are offered without those that are held', () => {
    expect(choices(['a'], ['job:*'])).toEqual(['superuser', 'settings:jobs', 'settings:notifications', 'job:a'])
  })

  test('open what they say: editing shows every job and runs none', () => {
    expect(reach(['settings:jobs'])).toEqual({ see: 'all', run: 'none', edit: 'all', alerts: 'none', everything: 'none' })
    expect(reach(['job:a'])).toEqual({ see: 'some', run: 'some', edit: 'none', alerts: 'none', everything: 'none' })
    expect(new Set(Object.values(reach(['superuser'])))).toEqual(new Set(['all']))
    expect(new Set(Object.values(reach([])))).toEqual(new Set(['none']))
  })

  test('tell why somebody may run a job', () => {
    expect(whyRun(user('ann', ['job:a', 'settings:jobs'], { permissions_from_groups: ['job:*'] }), 'a')).toEqual([{ permission: 'job:a', through: 'granted' }, { permission: 'job:*', through: 'group' }])
    expect(whyRun(user('ann', ['job:ab', 'settings:jobs']), 'a')).toEqual([])
  })

  test('the last superuser is the last of those who may sign in', () => {
    const users = [user('a', ['superuser']), user('b', ['superuser'], { disabled: true }), user('c', ['job:*'])]
    expect(isLastSuperuser(users, 'a')).toBe(true)
    expect(isLastSuperuser(users, 'c')).toBe(false)
    expect(isLastSuperuser([...users, user('d', [], { permissions_from_groups: ['superuser'] })], 'a')).toBe(false)
  })
})

describe('a snapshot', () => {
  const plan: ImportPlan = { new: [], changed: [], same: ['a'], removed: [], invalid: [], next: [], connectors_missing: [], secrets_missing: [], applied: false }

  test('is read, or said not to be one', () => {
    expect(readSnapshot('{"format":"nomaflow-catalogue","jobs":[{},{}]}')).toMatchObject({ jobs: 2 })
    expect(readSnapshot('[[jobs]]')).toEqual({ problem: 'no-json' })
    for (const text of ['null', '[]', '{"format":"other","jobs":[]}', '{"format":"nomaflow-catalogue"}']) expect(readSnapshot(text)).toEqual({ problem: 'no-snapshot' })
  })

  test('is applied when nothing is invalid and something changes', () => {
    expect(isApplicable(plan)).toBe(false)
    expect(isApplicable({ ...plan, new: ['b'] })).toBe(true)
    expect(isApplicable({ ...plan, new: ['b'], invalid: [{ id: 'c', problems: [] }] })).toBe(false)
  })
})

test('the lines of a new token work as they are', () => {
  expect(tokenLines('http://host/base/', 'nmf_1')).toEqual({ curl: "curl -H 'Authorization: Bearer nmf_1' http://host/base/admin/jobs", cli: 'NOMAFLOW_TOKEN=nmf_1 nomaflow --server http://host/base job list' })
})

test('connectors of an import are called what they are called here', () => {
  expect(mapped({ jobs: [] }, { theirs: 'ours', same: 'same', open: '' })).toEqual({ jobs: [], connector_mapping: { theirs: 'ours' } })
  const snapshot = { jobs: [] }
  expect(mapped(snapshot, {})).toBe(snapshot)
})

test('everything the page is made with is told', () => {
  const [manifest] = Object.values(import.meta.glob<Record<string, string>>('../../package.json', { eager: true, import: 'dependencies' }))
  const packages = Object.keys(manifest!)
  for (const name of packages) expect(MADE_WITH.some((part) => comesIn(part, name)), name).toBe(true)
  for (const part of MADE_WITH) expect(packages.some((name) => comesIn(part, name)), part.name).toBe(true)
})
