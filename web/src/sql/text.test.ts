import { describe, expect, it } from 'vitest'
import { isName, mentioned, offsetOf, PARAM, selectAll, wordAt } from './text'

const params = (text: string) => [...text.matchAll(PARAM)].map((found) => found[1])

describe('the text of a query', () => {
  it('has parameters where a value is bound, and nowhere else', () => {
    expect(params('select :a, b::int, :b_2 from t where x = :a and c[1:n] > 0')).toEqual(['a', 'b_2', 'a'])
    expect(params("begin x := 1; end; select '12:30'")).toEqual([])
  })

  it('is a name only while it is one word', () => {
    expect(['', 'refresh-totals', 'refresh-totals:write', 'select'].every(isName)).toBe(true)
    expect(['select ', 'a b', 'a.b', 'select 1;'].some(isName)).toBe(false)
  })

  it('mentions tables in any case, of the schema that is named', () => {
    const table = (name: string, schema: string | null = null) => ({ schema, name, view: false })
    const all = [table('orders', 'old'), table('orders', 'sales'), table('F0005'), table('unused')]
    expect(mentioned('select * from Sales.ORDERS o join f0005 f', all)).toEqual([all[1], all[2]])
    expect(mentioned('select * from orders', all)).toEqual([all[0]])
    expect(mentioned('select 1', all)).toEqual([])
  })

  it('asks for every column with the names as they are', () => {
    expect(selectAll({ schema: null, name: 'a"b', view: false }, 'sqlite')).toBe('select * from "a""b"')
    expect(selectAll({ schema: 's', name: 't`', view: false }, 'mysql')).toBe('select * from `s`.`t```')
  })

  it('has places by line and character, beyond the basic plane too', () => {
    const text = "select '🐎', x\nfrom nowhere"
    expect(offsetOf(text, 1, 13)).toBe(text.indexOf('x'))
    expect(offsetOf(text, 2, 6)).toBe(text.indexOf('nowhere'))
    expect(offsetOf(text, 9, 9)).toBe(text.length)
    expect(wordAt(text, text.indexOf('nowhere'))).toEqual({ from: text.indexOf('nowhere'), to: text.length })
    expect(wordAt(text, text.length)).toEqual({ from: text.length, to: text.length })
  })
})
