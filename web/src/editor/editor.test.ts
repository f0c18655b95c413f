import { describe, expect, it, test } from 'vitest'
import { canonical, isNumber, numberText, parseExact, readNumber, same } from './exact'
import { extrasOf, fieldsOf, STEP_TYPES } from './fields'
import { differences, merged, standard } from './merge'
import { apply, copyOf, emptyStep, freeName, isFormDirty, nameOf, newJob, start, stepsOf, summary, type Draft } from './model'
import { join, read, spelled, split, write, type Table } from './pointer'
import { at, firstError, leftOfSection, leftOfStep, moved, sectionOf, type Finding } from './problems'
import { propertiesOf } from './SchemaForm'
import { offsetOf } from '../sql/text'
import { jobText } from './toml'
import { converted, renamed, typeOfValue } from './ValueTable'

const job = (): Table => ({
  id: 'nightly', tags: ['etl'], vendor_key: { kept: true },
  params: { apps_id: 10, empty: '', flag: false },
  steps: [
    { name: 'read', type: 'sql_query', connector: 'ops', query: 'select 1' },
    { name: 'copy', type: 'sql_copy', source: { connector: 'a', table: 'T' }, target: { connector: 'b', table: 't' } },
    { name: 'call', type: 'python', callable: 'shop.work:copy', kwargs: { month: '10' } },
  ],
})
const draft = (of: Table = job()): Draft => start(of, of, 'e1', '')
const finding = (pointer: string, more: Partial<Finding> = {}): Finding => ({ pointer, line: 1, column: 1, length: 1, severity: 'error', code: 'x', message: pointer, allowed: [], hint: null, ...more })
const names = (of: Draft) => stepsOf(of.job).map(nameOf)

describe('pointers', () => {
  test('a pointer is split and joined with slashes and tildes in its keys', () => {
    expect(split('/params/a~1b~0c')).toEqual(['params', 'a/b~c'])
    expect(join('/params', 'a/b~c')).toBe('/params/a~1b~0c')
    expect(read({ params: { 'a/b~c': 1 } }, '/params/a~1b~0c')).toBe(1)
  })

  test('a value is written where it was not, and the job it was written into stays as it was', () => {
    const before = job()
    const after = write(before, '/steps/0/retry/attempts', 3)
    expect(read(after, '/steps/0/retry/attempts')).toBe(3)
    expect(read(before, '/steps/0/retry')).toBeUndefined()
    expect(after.steps).not.toBe(before.steps)
    expect((after.steps as unknown[])[1]).toBe((before.steps as unknown[])[1])
  })

  test('a value that is taken away takes the table with it that it leaves empty, but alerts are said by being there', () => {
    expect(write({ id: 'a', retry: { attempts: 2 } }, '/retry/attempts', undefined)).toEqual({ id: 'a' })
    expect(write({ alerts: { on_failure: false } }, '/alerts/on_failure', undefined)).toEqual({ alerts: {} })
    expect(write({ id: 'a' }, '/retry/attempts', undefined)).toEqual({ id: 'a' })
  })

  test('a key goes by the older name that the file uses', () => {
    expect(spelled(job(), '/steps/2', 'op_kwargs', 'kwargs')).toBe('/steps/2/kwargs')
    expect(spelled(job(), '/steps/0', 'op_kwargs', 'kwargs')).toBe('/steps/0/op_kwargs')
  })

  test('a key that is in every object is no value of a job', () => {
    expect(read(job(), '/params/constructor')).toBeUndefined()
  })
})

describe('numbers', () => {
  // Node before 21 reads JSON as browsers of then did; the page is tested for the same in tests/web/editor.mjs.
  test.runIf('rawJSON' in JSON)('a whole number of 64 bits keeps its digits from the answer to the request', () => {
    const parsed = parseExact('{"scn": 9007199254740993, "n": 5, "text": "9007199254740993"}') as Table
    expect(isNumber(parsed.scn)).toBe(true)
    expect(numberText(parsed.scn)).toBe('9007199254740993')
    expect(JSON.stringify(parsed)).toBe('{"scn":9007199254740993,"n":5,"text":"9007199254740993"}')
    expect(numberText(readNumber('9007199254740993'))).toBe('9007199254740993')
    expect(canonical({ b: 1, a: parsed.scn })).toBe('{"a":9007199254740993,"b":1}')
  })

  test('what is typed is a number or it is not', () => {
    expect(readNumber(' 1.50 ')).toBe(1.5)
    expect(readNumber('-3')).toBe(-3)
    expect(readNumber('12a')).toBeUndefined()
    expect(readNumber('')).toBeUndefined()
  })
})

describe('the draft', () => {
  test('what the form does not know is kept', () => {
    const changed = apply(draft(), { do: 'set', pointer: '/description', value: 'x' })
    expect(changed.job.vendor_key).toEqual({ kept: true })
    expect(isFormDirty(changed)).toBe(true)
  })

  test('a change that is taken back leaves nothing to save', () => {
    const changed = apply(draft(), { do: 'set', pointer: '/timezone', value: 'UTC' })
    expect(isFormDirty(apply(changed, { do: 'set', pointer: '/timezone', value: undefined }))).toBe(false)
  })

  test('drag the handle to reorder: a step keeps its key when it moves', () => {
    const before = draft()
    const [first, second, third] = before.keys
    const after = apply(before, { do: 'move', key: third!, to: 0 })
    expect(names(after)).toEqual(['call', 'read', 'copy'])
    expect(after.keys).toEqual([third, first, second])
    expect(apply(after, { do: 'move', key: third!, to: -5 })).toBe(after)
    expect(names(apply(after, { do: 'move', key: third!, to: 99 }))).toEqual(['read', 'copy', 'call'])
  })

  test('a removed step comes back where it was', () => {
    const before = draft()
    const without = apply(before, { do: 'remove', key: before.keys[1]! })
    expect(names(without)).toEqual(['read', 'call'])
    const back = apply(without, { do: 'undo' })
    expect(back.job).toEqual(before.job)
    expect(back.keys).toEqual(before.keys)
  })

  test('a copy has a name of its own', () => {
    expect(freeName(job(), 'read')).toBe('read-2')
    expect(copyOf(job(), stepsOf(job())[0])).toEqual({ name: 'read-2', type: 'sql_query', connector: 'ops', query: 'select 1' })
    expect(emptyStep(newJob(), 'http')).toEqual({ name: 'step-1', type: 'http' })
  })

  test('what was typed while a save was under way is not dropped by its answer', () => {
    const before = draft()
    const typing = apply(before, { do: 'set', pointer: '/description', value: 'typed later' })
    const saved = apply(typing, { do: 'saved', job: job(), etag: 'e2', text: '', sent: before.job, sentText: '' })
    expect(saved.job.description).toBe('typed later')
    expect(saved.etag).toBe('e2')
    expect(isFormDirty(saved)).toBe(true)
    expect(isFormDirty(apply(before, { do: 'saved', job: job(), etag: 'e2', text: '', sent: before.job, sentText: '' }))).toBe(false)
  })

  test('a step is summed up in one line', () => {
    const [query, copy, call] = stepsOf(job())
    expect([summary(query), summary(copy), summary(call)]).toEqual(['ops · select 1', 'a.T → b.t', 'shop.work:copy'])
    expect(summary({ type: 'sql_copy', source: { table: 'F1' }, target: { table: 'f1' } }, { source: { connector: 'x', schema: 'S' }, target: { connector: 'y' } })).toBe('x.S.F1 → y.f1')
  })
})

describe('findings', () => {
  test('every place belongs to one of the seven sections', () => {
    expect(['/id', '/schedules/0/cron', '/params/x', '/steps/3/query', '/retry/attempts', '/alerts', '/log_level', '', '/unknown'].map(sectionOf)).toEqual(['identity', 'schedule', 'params', 'steps', 'retry', 'alerts', 'log', 'identity', 'identity'])
  })

  test('what was found at a step moves along with it, and goes with it', () => {
    const found = [finding('/steps/2/callable'), finding('/id'), finding('/steps/0/query')]
    expect(moved(found, [1, 2, 3], [3, 1, 2]).map((each) => each.pointer)).toEqual(['/steps/0/callable', '/id', '/steps/1/query'])
    expect(moved(found, [1, 2, 3], [1, 2]).map((each) => each.pointer)).toEqual(['/id', '/steps/0/query'])
  })

  test('a finding stands at its field, or else at its step or section, and never nowhere', () => {
    const found = [finding('/steps/0/query'), finding('/steps/0/nonsense'), finding('/steps/0'), finding('/colour'), finding('/schedule')]
    const step = { name: 'read', type: 'sql_query', query: '', nonsense: 1 }
    expect(at(found, '/steps/0/query', false)).toHaveLength(1)
    expect(leftOfStep(found, step, 0).map((each) => each.pointer)).toEqual(['/steps/0'])
    expect(leftOfSection(found, 'identity', ['/id']).map((each) => each.pointer)).toEqual(['/colour'])
    expect(leftOfSection(found, 'schedule', ['/schedule'])).toEqual([])
  })

  test('save with problems leads to the first of them in the order of the page', () => {
    expect(firstError([finding('/log_level'), finding('/steps/1/query'), finding('/steps/0/query'), finding('/id', { severity: 'warning' })])?.pointer).toBe('/steps/0/query')
  })

  test('a line and a column lead into the text', () => {
    expect(offsetOf('ab\ncde\nf', 2, 3)).toBe(5)
    expect(offsetOf('ab\ncde', 1, 99)).toBe(2)
    expect(offsetOf('ab', 9, 1)).toBe(2)
  })
})

describe('fields', () => {
  test('every step type of the server has fields, and each a timeout', () => {
    for (const type of STEP_TYPES) expect(fieldsOf(type).map((field) => field.key)).toContain('timeout_seconds')
    expect(fieldsOf('of a later version').map((field) => field.key)).toContain('timeout_seconds')
  })

  test('a key that no field shows is an extra', () => {
    expect(extrasOf({ name: 'a', type: 'http', url: 'x', colour: 'red', enabled: true })).toEqual(['colour'])
  })

  test('params keep their type', () => {
    expect([10, 1.5, true, 'x', '', [1], { a: 1 }].map(typeOfValue)).toEqual(['number', 'number', 'flag', 'text', 'text', 'list', 'table'])
    expect([converted('12', 'number'), converted('x', 'number'), converted(true, 'text'), converted('true', 'flag'), converted('["a"]', 'list'), converted('', 'list'), converted('x', 'table')]).toEqual([12, 0, 'true', true, ['a'], [], {}])
    expect(Object.keys(renamed({ a: 1, b: 2, c: 3 }, 'b', 'z'))).toEqual(['a', 'z', 'c'])
  })

  test('a form is made of a schema: required, default, choices; what it cannot show is JSON', () => {
    const schema = { properties: { month: { type: 'string', description: 'Which month' }, n: { type: ['integer', 'null'], default: 5 }, mode: { enum: ['a', 'b'] }, any: { oneOf: [] } }, required: ['month'] }
    expect(propertiesOf(schema).map(({ name, type, required, standard: by, choices }) => [name, type, required, by, choices])).toEqual([
      ['month', 'text', true, undefined, null], ['n', 'number', false, 5, null], ['mode', 'json', false, undefined, ['a', 'b']], ['any', 'json', false, undefined, null],
    ])
    expect(propertiesOf(undefined)).toEqual([])
  })
})

describe('two who save', () => {
  const change = (pointer: string, value: unknown, of = job()) => write(of, pointer, value)

  test('what only one of them changed is no conflict', () => {
    const found = differences(job(), change('/description', 'mine'), change('/params/apps_id', 20))
    expect(found.map((each) => [each.place, each.by])).toEqual([['/params/apps_id', 'theirs'], ['/description', 'mine']])
    expect(merged(change('/description', 'mine'), change('/params/apps_id', 20), found, standard)).toEqual({ ...change('/params/apps_id', 20), description: 'mine' })
  })

  test('what both changed is a conflict, and the choice decides', () => {
    const [mine, theirs] = [change('/steps/0/query', 'select 2'), change('/steps/0/query', 'select 3')]
    const found = differences(job(), mine, theirs)
    expect(found.map((each) => [each.place, each.by])).toEqual([['/steps/read/query', 'both']])
    expect(read(merged(mine, theirs, found, () => 'theirs'), '/steps/0/query')).toBe('select 3')
    expect(read(merged(mine, theirs, found, () => 'mine'), '/steps/0/query')).toBe('select 2')
  })

  test('a step added by each, one removed by them and an order changed by me all stand in the result', () => {
    const steps = stepsOf(job())
    const mine = { ...job(), steps: [steps[1], steps[0], { name: 'mine', type: 'http' }, steps[2]] }
    const theirs = { ...job(), steps: [steps[0], steps[1], { name: 'theirs', type: 'http' }] }
    const found = differences(job(), mine, theirs)
    expect(stepsOf(merged(mine, theirs, found, standard)).map(nameOf)).toEqual(['copy', 'theirs', 'read', 'mine'])
  })
})

describe('text', () => {
  test('a new job is written as its file would have it', () => {
    expect(jobText({ id: 'a', params: { n: 1, 'odd key': 'q"' }, steps: [{ name: 's', type: 'sql_query', query: 'select 1\nfrom "t"' }] })).toBe(
      '[[jobs]]\nid = "a"\nparams = { n = 1, "odd key" = "q\\"" }\n\n[[jobs.steps]]\nname = "s"\ntype = "sql_query"\nquery = """\nselect 1\nfrom \\"t\\""""\n',
    )
    expect(jobText(newJob())).toBe('[[jobs]]\nid = ""\n')
  })
})

describe('whether two jobs say the same', () => {
  it('does not depend on the order of keys, and sees every digit, type and absence', () => {
    expect(same(parseExact('{"a":1,"b":[{"x":"1"}]}'), parseExact('{"b":[{"x":"1"}],"a":1}'))).toBe(true)
    expect(same({ a: 1, b: undefined }, { a: 1 })).toBe(true)
    for (const [a, b] of [['{"a":1}', '{"a":"1"}'], ['{"a":[1,2]}', '{"a":[2,1]}'], ['{"a":{}}', '{"a":[]}'], ['{"a":null}', '{}'], ['{"a":1}', '{"b":1}']]) expect(same(parseExact(a!), parseExact(b!)), `${a} ${b}`).toBe(false)
  })
})
