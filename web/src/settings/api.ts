/** What the server tells of accounts, tokens, sessions, the audit trail and itself, and the requests about them. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString } from '../api/http'
import { optional } from '../api/queries'
import type { FieldFinding, RunAccepted, RunSummary } from '../api/types'
import type { OneTimePassword, UserCreated } from '../api/wire'
import { spanned, type Span } from '../ui/span'
import { serverNow } from '../ui/time'

export interface User {
  name: string
  display_name: string
  source: string
  disabled: boolean
  permissions: string[]
  permissions_from_groups: string[]
  must_change_password: boolean
  created_at: string
  created_by: string
  last_sign_in: string | null
}

export interface Token {
  id: string
  name: string
  user: string
  permissions: string[]
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  last_used_from: string | null
}

export interface NewToken {
  name: string
  user?: string
  permissions?: string[]
  expires_in_days?: number
  never_expires?: boolean
}

export interface Session {
  id: string
  user: string
  opened_by: string
  created_at: string
  refreshed_at: string
  expires_at: string
  address: string
  agent: string
  current: boolean
}

export interface Secret {
  name: string
  updated_at: string
  updated_by: string
}

export interface Setting {
  key: string
  value: unknown
  source: 'default' | 'file' | 'env' | 'flag'
  from: string | null
  env: string
  restart: boolean
  /** Whether it can be written into the file from here. */
  changeable: boolean
  /** What counts after a restart, where that is another value; else null. */
  next: unknown
}

export interface About {
  version: string
  commit: string | null
  built_at: string | null
  os: string
  arch: string
  store: string
  replica: string
  role: string
  started_at: string
  server_time: string
  timezone: string
}

export interface Retention {
  policy: { history_days: number | null; job_id: string; next_at: string | null }
  last_sweep: { run: RunSummary; removed: Record<string, unknown> | null } | null
}

export const AUDIT_OUTCOMES = ['begun', 'done', 'failed', 'refused'] as const

export interface AuditEntry {
  seq: number
  at: string
  user: string
  source: string
  address: string
  action: string
  object: string
  outcome: (typeof AUDIT_OUTCOMES)[number]
  detail: Record<string, unknown>
}

export interface AuditFilter extends Span {
  user?: string | undefined
  action?: string | undefined
  object?: string | undefined
  outcome?: string | undefined
  cursor?: string | undefined
}

export interface Verdict {
  ok: boolean
  entries: number
  broken_at: number | null
  why: string | null
  last: { seq: number; hash: string }
}

export interface ImportPlan {
  new: string[]
  changed: { id: string; diff: string }[]
  same: string[]
  removed: string[]
  invalid: { id: string; problems: FieldFinding[] }[]
  next: { id: string; at: string }[]
  connectors_missing: string[]
  secrets_missing: string[]
  applied: boolean
}

export type Strategy = 'merge' | 'replace'

const of = encodeURIComponent

export const settings = {
  createUser: (body: { name: string; display_name: string; permissions: string[] }) => http.post<UserCreated>('admin/users', body),
  changeUser: (name: string, change: { display_name?: string; disabled?: boolean; permissions?: string[] }) => http.patch<User>(`admin/users/${of(name)}`, change),
  deleteUser: (name: string) => http.delete<unknown>(`admin/users/${of(name)}`),
  resetPassword: (name: string) => http.post<OneTimePassword>(`admin/users/${of(name)}/password`),
  createToken: (body: NewToken) => http.post<Token & { secret: string }>('admin/tokens', body),
  revokeToken: (id: string) => http.delete<unknown>(`admin/tokens/${of(id)}`),
  endSession: (id: string) => http.delete<unknown>(`admin/sessions/${of(id)}`),
  putSecret: (name: string, value: string) => http.put<unknown>(`admin/secrets/${of(name)}`, { value }),
  deleteSecret: (name: string) => http.delete<unknown>(`admin/secrets/${of(name)}`),
  sweep: () => http.post<RunAccepted>('admin/jobs/retention/sweep'),
  /** Null takes it out of the file. */
  write: (key: string, value: unknown) => http.put<Setting>(`admin/settings/${encodeURIComponent(key)}`, { value }),
  verify: () => http.get<Verdict>('admin/audit/verify'),
  importCatalogue: (snapshot: unknown, strategy: Strategy, dryRun: boolean) => http.post<ImportPlan>(`admin/catalogue/import${queryString({ strategy, dry_run: dryRun })}`, snapshot),
}

export const settingQueries = {
  users: () => queryOptions({ queryKey: ['users'], queryFn: async ({ signal }) => (await http.get<{ users: User[] }>('admin/users', signal)).users }),
  tokens: (all: boolean) => queryOptions({ queryKey: ['tokens', all], queryFn: async ({ signal }) => (await http.get<{ tokens: Token[] }>(`admin/tokens${all ? '?all=true' : ''}`, signal)).tokens }),
  sessions: () => queryOptions({ queryKey: ['sessions'], queryFn: async ({ signal }) => (await http.get<{ sessions: Session[] }>('admin/sessions', signal)).sessions }),
  secrets: () => queryOptions({ queryKey: ['secrets'], queryFn: async ({ signal }) => (await http.get<{ secrets: Secret[] }>('admin/secrets', signal)).secrets }),
  values: () => queryOptions({ queryKey: ['settings'], queryFn: async ({ signal }) => (await http.get<{ settings: Setting[] }>('admin/settings', signal)).settings }),
  about: () => queryOptions({ queryKey: ['about'], queryFn: ({ signal }) => http.get<About>('admin/about', signal) }),
  // The history of all runs reads the same document.
  retention: () => queryOptions({ queryKey: ['retention'], queryFn: ({ signal }) => optional(http.get<Retention>('admin/jobs/retention', signal)) }),
  audit: (filter: AuditFilter) =>
    queryOptions({ queryKey: ['audit', filter], queryFn: ({ signal }) => http.get<{ entries: AuditEntry[]; next_cursor: string | null }>(`admin/audit${queryString({ limit: 50, ...spanned(filter, serverNow()) })}`, signal), staleTime: 0 }),
}
