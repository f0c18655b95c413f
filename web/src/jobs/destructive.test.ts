import { expect, test } from 'vitest'
import type { StepDefinition } from '../api/types'
import { destructive, flaggedSteps, type Described } from './destructive'
import { draftOf, type Draft } from './overrides'

const step = (name: string, summary: string, op_kwargs = {}, enabled = true): StepDefinition => ({ name, type: 'wasm', enabled, op_kwargs, timeout_seconds: 0, resumable: true, summary, when: null })
const callable = (name: string, properties: Record<string, unknown>): Described => ({ callable: name, step_type: 'wasm', params: { type: 'object', properties } })

const callables = [
  callable('visits:tidy', { wipe: { type: 'boolean', destructive: true }, before: { type: 'integer' }, scope: { type: 'string', 'x-destructive': true } }),
  callable('visits:count', { wipe: { type: 'boolean' }, scope: { type: 'string', destructive: 'no' } }),
]

const job = {
  log_level: 'INFO' as const,
  params: { wipe: false, before: 2012, area: '', all: false, replace: false },
  steps: [step('COUNT', 'visits:count', { scope: 'a' }), step('TIDY', 'visits:tidy', { scope: '${params.area}/x', before: '${params.all}' })],
}

function asked(change: (draft: Draft) => void, of: typeof job = job) {
  const draft = draftOf(of)
  change(draft)
  return destructive(draft, flaggedSteps(of, callables))
}
const set = (draft: Draft, key: string, text: string) => { draft.params.find((field) => field.key === key)!.text = text }
const nothing = { byName: false, bySchema: [] }

test('nothing is asked of a run as it is saved', () => {
  expect(asked(() => {})).toEqual(nothing)
  const on = { ...job, params: { ...job.params, wipe: true } }
  expect(asked(() => {}, on)).toEqual(nothing)
  expect(asked((d) => set(d, 'wipe', 'false'), on)).toEqual(nothing)
})

test('a param that the schema flags counts by its name among what all steps share', () => {
  expect(asked((d) => set(d, 'wipe', 'true'))).toEqual({ byName: false, bySchema: ['wipe'] })
  expect(asked((d) => set(d, 'before', '2013'))).toEqual(nothing)
})

test('a value counts that a template brings to a flagged param, and one that goes elsewhere does not', () => {
  expect(asked((d) => set(d, 'area', 'north')).bySchema).toEqual(['area'])
  expect(asked((d) => set(d, 'all', 'true'))).toEqual(nothing)
})

test('an argument of the step counts where the callable of that step says so', () => {
  expect(asked((d) => { d.steps[1]!.fields[0]!.text = 'everything' }).bySchema).toEqual(['TIDY.scope'])
  expect(asked((d) => { d.steps[0]!.fields[0]!.text = 'everything' })).toEqual(nothing)
  expect(asked((d) => { d.steps[1]!.fields[0]!.text = '' })).toEqual(nothing)
})

test('a step that does not run asks for nothing', () => {
  expect(asked((d) => { set(d, 'wipe', 'true'); d.steps[1]!.enabled = false })).toEqual(nothing)
})

test('well-known names count without any schema', () => {
  const draft = draftOf(job)
  set(draft, 'replace', 'true')
  expect(destructive(draft, [])).toEqual({ byName: true, bySchema: [] })
})
