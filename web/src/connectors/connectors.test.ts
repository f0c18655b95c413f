import { expect, test } from 'vitest'
import { isFull, stagesOf, tableName, type Connector, type TestReport } from './connectors'

const connector: Connector = { name: 'erp', type: 'sql', dialect: 'postgres', target: null, read_only: false, pool: null, used_by: [], last_test: null }
const report = (ok: boolean, ...names: string[]): TestReport => ({ ok, stages: names.map((name, i) => ({ name, ok: ok || i < names.length - 1, ms: 1, detail: '' })), server_version: null, encrypted: null, ms: 3 })

test('stages after the one that failed are shown as not reached', () => {
  expect(stagesOf(connector, report(false, 'declaration', 'resolve')).map((stage) => `${stage.name} ${stage.ok}`)).toEqual(['declaration true', 'resolve false', 'connect null', 'tls null', 'sign-in null', 'query null', 'version null'])
})

test('a file has no stages of a network, and a test that passed has none left', () => {
  expect(stagesOf({ ...connector, dialect: 'sqlite' }, report(false, 'declaration')).map((stage) => stage.name)).toEqual(['declaration', 'sign-in', 'query', 'version'])
  expect(stagesOf(connector, report(true, 'declaration', 'sign-in'))).toHaveLength(2)
})

test('a table is named with its schema where it has one', () => {
  expect([tableName({ schema: 'sales', name: 'orders', view: false }), tableName({ schema: null, name: 'orders', view: true })]).toEqual(['sales.orders', 'orders'])
})

test('a pool is full when every connection is in use', () => {
  expect([isFull({ name: 'a', size: 2, in_use: 1, waiting: 0 }), isFull({ name: 'a', size: 2, in_use: 2, waiting: 1 })]).toEqual([false, true])
})
