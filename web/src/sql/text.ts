/** What can be seen in the text of a query without a parser: parameters, names of tables, places. Pure. */

/** `:name` where a value is bound: not in `a::type`, `x := 1`, `a[1:n]`. */
export const PARAM = /(?<![:\w\]]):([A-Za-z_]\w*)/g

/** What is filled in when the step runs. */
export const TEMPLATE = /\$\{[^}\n]*\}/g

/** The name of a declared query, as far as it is typed: no SQL is one word. */
export const isName = (text: string): boolean => /^[\w-]*(:\w*)?$/.test(text)

export interface TableName {
  schema: string | null
  name: string
  view: boolean
}

/** Most tables of one text whose columns are asked for. */
const MOST_TABLES = 12

/** The tables that a text mentions, in any case. */
export function mentioned(text: string, tables: readonly TableName[]): TableName[] {
  const words = new Set((text.match(/[\p{L}\d_$#]+/gu) ?? []).map((word) => word.toLowerCase()))
  const found = tables.filter(({ name }) => words.has(name.toLowerCase()))
  // One of several schemas is meant; the one that is named, else the first.
  const best = new Map<string, TableName>()
  for (const table of found) {
    const key = table.name.toLowerCase()
    const isNamed = table.schema !== null && words.has(table.schema.toLowerCase())
    if (!best.has(key) || isNamed) best.set(key, table)
  }
  return [...best.values()].slice(0, MOST_TABLES)
}

/** A SELECT of every column: looked at and never run, it says which those are. */
export function selectAll({ schema, name }: TableName, dialect: string): string {
  const quote = (part: string) => (dialect === 'mysql' ? `\`${part.replaceAll('`', '``')}\`` : `"${part.replaceAll('"', '""')}"`)
  return `select * from ${schema === null ? '' : `${quote(schema)}.`}${quote(name)}`
}

/** Where a line and a column, both from 1 and in characters, stand in a text. */
export function offsetOf(text: string, line: number, column: number): number {
  let at = 0
  for (let n = 1; n < line; n++) {
    const next = text.indexOf('\n', at)
    if (next < 0) return text.length
    at = next + 1
  }
  const end = text.indexOf('\n', at)
  const row = [...text.slice(at, end < 0 ? text.length : end)]
  return at + row.slice(0, Math.max(0, column - 1)).join('').length
}

/** The word at an offset, or the character, or nothing at the end. */
export function wordAt(text: string, from: number): { from: number; to: number } {
  const length = /^(?:[\p{L}\d_]+|:\w+|\S)/u.exec(text.slice(from))?.[0].length ?? 0
  return { from, to: from + length }
}
