/** The documents about connectors, and how their names and stages read. Pure but for the requests. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString } from '../api/http'
import { optional } from '../api/queries'

export interface Pool {
  name: string
  size: number
  in_use: number
}

export interface LastTest {
  at: string
  ok: boolean
  /** What is wrong, or the version of the server. */
  detail: string
  ms: number
}

export interface Connector {
  name: string
  type: 'sql' | 'ldap'
  dialect: string | null
  /** Without credentials; null when its address cannot be read. */
  target: string | null
  read_only: boolean
  pool: Pool | null
  used_by: string[]
  last_test: LastTest | null
}

export interface Stage {
  name: string
  ok: boolean
  ms: number
  detail: string
}

export interface TestReport {
  ok: boolean
  stages: Stage[]
  server_version: string | null
  encrypted: boolean | null
  ms: number
}

export interface Table {
  schema: string | null
  name: string
  view: boolean
}

export interface NamedQuery {
  name: string
  sql: string | null
  writable: boolean
}

const of = (name: string) => `admin/connectors/${encodeURIComponent(name)}`

export const connectorQueries = {
  /** Null where the person may not see any. */
  all: () => queryOptions({ queryKey: ['connectors'], queryFn: ({ signal }) => optional(http.get<{ connectors: Connector[] }>('admin/connectors', signal)) }),
  tables: (name: string, like: string) =>
    queryOptions({
      queryKey: ['connectors', name, 'tables', like],
      queryFn: ({ signal }) => http.get<{ tables: Table[]; truncated: boolean }>(`${of(name)}/tables${queryString({ like })}`, signal),
      retry: false,
      staleTime: 60_000,
    }),
  named: (name: string) => queryOptions({ queryKey: ['connectors', name, 'queries'], queryFn: ({ signal }) => http.get<{ queries: NamedQuery[] }>(`${of(name)}/queries`, signal), retry: false }),
}

export const testConnector = (name: string) => http.post<TestReport>(`${of(name)}/test`)

/** The stages a test goes through; those after a failure were not reached. A file is opened in one go. */
export function stagesOf(connector: Connector, report: TestReport): (Stage | { name: string; ok: null })[] {
  const all = connector.dialect === 'sqlite' ? ['declaration', 'sign-in'] : ['declaration', 'resolve', 'connect', 'sign-in']
  const missing = report.ok ? [] : all.slice(all.indexOf(report.stages.at(-1)?.name ?? '') + 1)
  return [...report.stages, ...missing.filter((name) => !report.stages.some((stage) => stage.name === name)).map((name) => ({ name, ok: null }))]
}

/** `sales.orders`, as a step names it. */
export function tableName(table: Table): string {
  return table.schema === null ? table.name : `${table.schema}.${table.name}`
}

/** How full a pool is: steps then wait for a connection. */
export function isFull(pool: Pool): boolean {
  return pool.in_use >= pool.size
}
