/** The documents about connectors, and how their names and stages read. Pure but for the requests. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString } from '../api/http'
import { optional } from '../api/queries'
import type { Body, PoolSource, Source } from './draft'

export interface Pool {
  name: string
  size: number
  in_use: number
  /** Steps that wait for a connection. */
  waiting: number
}

/** A password: it goes in and never comes out. */
export interface SecretState {
  state: 'set' | 'unset'
  /** What it names, as `${env.PGPASSWORD}`. */
  reference: string | null
  in_clear: boolean
  changed_at: string | null
  by: string | null
}

/** Somebody who names a connector. */
export interface Reference {
  kind: 'job' | 'plugin' | 'limit' | 'connector'
  name: string
  file: string
  places: string[]
}

export interface Sample {
  at: string
  in_use: number
  waiting: number
  queued: number
  gave_up: number
  longest_ms: number
}

export interface PoolHistory {
  pool: string
  size: number
  seconds: number
  samples: Sample[]
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
  source: (name: string) => queryOptions({ queryKey: ['connectors', name, 'source'], queryFn: ({ signal }) => http.get<Source>(of(name), signal), retry: false }),
  pools: () => queryOptions({ queryKey: ['pools'], queryFn: ({ signal }) => http.get<{ pools: PoolSource[] }>('admin/pools', signal) }),
  /** No event tells it: asked again as often as the server takes a sample. */
  history: (name: string) => queryOptions({ queryKey: ['connectors', name, 'history'], queryFn: ({ signal }) => http.get<PoolHistory>(`${of(name)}/history`, signal), refetchInterval: 5_000 }),
  named: (name: string) => queryOptions({ queryKey: ['connectors', name, 'queries'], queryFn: ({ signal }) => http.get<{ queries: NamedQuery[] }>(`${of(name)}/queries`, signal), retry: false }),
}

export const testConnector = (name: string) => http.post<TestReport>(`${of(name)}/test`)

/** What changes connectors. */
export const editing = {
  create: (body: Body & { name: string }) => http.post<Source>('admin/connectors', body),
  save: (name: string, body: Body, etag: string) => http.put<Source>(of(name), body, { ifMatch: `"${etag}"` }),
  testUnsaved: (body: Body & { name: string }) => http.post<TestReport>('admin/connector-tests', body),
  rename: (name: string, to: string, dryRun: boolean) => http.post<{ references: Reference[] }>(`${of(name)}/rename`, { to, dry_run: dryRun }),
  remove: (name: string) => http.delete<unknown>(of(name)),
}

/** The stages a test goes through; those after a failure were not reached. A file is opened in one go. */
export function stagesOf(connector: Pick<Connector, 'dialect'>, report: TestReport): (Stage | { name: string; ok: null })[] {
  const all = connector.dialect === 'sqlite' ? ['declaration', 'sign-in', 'query', 'version'] : connector.dialect === null ? ['declaration', 'resolve', 'connect', 'tls', 'sign-in', 'version'] : ['declaration', 'resolve', 'connect', 'tls', 'sign-in', 'query', 'version']
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
