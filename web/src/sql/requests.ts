/** What the SQL editor asks of the server. */
import { queryOptions } from '@tanstack/react-query'
import { http } from '../api/http'
import { queryClient } from '../api/queries'
import { editing } from '../editor/requests'
import { selectAll, type TableName } from './text'

export interface Statement {
  keyword: string
  line: number
  column: number
  params: string[]
  verdict: 'sound' | 'wrong' | 'unknown'
  columns: { name: string; type: string }[]
  message: string | null
  hint: string | null
}

export interface QueryCheck {
  ok: boolean
  statements: Statement[]
}

export const checkQuery = (connector: string, query: string) => http.post<QueryCheck>(`admin/connectors/${encodeURIComponent(connector)}/check`, { query })

const columnsQuery = (connector: string, query: string) =>
  queryOptions({ queryKey: ['connectors', connector, 'columns', query], queryFn: () => checkQuery(connector, query), retry: false, staleTime: 60_000 })

/** The tables of a connector; none when they cannot be had. */
export async function tablesOf(connector: string): Promise<TableName[]> {
  return (await queryClient.fetchQuery(editing.tables(connector)).catch(() => null))?.tables ?? []
}

/** The columns of a table; none when they cannot be had. */
export async function columnsOf(connector: string, table: TableName, dialect: string): Promise<string[]> {
  const checked = await queryClient.fetchQuery(columnsQuery(connector, selectAll(table, dialect))).catch(() => null)
  return checked?.statements[0]?.columns.map((column) => column.name) ?? []
}
