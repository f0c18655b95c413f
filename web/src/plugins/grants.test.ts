import { expect, test } from 'vitest'
import { areaOf, grantLines, limits, type Grants } from './grants'
import { byJob } from './plugins'

const grants = (more: Partial<Grants> = {}): Grants => ({ asked: [], granted: [], limits: [], file: null, ...more })
const ASKS_ALL = ['[grants.connectors] NAME = "read" or "read-write"', '[grants.http] hosts = ["HOST"]', '[grants] ldap = ["NAME"]', '[grants] secrets = ["NAME"]', '[grants] state = true']

test('every line of what is asked has its area', () => {
  expect(ASKS_ALL.map(areaOf)).toEqual(['connectors', 'http', 'ldap', 'secrets', 'state'])
})

test('what is asked and not granted is said to fail', () => {
  const lines = grantLines(grants({ asked: ASKS_ALL }), 'en')
  expect(lines.filter((line) => line.verdict === 'denied').map((line) => line.area)).toEqual(['connectors', 'http', 'ldap', 'secrets', 'state'])
  expect(lines.find((line) => line.area === 'state')!.missing).toBe('[grants] state = true')
  expect(lines.filter((line) => line.verdict === 'untold').map((line) => line.area)).toEqual(['directories', 'env'])
})

test('grants are told in plain words', () => {
  const file = { grants: { connectors: { ops: 'read-write', erp: 'read' }, http: { hosts: ['api.example.com', '*.example.org:8443'] }, directories: { inbox: { path: 'data/inbox' } }, env: ['LANG'], secrets: ['token'], state: true } }
  const told = Object.fromEntries(grantLines(grants({ asked: ASKS_ALL, file }), 'en').map((line) => [line.area, line.granted]))
  expect(told['connectors']).toEqual(['ops: read and write', 'erp: read only'])
  expect(told['http']).toEqual(['api.example.com with GET, HEAD', '*.example.org:8443 with GET, HEAD'])
  expect(told['directories']).toEqual(['/inbox is the folder data/inbox, read only'])
  expect(told['state']).toEqual(['may keep values from one call to the next'])
  expect([told['env'], told['secrets'], told['ldap']]).toEqual([['LANG'], ['token'], []])
})

test('what is granted without being asked for is noticed', () => {
  const verdicts = Object.fromEntries(grantLines(grants({ file: { grants: { state: true, env: ['LANG'] } } }), 'fr').map((line) => [line.area, line.verdict]))
  expect([verdicts['state'], verdicts['env'], verdicts['http']]).toEqual(['unused', 'granted', 'none'])
})

test('limits that are set stand beside the usual ones', () => {
  const found = limits(grants({ file: { limits: { memory_mb: 64, table_elements: 5 } } }))
  expect(found.find((limit) => limit.name === 'memory_mb')).toEqual({ name: 'memory_mb', value: 64, isSet: true })
  expect(found.find((limit) => limit.name === 'wall_seconds')).toEqual({ name: 'wall_seconds', value: null, isSet: false })
  expect(found.at(-1)).toEqual({ name: 'table_elements', value: 5, isSet: true })
})

test('a file that is not what was expected breaks nothing', () => {
  expect(grantLines(grants({ file: [1, 2] }), 'en')).toHaveLength(7)
  expect(limits(grants({ file: { limits: 'none' } })).every((limit) => !limit.isSet)).toBe(true)
})

test('uses are told by job', () => {
  expect(byJob([{ job: 'a', step: '1', callable: 'x' }, { job: 'b', step: '1', callable: 'x' }, { job: 'a', step: '2', callable: 'x' }])).toEqual([{ job: 'a', steps: ['1', '2'] }, { job: 'b', steps: ['1'] }])
})
