import { expect, test } from 'vitest'
import { exampleStep, isOpen, rows, toml, typeOf, type Callable } from './schema'

const PARAMS = {
  type: 'object', additionalProperties: false, required: ['connector', 'tenants'],
  properties: {
    connector: { type: 'string', description: 'where to read' },
    tenants: { type: 'array', items: { type: 'string' } },
    accuracy: { type: 'number', minimum: 0.0001, maximum: 0.25, default: 0.01 },
    mode: { enum: ['fast', 'exact'] },
    month: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
    'odd key': { type: ['integer', 'null'], minimum: 3 },
  },
}

test('parameters are told with type, default and what else has to hold', () => {
  const told = rows(PARAMS)
  expect(told.map((row) => row.type)).toEqual(['string', 'array of string', 'number', '"fast" | "exact"', 'string | null', 'integer | null'])
  expect(told.filter((row) => row.required).map((row) => row.name)).toEqual(['connector', 'tenants'])
  expect(told[2]).toMatchObject({ fallback: '0.01', rules: ['0.0001 … 0.25'] })
  expect([isOpen(PARAMS), isOpen({})]).toEqual([false, true])
})

test('references inside the schema are followed, and one to itself ends', () => {
  const root = { properties: { at: { $ref: '#/$defs/when' } }, $defs: { when: { type: 'string', description: 'an instant' }, self: { $ref: '#/$defs/self' } } }
  expect(rows(root)[0]).toMatchObject({ type: 'string', description: 'an instant' })
  expect(typeOf({ $ref: '#/$defs/self' }, root)).toBe('')
  expect(typeOf({ $ref: '#/nowhere' }, root)).toBe('')
})

test('the example of a step has what it needs, and what it can do without as comments', () => {
  const callable: Callable = { callable: 'flights:carrier_delays', kind: 'component', step_type: 'wasm', title: '', doc: '', params: PARAMS, result: null }
  expect(exampleStep(callable).split('\n')).toEqual([
    '[[jobs.steps]]', 'name = "carrier_delays"', 'type = "wasm"', 'callable = "flights:carrier_delays"', '',
    '[jobs.steps.op_kwargs]', 'connector = "CONNECTOR"', 'tenants = []', '# accuracy = 0.01', '# mode = "fast"', '# month = "MONTH"', '# "odd key" = 3', '',
  ])
})

test('a callable without parameters needs no table of them', () => {
  expect(exampleStep({ callable: 'shop.work:copy', kind: 'python', step_type: 'python', title: '', doc: '', params: {}, result: null })).not.toContain('op_kwargs')
})

test('values are written as TOML writes them', () => {
  expect([toml('a "b"'), toml([1, 'x']), toml({ a: 1, 'b c': [true], d: null }), toml({})]).toEqual(['"a \\"b\\""', '[1, "x"]', '{ a = 1, "b c" = [true] }', '{}'])
})
