/** Versions of a plugin: the requests, and what they answer. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString, request } from '../api/http'
import { optional, queryClient } from '../api/queries'

export interface Report {
  plugin: string
  app: string
  path: string
  digest: string
  size: number
  previous: string | null
  asked: string[]
  unapproved: string[]
  callables: string[]
  removed: string[]
  breaks: { id: string; problems: string[] }[]
  mends: string[]
  installed: boolean
}

export interface Version {
  digest: string
  app: string
  size: number
  asked: string[]
  unapproved: string[]
  installed_at: string
  installed_by: string
  approved_at: string | null
  approved_by: string | null
  in_force: boolean
  kept: boolean
  pinned_by: string[]
}

export interface Stats {
  calls: number
  failed: number
  traps: number
  wall_p50_ms: number
  wall_p95_ms: number
  cpu_p50_ms: number
  cpu_total_ms: number
  peak_memory_bytes: number
}

export interface Usage {
  since: string
  truncated: boolean
  all: Stats
  versions: { digest: string; stats: Stats }[]
}

export interface Trial {
  ok: boolean
  output: unknown
  error: { kind: string; message: string; detail: string } | null
  lines: { level: string; message: string }[]
  lines_left_out: number
  ms: number
  usage: Record<string, unknown> | null
}

export interface Consent {
  dry_run?: boolean
  approve?: boolean
  break_jobs?: boolean
}

/** The server takes no larger component. */
export const MOST_BYTES = 64 * 1024 * 1024

const part = encodeURIComponent

export const versionsQuery = (plugin: string) =>
  queryOptions({ queryKey: ['plugins', 'versions', plugin], queryFn: ({ signal }) => optional(http.get<{ versions: Version[] }>(`admin/plugins/${part(plugin)}/versions`, signal)) })

export const usageQuery = (plugin: string) => queryOptions({ queryKey: ['plugins', 'stats', plugin], queryFn: ({ signal }) => optional(http.get<Usage>(`admin/plugins/${part(plugin)}/stats`, signal)) })

/** A file as a body that says what it is: browsers do not know the type of components. */
const component = (file: File) => file.slice(0, file.size, 'application/wasm')

export const versions = {
  install: async (plugin: string, app: string | undefined, file: File, consent: Consent) => (await request<Report>('PUT', `admin/plugins/${part(plugin)}/component${queryString({ app, ...consent })}`, { file: component(file) })).data,
  rollBack: (plugin: string, digest: string, consent: Consent) => http.post<Report>(`admin/plugins/${part(plugin)}/rollback`, { digest, ...consent }),
  approve: (plugin: string, digest: string | null) => http.post<Version>(`admin/plugins/${part(plugin)}/approve`, digest === null ? {} : { digest }),
  tryIt: (plugin: string, callable: string, params: Record<string, unknown>) => http.post<Trial>(`admin/plugins/${part(plugin)}/try`, { callable, params }),
}

/** After a change of what is in force. */
export const readAgain = () => Promise.all(['plugins', 'callables', 'jobs'].map((key) => queryClient.invalidateQueries({ queryKey: [key] })))

/** The plugin a file would be called after; empty where its name is none. */
export function pluginName(file: string): string {
  const name = file.replace(/\.wasm$/, '')
  return isName(name) ? name : ''
}

/** What the server takes as a name of a plugin or an app. */
export function isName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(text)
}
