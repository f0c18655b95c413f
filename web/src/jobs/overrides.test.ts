import { describe as group, expect, test } from 'vitest'
import type { StepDefinition } from '../api/types'
import { parseExact } from '../editor/exact'
import { describe, diff, draftOf, isValid, parse, textOf, type Draft } from './overrides'

const step = (name: string, enabled = true, op_kwargs = {}): StepDefinition => ({ name, type: 'python', enabled, op_kwargs, timeout_seconds: 0, resumable: true, summary: '', when: null })

const job = {
  log_level: 'INFO' as const,
  params: { apps_id: 10, replace: false, target: 'nomasx1', note: '', tables: ['F0004', 'F0005'], nothing: null, rate: 1.5 },
  steps: [step('LOAD', true, { batch: 5000, where: { company: '00001', year: 2026 } }), step('REFRESH', false)],
}

const words = { on: 'on', off: 'off', logLevel: 'log level' }

function edited(change: (draft: Draft) => void): Draft {
  const draft = draftOf(job)
  change(draft)
  return draft
}

const set = (draft: Draft, key: string, text: string) => {
  draft.params.find((field) => field.key === key)!.text = text
}

test('an untouched form sends nothing, whatever the types', () => {
  expect(diff(draftOf(job))).toEqual({})
  expect(describe(diff(draftOf(job)), draftOf(job), words)).toEqual([])
})

test('every saved value survives the trip through its text', () => {
  for (const field of draftOf(job).params) expect(parse(field)).toEqual({ ok: true, value: field.saved })
})

group('a changed value', () => {
  test('is sent alone and keeps its type', () => {
    const draft = edited((d) => { set(d, 'apps_id', '20'); set(d, 'replace', 'true') })
    expect(diff(draft)).toEqual({ params: { apps_id: 20, replace: true } })
  })

  test('typed back to the saved value is no change', () => {
    expect(diff(edited((d) => set(d, 'apps_id', ' 10.0 ')))).toEqual({})
    expect(diff(edited((d) => set(d, 'tables', '[ "F0004", "F0005" ]')))).toEqual({})
    expect(diff(edited((d) => { d.steps[0]!.fields[1]!.text = '{"year":2026,"company":"00001"}' }))).toEqual({})
  })

  test('may be the empty string, which is a value', () => {
    expect(diff(edited((d) => set(d, 'target', '')))).toEqual({ params: { target: '' } })
  })

  test('of a step goes under the name of the step', () => {
    expect(diff(edited((d) => { d.steps[0]!.fields[0]!.text = '100' }))).toEqual({ op_kwargs: { LOAD: { batch: 100 } } })
  })
})

test('step switches and the log level are sent only when they differ', () => {
  const draft = edited((d) => { d.steps[0]!.enabled = false; d.logLevel = 'DEBUG' })
  expect(diff(draft)).toEqual({ step_enabled: { LOAD: false }, log_level: 'DEBUG' })
  expect(diff(edited((d) => { d.steps[1]!.enabled = true }))).toEqual({ step_enabled: { REFRESH: true } })
})

test('what cannot be read is not valid and is never sent', () => {
  for (const [key, text] of [['apps_id', 'ten'], ['apps_id', ''], ['apps_id', '0x10'], ['tables', '[1,']] as const) {
    const draft = edited((d) => set(d, key, text))
    expect(isValid(draft)).toBe(false)
    expect(diff(draft)).toEqual({})
  }
  expect(isValid(draftOf(job))).toBe(true)
})

test('the words list exactly the members of the request', () => {
  const draft = edited((d) => { set(d, 'apps_id', '20'); set(d, 'target', ''); d.steps[0]!.enabled = false; d.steps[0]!.fields[0]!.text = '1'; d.logLevel = 'DEBUG' })
  expect(describe(diff(draft), draft, words)).toEqual(['log level: INFO → DEBUG', 'apps_id: 10 → 20', 'target: nomasx1 → ""', 'LOAD.batch: 5000 → 1', 'LOAD: off'])
})

test.runIf('rawJSON' in JSON)('a whole number of 64 bits keeps its digits in the form, in words and in the request', () => {
  const { params } = parseExact('{"params":{"scn":9007199254740993}}') as { params: Record<string, unknown> }
  const draft = draftOf({ ...job, params })
  expect(diff(draft)).toEqual({})
  set(draft, 'scn', '9007199254740995')
  expect(JSON.stringify(diff(draft))).toBe('{"params":{"scn":9007199254740995}}')
  expect(describe(diff(draft), draft, words)).toEqual(['scn: 9007199254740993 → 9007199254740995'])
})

test('a text stands for itself and everything else for its JSON', () => {
  expect([textOf('a b'), textOf(''), textOf([1]), textOf(null), textOf(false)]).toEqual(['a b', '', '[1]', 'null', 'false'])
})
