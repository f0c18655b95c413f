/** A connector as a form: its fields, what is sent of them, and which field a finding of the server is about. Pure. */
import type { Reference, SecretState } from './connectors'

export interface Source {
  name: string
  etag: string
  connector: Record<string, unknown>
  secrets: { password?: SecretState }
  pool: PoolSource | null
  used_by: Reference[]
  warnings: Finding[]
}

export interface PoolSource {
  name: string
  values: Record<string, unknown>
  secrets: { password: SecretState }
  connectors: string[]
}

export interface Finding {
  pointer: string
  message: string
  hint?: string | null
}

export interface FormField {
  key: string
  as: 'text' | 'number' | 'flag' | 'choice'
  required?: boolean
  choices?: string[]
}

export const POOL_FIELDS: FormField[] = [
  { key: 'url', as: 'text', required: true },
  { key: 'pool_size', as: 'number' },
  { key: 'read_only', as: 'flag' },
]

export const MORE_POOL_FIELDS: FormField[] = [
  { key: 'acquire_timeout_seconds', as: 'number' },
  { key: 'statement_timeout_seconds', as: 'number' },
  { key: 'tls', as: 'choice', choices: ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] },
  { key: 'ca_file', as: 'text' },
  { key: 'trim_strings', as: 'flag' },
  { key: 'coalesce_nulls', as: 'flag' },
]

export const DIRECTORY_FIELDS: FormField[] = [
  { key: 'url', as: 'text', required: true },
  { key: 'base', as: 'text', required: true },
  { key: 'bind_dn', as: 'text' },
  { key: 'start_tls', as: 'flag' },
  { key: 'ca_file', as: 'text' },
]

export interface QueryDraft {
  name: string
  /** Null: it has a text for each kind of database, which stays as it is. */
  sql: string | null
  writable: boolean
}

/** What somebody does with a secret that the page does not know. */
export interface SecretDraft {
  mode: 'keep' | 'set' | 'clear'
  text: string
}

export interface Draft {
  name: string
  type: 'sql' | 'ldap'
  /** The pool of an SQL connector that another one declares; empty: one of its own. */
  shared: string
  values: Record<string, string>
  password: SecretDraft | null
  queries: QueryDraft[]
}

export function emptyDraft(): Draft {
  return { name: '', type: 'sql', shared: '', values: {}, password: null, queries: [] }
}

const texts = (values: Record<string, unknown>) => Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value !== 'object').map(([key, value]) => [key, String(value)]))

type Queries = Record<string, { sql: unknown; writable?: boolean }>

export function draftOf(source: Source): Draft {
  const type = source.connector.type === 'ldap' ? 'ldap' : 'sql'
  const queries = (source.connector.queries ?? {}) as Queries
  return {
    name: source.name,
    type,
    shared: '',
    values: texts(type === 'ldap' ? source.connector : source.pool?.values ?? {}),
    password: null,
    queries: Object.entries(queries).map(([name, query]) => ({ name, sql: typeof query.sql === 'string' ? query.sql : null, writable: query.writable === true })),
  }
}

/** The fields over what is saved: keys the form does not know stay, those that are empty go. */
function laidOver(saved: Record<string, unknown>, fields: FormField[], draft: Draft): Record<string, unknown> {
  const out = { ...saved }
  for (const field of fields) {
    const text = (draft.values[field.key] ?? '').trim()
    if (field.as === 'flag') {
      // False is what happens without the key.
      if (text === 'true') out[field.key] = true
      else if (out[field.key] !== undefined) out[field.key] = false
    } else if (text === '') delete out[field.key]
    // A number that is none goes as it is: the server says what it should be.
    else out[field.key] = field.as === 'number' && /^\d+$/.test(text) ? Number(text) : text
  }
  return out
}

export interface Body {
  name?: string
  connector: Record<string, unknown>
  pool?: Record<string, unknown>
  secrets: { password?: { keep: true } | { set: string } | { clear: true } }
}

/** The request. A secret nobody touched is kept; the mask on the page is never a value. */
export function bodyOf(draft: Draft, source: Source | null): Body {
  const secret = draft.password
  const wish = secret?.mode === 'set' && secret.text !== '' ? { set: secret.text } : secret?.mode === 'clear' ? { clear: true as const } : { keep: true as const }
  if (draft.type === 'ldap') {
    return { connector: laidOver({ ...(source?.connector ?? {}), type: 'ldap' }, DIRECTORY_FIELDS, draft), secrets: { password: wish } }
  }
  const connector: Record<string, unknown> = { ...(source?.connector ?? { type: 'sql' }) }
  const old = (connector.queries ?? {}) as Queries
  const queries: Record<string, unknown> = {}
  for (const query of draft.queries.filter((each) => each.name.trim() !== '')) {
    const before = old[query.name]
    const next: Record<string, unknown> = { ...before, sql: query.sql ?? before?.sql ?? '' }
    if (query.writable || before?.writable !== undefined) next.writable = query.writable
    queries[query.name.trim()] = next
  }
  if (draft.queries.length > 0) connector.queries = queries
  else delete connector.queries
  if (draft.shared !== '') {
    return { connector: { ...connector, pool: draft.shared }, secrets: {} }
  }
  return { connector, pool: laidOver(source?.pool?.values ?? {}, [...POOL_FIELDS, ...MORE_POOL_FIELDS], draft), secrets: { password: wish } }
}

/** What the server found, by the last part of its place: `/pool/url`, `/connector/base`, `/secrets/password`. */
export function errorsByField(problems: Finding[]): { fields: Record<string, string>; rest: string[] } {
  const fields: Record<string, string> = {}
  const rest: string[] = []
  for (const { pointer, message, hint } of problems) {
    const parts = pointer.split('/').filter(Boolean)
    const text = hint ? `${message}; ${hint}` : message
    const key = parts[1] === 'queries' && parts[2] ? `query:${parts[2]}` : parts.length === 2 || pointer === '/name' ? parts.at(-1) : undefined
    if (key) fields[key] = fields[key] ? `${fields[key]}; ${text}` : text
    else rest.push(text)
  }
  return { fields, rest }
}

export function isName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text)
}
