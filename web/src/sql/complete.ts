/** What may come next in a query: its tables and columns as the database has them, named queries, keywords. */
import { ifNotIn, type Completion, type CompletionContext, type CompletionSource } from '@codemirror/autocomplete'
import { keywordCompletionSource, schemaCompletionSource, type SQLDialect } from '@codemirror/lang-sql'
import { isName, mentioned, type TableName } from './text'
import { t } from './words'

export interface Named {
  name: string
  sql: string | null
  writable: boolean
}

/** Where the names come from. Each may take a while, and comes to nothing when it cannot be had. */
export interface Names {
  tables: () => Promise<TableName[]>
  columns: (table: TableName) => Promise<string[]>
  queries: () => readonly Named[]
}

/** Not inside of what is not code. */
const outside = (source: CompletionSource) => ifNotIn(['String', 'LineComment', 'BlockComment'], source)

export function completions(dialect: SQLDialect, names: Names): CompletionSource[] {
  const known = async (context: CompletionContext) => {
    const tables = await names.tables()
    const near = mentioned(context.state.doc.toString(), tables)
    const columns = new Map<TableName, string[]>()
    await Promise.all(near.map(async (table) => columns.set(table, await names.columns(table))))
    return { tables, columns }
  }

  const queries: CompletionSource = (context) => {
    const text = context.state.doc.toString()
    if (!isName(text) || context.pos !== text.length || (text === '' && !context.explicit)) return null
    const options = names.queries().flatMap(({ name, sql, writable }): Completion[] => [
      { label: name, detail: t.named, boost: 50, ...(sql !== null && { info: sql }) },
      ...(writable ? [{ label: `${name}:write`, detail: t.named, boost: 49 }] : []),
    ])
    return options.length === 0 ? null : { from: 0, options, validFor: isName }
  }

  /** `orders.`, an alias of it, and the tables themselves. */
  const schema: CompletionSource = async (context) => {
    if (!context.explicit && !context.matchBefore(/[\w$#."`]$/)) return null
    const { tables, columns } = await known(context)
    if (context.aborted || tables.length === 0) return null
    const all: Record<string, Record<string, string[]> | string[]> = {}
    for (const table of tables) {
      const of = columns.get(table) ?? []
      all[table.name] = of
      if (table.schema === null) continue
      const inside = (all[table.schema] ??= {})
      if (!Array.isArray(inside)) inside[table.name] = of
    }
    return schemaCompletionSource({ dialect, schema: all })(context)
  }

  /** Columns without their table, of those that are mentioned. */
  const columns: CompletionSource = async (context) => {
    const word = context.matchBefore(/[\p{L}\d_$#]+/u)
    const before = word === null ? '' : context.state.sliceDoc(word.from - 1, word.from)
    if ((word === null && !context.explicit) || before === '.' || before === ':') return null
    const found = await known(context)
    if (context.aborted) return null
    const options = [...found.columns].flatMap(([table, list]) => list.map((label): Completion => ({ label, detail: table.name, boost: 10 })))
    return options.length === 0 ? null : { from: word?.from ?? context.pos, options, validFor: /^[\p{L}\d_$#]*$/u }
  }

  return [queries, outside(schema), outside(columns), keywordCompletionSource(dialect)]
}
