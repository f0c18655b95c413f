/**
 * Which fields a table of the job has, in the order they are drawn, with the keys of the file. A key that is not here is
 * kept, and shown as an extra. What is right is the server's business; required fields are only marked. Pure.
 */
import { isTable } from './exact'
import type { Table } from './pointer'

export type Kind =
  | 'text' | 'number' | 'flag' | 'word' | 'list' | 'values' | 'json' | 'secret'
  | 'connector' | 'directory' | 'table' | 'statement' | 'sql' | 'job' | 'callable' | 'zone'

export interface FieldSpec {
  /** Below the table; `source/table` for one that is in a table of its own. */
  key: string
  kind: Kind
  /** An older name of the key that files may use. */
  alias?: string
  required?: boolean
  words?: readonly string[]
  /** What holds when nothing is said. */
  standard?: string | number | boolean
  /** The field that names the connector whose tables or queries are offered. */
  connector?: string
  /** The field whose keys are the parameters that have a value. */
  binds?: string
  /** Behind "More". */
  more?: boolean
  when?: (table: Table) => boolean
}

const is = (key: string, ...values: unknown[]) => (table: Table): boolean => values.includes(table[key])
const inner = (key: string, of: string, ...values: unknown[]) => (table: Table): boolean => isTable(table[key]) && values.includes(table[key][of])
const isJde = is('type_coercion', 'jde')

export const STEP_TYPES = ['sql_query', 'sql_copy', 'python', 'wasm', 'http', 'ldap_sync', 'call_job'] as const
export type StepType = (typeof STEP_TYPES)[number]

const callable: FieldSpec[] = [{ key: 'callable', kind: 'callable', required: true }]

const OF_TYPE: Record<StepType, FieldSpec[]> = {
  sql_query: [
    { key: 'connector', kind: 'connector', required: true },
    { key: 'query', kind: 'statement', required: true, connector: 'connector', binds: 'params' },
    { key: 'params', kind: 'values' },
  ],
  sql_copy: [
    { key: 'source/connector', kind: 'connector', required: true },
    { key: 'source/schema', kind: 'text' },
    { key: 'source/table', kind: 'table', connector: 'source/connector' },
    { key: 'source/query', kind: 'sql', connector: 'source/connector', binds: 'source/params', more: true },
    { key: 'source/columns', kind: 'list', more: true },
    { key: 'source/where', kind: 'text', more: true },
    { key: 'source/params', kind: 'values', more: true },
    { key: 'target/connector', kind: 'connector', required: true },
    { key: 'target/schema', kind: 'text' },
    { key: 'target/table', kind: 'table', required: true, connector: 'target/connector' },
    { key: 'mode', kind: 'word', words: ['overwrite', 'append', 'upsert'], standard: 'overwrite' },
    { key: 'key_columns', kind: 'list', when: is('mode', 'upsert') },
    { key: 'type_coercion', kind: 'word', words: ['none', 'jde'], standard: 'none' },
    { key: 'decimal_mode', kind: 'word', words: ['preserve', 'truncate'], standard: 'preserve', when: isJde },
    { key: 'julian_columns', kind: 'list', when: isJde },
    { key: 'decimal_columns', kind: 'json', when: isJde },
    { key: 'data_dictionary', kind: 'json', when: isJde },
    { key: 'strip_both_columns', kind: 'list', more: true },
    { key: 'batch_size', kind: 'number', standard: 10000 },
    { key: 'parallel', kind: 'number', standard: 1, more: true },
    { key: 'on_bad_row', kind: 'word', words: ['fail', 'skip_to'], standard: 'fail', more: true },
    { key: 'bad_row_table', kind: 'text', when: is('on_bad_row', 'skip_to') },
    { key: 'verify', kind: 'word', words: ['counts', 'checksum'], standard: 'counts', more: true },
  ],
  python: callable,
  wasm: callable,
  http: [
    { key: 'url', kind: 'text', required: true },
    { key: 'method', kind: 'word', words: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'], standard: 'GET' },
    { key: 'headers', kind: 'values' },
    { key: 'query', kind: 'values', more: true },
    { key: 'body', kind: 'json', when: (t) => t.form === undefined },
    { key: 'form', kind: 'values', more: true, when: (t) => t.body === undefined },
    { key: 'auth/type', kind: 'word', words: ['basic', 'bearer', 'header'] },
    { key: 'auth/user', kind: 'text', when: inner('auth', 'type', 'basic') },
    { key: 'auth/password', kind: 'secret', when: inner('auth', 'type', 'basic') },
    { key: 'auth/token', kind: 'secret', when: inner('auth', 'type', 'bearer') },
    { key: 'auth/name', kind: 'text', when: inner('auth', 'type', 'header') },
    { key: 'auth/value', kind: 'secret', when: inner('auth', 'type', 'header') },
    { key: 'expected_statuses', kind: 'json', more: true },
    { key: 'pick', kind: 'text', more: true },
    { key: 'pagination', kind: 'json', more: true },
    { key: 'request_timeout_seconds', kind: 'number', more: true },
    { key: 'max_redirects', kind: 'number', more: true },
    { key: 'max_response_bytes', kind: 'number', more: true },
    { key: 'proxy', kind: 'text', more: true },
    { key: 'ca_file', kind: 'text', more: true },
    { key: 'deny_private_networks', kind: 'flag', standard: false, more: true },
  ],
  ldap_sync: [
    { key: 'directory', kind: 'directory', when: (t) => t.server === undefined },
    { key: 'server', kind: 'text', when: (t) => t.directory === undefined },
    { key: 'bind_dn', kind: 'text', when: (t) => t.directory === undefined },
    { key: 'bind_password', kind: 'secret', when: (t) => t.directory === undefined },
    { key: 'start_tls', kind: 'flag', standard: false, more: true, when: (t) => t.directory === undefined },
    { key: 'ca_file', kind: 'text', more: true, when: (t) => t.directory === undefined },
    { key: 'search_base', kind: 'text' },
    { key: 'search_filter', kind: 'text', standard: '(objectClass=*)' },
    { key: 'scope', kind: 'word', words: ['base', 'one_level', 'subtree'], standard: 'subtree', more: true },
    { key: 'referrals', kind: 'word', words: ['ignore', 'follow', 'fail'], standard: 'ignore', more: true },
    { key: 'attributes', kind: 'list' },
    { key: 'mapping', kind: 'values' },
    { key: 'multi_values', kind: 'word', words: ['join', 'json', 'first'], standard: 'join', more: true },
    { key: 'separator', kind: 'text', more: true },
    { key: 'page_size', kind: 'number', more: true },
    { key: 'target_connector', kind: 'connector', required: true },
    { key: 'target_schema', kind: 'text', when: (t) => t.target_query === undefined },
    { key: 'target_table', kind: 'table', connector: 'target_connector', when: (t) => t.target_query === undefined },
    { key: 'target_query', kind: 'statement', connector: 'target_connector', when: (t) => t.target_table === undefined },
    { key: 'key_columns', kind: 'list', when: (t) => t.target_query === undefined },
    { key: 'delete_mode', kind: 'word', words: ['none', 'hard', 'soft'], standard: 'none', more: true },
    { key: 'delete_column', kind: 'text', when: is('delete_mode', 'soft') },
    { key: 'max_delete_percent', kind: 'number', when: is('delete_mode', 'hard', 'soft') },
    { key: 'allow_empty', kind: 'flag', standard: false, when: is('delete_mode', 'hard', 'soft') },
  ],
  call_job: [
    { key: 'job', alias: 'target_job_id', kind: 'job', required: true },
    { key: 'params', kind: 'values' },
  ],
}

/** Every step has these, after those of its type. */
const RUNNING: FieldSpec[] = [
  { key: 'when', kind: 'text' },
  { key: 'timeout_seconds', kind: 'number', standard: 3600 },
  { key: 'retry/attempts', alias: 'retry/max_attempts', kind: 'number', more: true },
  { key: 'retry/backoff', kind: 'word', words: ['fixed', 'exponential'], more: true },
  { key: 'retry/base_seconds', alias: 'retry/initial_delay_seconds', kind: 'number', more: true },
  { key: 'resumable', kind: 'flag', standard: true, more: true },
  { key: 'continue_on_error', kind: 'flag', standard: false, more: true },
]

export const STEP_HEAD: FieldSpec[] = [{ key: 'name', kind: 'text', required: true }]

/** The fields of a step below its name; none of its own for a type that nobody knows. */
export function fieldsOf(type: string): FieldSpec[] {
  return [...((OF_TYPE as Record<string, FieldSpec[] | undefined>)[type] ?? []), ...RUNNING]
}

export const hasArguments = (type: string): boolean => type === 'python' || type === 'wasm'

/** Keys of a step that are drawn by something else than a field. */
const DRAWN = ['type', 'enabled', 'op_kwargs', 'kwargs']

/** The keys of a step that no field shows. */
export function extrasOf(step: Table): string[] {
  const known = new Set([...DRAWN, ...[...STEP_HEAD, ...fieldsOf(String(step.type))].flatMap(({ key, alias }) => [key, alias ?? key]).map((key) => key.split('/')[0]!)])
  return Object.keys(step).filter((key) => !known.has(key))
}

export const SCHEDULE_FIELDS: FieldSpec[] = [
  { key: 'name', kind: 'text', required: true },
  { key: 'cron', kind: 'text', when: (t) => t.every === undefined },
  { key: 'every', kind: 'text', when: (t) => t.cron === undefined },
  { key: 'timezone', kind: 'zone' },
  { key: 'enabled', kind: 'flag', standard: true },
  { key: 'params', kind: 'values', more: true },
  { key: 'op_kwargs', alias: 'kwargs', kind: 'json', more: true },
  { key: 'step_enabled', kind: 'json', more: true },
  { key: 'log_level', kind: 'word', words: ['INFO', 'DEBUG'], more: true },
  { key: 'gap', kind: 'text', more: true },
  { key: 'fold', kind: 'text', more: true },
  { key: 'jitter_seconds', kind: 'number', more: true },
  { key: 'placement', kind: 'text', more: true },
]

export const SCHEDULE_MORE: FieldSpec[] = [
  { key: 'overlap', kind: 'word', words: ['skip', 'queue', 'allow', 'cancel_running'], standard: 'skip' },
  { key: 'catch_up', kind: 'word', words: ['none', 'last', 'all'], standard: 'none' },
  { key: 'catch_up_window', kind: 'text' },
  { key: 'depends_on', kind: 'list' },
  { key: 'placement', kind: 'text' },
  { key: 'jitter_seconds', kind: 'number' },
  { key: 'gap', kind: 'text' },
  { key: 'fold', kind: 'text' },
]

export const RETRY_FIELDS: FieldSpec[] = [
  { key: 'retry/attempts', alias: 'retry/max_attempts', kind: 'number', standard: 1 },
  { key: 'retry/backoff', kind: 'word', words: ['fixed', 'exponential'], standard: 'fixed' },
  { key: 'retry/base_seconds', alias: 'retry/initial_delay_seconds', kind: 'number', standard: 60 },
  { key: 'timeout_seconds', kind: 'number' },
  { key: 'on_restart', kind: 'word', words: ['fail', 'resume'], standard: 'fail' },
]

export const ALERT_FIELDS: FieldSpec[] = [
  { key: 'alerts/on_failure', kind: 'flag', standard: true },
  { key: 'alerts/on_recovery', kind: 'flag', standard: true },
  { key: 'alerts/on_success', kind: 'flag', standard: false },
  { key: 'alerts/on_canceled', kind: 'flag', standard: false },
  { key: 'alerts/on_long_run_minutes', kind: 'number' },
  { key: 'alerts/no_success_within_hours', kind: 'number' },
  { key: 'alerts/recipients', kind: 'list' },
]
