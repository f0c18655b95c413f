/** What the editor asks of the server. Numbers of a job keep their digits on the way (see `exact`). */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString, request } from '../api/http'
import { optional } from '../api/queries'
import type { Saved, SourceDocument } from '../api/types'
import { parseExact } from './exact'
import type { Table } from './pointer'
import type { Finding } from './problems'

const id = encodeURIComponent

/** What is saved: `whole` is the vendor's job and what lies over it as one text. */
export interface JobSource extends SourceDocument {
  whole: string
  job: Table
}

/** Either of the two forms of a job. */
export type Content = { job: Table } | { text: string }

export interface Checked {
  valid: boolean
  problems: Finding[]
}

export interface Preview {
  timezone: string
  next: { at: string; local: string }[]
  never_fires: boolean
  notes: { code: string; at: string | null; message: string }[]
}

export interface Connector {
  name: string
  type: 'sql' | 'ldap' | string
  dialect: string | null
  target: string | null
  read_only: boolean
  last_test: { ok: boolean; at: string } | null
}

export interface Callable {
  callable: string
  step_type: string
  title: string
  doc: string
  params: Record<string, unknown>
}

export async function readSource(job: string, signal?: AbortSignal): Promise<JobSource> {
  const { data } = await request<JobSource>('GET', `admin/jobs/${id(job)}/source`, { signal, parse: parseExact })
  return data
}

export async function validate(content: Content, about: { app?: string | undefined; replaces?: string | undefined }, signal?: AbortSignal): Promise<Checked> {
  const { data } = await request<Checked>('POST', 'admin/jobs/validate', { body: { ...about, ...content }, signal })
  return data
}

export async function create(app: string, content: Content): Promise<Saved> {
  return (await request<Saved>('POST', 'admin/jobs', { body: { app, ...content } })).data
}

export async function replace(job: string, content: Content, etag: string): Promise<Saved> {
  return (await request<Saved>('PUT', `admin/jobs/${id(job)}`, { body: content, ifMatch: `"${etag}"`, parse: parseExact })).data
}

export const remove = (job: string, etag: string | null) => http.delete<{ deleted: string }>(`admin/jobs/${id(job)}`, { ifMatch: etag && `"${etag}"` })

export const editing = {
  // Its numbers must not be compared and rebuilt by the cache, which does not know the exact ones.
  source: (job: string) => queryOptions({ queryKey: ['source', job, 'exact'], queryFn: ({ signal }) => readSource(job, signal), retry: false, structuralSharing: false }),
  connectors: () => queryOptions({ queryKey: ['connectors'], queryFn: ({ signal }) => optional(http.get<{ connectors: Connector[] }>('admin/connectors', signal)) }),
  tables: (connector: string) =>
    queryOptions({
      queryKey: ['connectors', connector, 'tables'],
      queryFn: ({ signal }) => http.get<{ tables: { schema: string | null; name: string; view: boolean }[] }>(`admin/connectors/${id(connector)}/tables`, signal),
      retry: false,
      staleTime: 60_000,
    }),
  statements: (connector: string) =>
    queryOptions({
      queryKey: ['connectors', connector, 'queries'],
      queryFn: ({ signal }) => http.get<{ queries: { name: string; sql: string | null; writable: boolean }[] }>(`admin/connectors/${id(connector)}/queries`, signal),
      retry: false,
    }),
  zones: () => queryOptions({ queryKey: ['timezones'], queryFn: ({ signal }) => optional(http.get<{ timezones: string[]; server: string }>('admin/jobs/timezones', signal)), staleTime: Infinity }),
  callables: () => queryOptions({ queryKey: ['callables'], queryFn: ({ signal }) => optional(http.get<{ callables: Callable[]; problems: string[] }>('admin/jobs/callables', signal)) }),
  preview: (schedule: { expression?: string; every?: string }, timezone: string, rules: { gap?: string; fold?: string }) =>
    queryOptions({
      queryKey: ['cron-preview', schedule, timezone, rules],
      queryFn: ({ signal }) => http.get<Preview>(`admin/jobs/cron-preview${queryString({ ...schedule, timezone, ...rules, count: 5 })}`, signal),
      retry: false,
      staleTime: 30_000,
    }),
}
