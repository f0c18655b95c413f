import { describe, expect, it } from 'vitest'
import { fieldsOf, typed } from './form'
import { isName, pluginName } from './versions'

const schema = {
  required: ['text', 'n', 'list'],
  properties: { text: { type: 'string' }, n: { type: 'integer' }, list: { type: 'array', items: { type: 'string' } }, loud: { type: 'boolean' }, mode: { enum: ['a', 'b'] }, note: { type: ['string', 'null'] } },
}

describe('the form of a callable', () => {
  it('has an input for each type', () => {
    expect(fieldsOf(schema).map((field) => field.input)).toEqual(['text', 'number', 'json', 'flag', 'choice', 'text'])
  })

  it('reads what was typed, and leaves out what was left empty', () => {
    expect(typed(fieldsOf(schema), { text: '5', n: '5', list: '["a"]', loud: 'false', mode: '"b"' })).toEqual({ params: { text: '5', n: 5, list: ['a'], loud: false, mode: 'b' }, wrong: [] })
  })

  it('names what is missing or cannot be read', () => {
    expect(typed(fieldsOf(schema), { n: 'five', list: '[' })).toEqual({ params: { text: '' }, wrong: ['n', 'list'] })
  })
})

describe('names', () => {
  it('come from the file, unless they lead elsewhere', () => {
    expect(['words.wasm', 'words-py.wasm', '../x.wasm', 'a b.wasm', '.wasm'].map(pluginName)).toEqual(['words', 'words-py', '', '', ''])
    expect(isName('_x')).toBe(false)
  })
})
