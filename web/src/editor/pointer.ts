/** JSON Pointers into a job: what the server calls a place is what a field is called here. Nothing is changed in place. Pure. */
import { isTable } from './exact'

export type Table = Record<string, unknown>

/** Tables that say something by being there, even when they are empty. */
const KEPT_EMPTY = new Set(['alerts'])

export function split(pointer: string): string[] {
  return pointer === '' ? [] : pointer.slice(1).split('/').map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'))
}

export function join(base: string, ...parts: (string | number)[]): string {
  return base + parts.map((part) => `/${String(part).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('')
}

export function read(root: unknown, pointer: string): unknown {
  let at = root
  for (const part of split(pointer)) {
    if (Array.isArray(at)) at = at[Number(part)]
    else if (isTable(at) && Object.hasOwn(at, part)) at = at[part]
    else return undefined
  }
  return at
}

/** The root with another value at a place. `undefined` takes the key away, and with it a table that it leaves empty. */
export function write(root: Table, pointer: string, value: unknown): Table {
  return put(root, split(pointer), value) as Table
}

function put(at: unknown, [part, ...rest]: string[], value: unknown): unknown {
  if (part === undefined) return value
  if (Array.isArray(at)) {
    const index = Number(part)
    const next = put(at[index], rest, value)
    return next === undefined ? at.filter((_, i) => i !== index) : Object.assign([...at], { [index]: next })
  }
  const table = isTable(at) ? at : {}
  if (value === undefined && !Object.hasOwn(table, part)) return at
  let next = put(table[part], rest, value)
  if (rest.length > 0 && value === undefined && isTable(next) && Object.keys(next).length === 0 && !KEPT_EMPTY.has(part)) next = undefined
  if (next !== undefined) return { ...table, [part]: next }
  const { [part]: _, ...others } = table
  return others
}

/** The place a key is at: under its own name, or under the older one that the file uses. */
export function spelled(root: unknown, base: string, key: string, alias: string | undefined): string {
  const table = read(root, base)
  const name = alias !== undefined && isTable(table) && !(key in table) && alias in table ? alias : key
  return join(base, ...name.split('/'))
}

/** Whether one place is the other, or within it. */
export function isWithin(pointer: string, place: string): boolean {
  return pointer === place || pointer.startsWith(`${place}/`)
}
