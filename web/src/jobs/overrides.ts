/**
 * The run-with-parameters form as data: what is typed, what of it differs from the saved job, and those differences in words.
 * Invariant: what the footer lists is exactly what is sent, because both come from `diff`; an untouched form sends `{}`.
 */
import { ApiError } from '../api/http'
import type { JobDetail, Run, RunLogLevel, RunRequest } from '../api/types'
import { canonical, isNumber, parseExact, readNumber } from '../editor/exact'

/** How a value is edited; the kind of the saved value decides and never changes while the form is open. */
export type Kind = 'boolean' | 'number' | 'text' | 'json' | 'connector' | 'secret'

export interface Field {
  key: string
  kind: Kind
  saved: unknown
  /** What stands in the input; for a boolean `true` or `false`. */
  text: string
}

export interface StepDraft {
  name: string
  savedEnabled: boolean
  enabled: boolean
  fields: Field[]
}

export interface Draft {
  savedLogLevel: RunLogLevel
  logLevel: RunLogLevel
  params: Field[]
  steps: StepDraft[]
}

export type Parsed = { ok: true; value: unknown } | { ok: false; why: 'number' | 'json' }

/** A value the server keeps to itself, or the part of an address that it does, comes as a mark. */
const SECRET = /•{3,}|\*{8}/

function isSecret(value: unknown): boolean {
  return typeof value === 'string' && SECRET.test(value)
}

function kindOf(key: string, value: unknown): Kind {
  if (isSecret(value)) return 'secret'
  if (typeof value === 'string' && (key === 'connector' || key.endsWith('_connector'))) return 'connector'
  if (typeof value === 'boolean') return 'boolean'
  if (isNumber(value)) return 'number'
  if (typeof value === 'string') return 'text'
  return 'json'
}

/** The text that stands for a saved value, and that `parse` reads back to the same value. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function parse(field: Field): Parsed {
  switch (field.kind) {
    case 'boolean':
      return { ok: true, value: field.text === 'true' }
    case 'number': {
      const value = readNumber(field.text)
      return value === undefined ? { ok: false, why: 'number' } : { ok: true, value }
    }
    case 'text':
    case 'connector':
    case 'secret':
      return { ok: true, value: field.text }
    case 'json':
      try {
        return { ok: true, value: parseExact(field.text) }
      } catch {
        return { ok: false, why: 'json' }
      }
  }
}

/** Whether a field differs from the saved value; one that cannot be read counts as different. */
export function isChanged(field: Field): boolean {
  const parsed = parse(field)
  return !parsed.ok || canonical(parsed.value) !== canonical(field.saved)
}

function fields(values: Record<string, unknown>): Field[] {
  return Object.entries(values).map(([key, saved]) => ({ key, kind: kindOf(key, saved), saved, text: textOf(saved) }))
}

export function draftOf(job: Pick<JobDetail, 'log_level' | 'params' | 'steps'>): Draft {
  const level: RunLogLevel = job.log_level === 'DEBUG' ? 'DEBUG' : 'INFO'
  return {
    savedLogLevel: level,
    logLevel: level,
    params: fields(job.params),
    steps: job.steps.map((step) => ({ name: step.name, savedEnabled: step.enabled, enabled: step.enabled, fields: fields(step.op_kwargs) })),
  }
}

/** The draft with the values another run was given, as far as the job still has them; the rest stays as saved. */
export function draftLike(job: Pick<JobDetail, 'log_level' | 'params' | 'steps'>, given: Given): Draft {
  const draft = draftOf(job)
  const fill = (all: Field[], values: Record<string, unknown> | undefined) =>
    all.map((field) => (values && field.key in values && field.kind !== 'secret' && !isSecret(values[field.key]) ? { ...field, text: textAs(field.kind, values[field.key]) } : field))
  return {
    ...draft,
    logLevel: given.log_level === 'DEBUG' ? 'DEBUG' : given.log_level === 'INFO' ? 'INFO' : draft.logLevel,
    params: fill(draft.params, given.params),
    steps: draft.steps.map((step) => ({ ...step, enabled: given.step_enabled?.[step.name] ?? step.enabled, fields: fill(step.fields, given.op_kwargs?.[step.name]) })),
  }
}

/** What a run was given, in the shape of a request. */
export interface Given {
  params?: Record<string, unknown>
  op_kwargs?: Record<string, Record<string, unknown>>
  step_enabled?: Record<string, boolean>
  log_level?: string
}

/** The text of a value in a field of this kind: a string in a field for JSON needs its quotes. */
function textAs(kind: Kind, value: unknown): string {
  return kind === 'json' && typeof value === 'string' ? JSON.stringify(value) : textOf(value)
}

/** Steps from the first of these on are on, those before are off. */
export function onlyFrom(draft: Draft, name: string): Draft {
  const at = draft.steps.findIndex((step) => step.name === name)
  return { ...draft, steps: draft.steps.map((step, i) => ({ ...step, enabled: i >= at && (step.savedEnabled || i === at) })) }
}

export function isValid(draft: Draft): boolean {
  return [...draft.params, ...draft.steps.flatMap((step) => step.fields)].every((field) => parse(field).ok)
}

function changedValues(all: Field[]): Record<string, unknown> | null {
  const entries = all.flatMap((field) => {
    const parsed = parse(field)
    return parsed.ok && isChanged(field) ? [[field.key, parsed.value] as const] : []
  })
  return entries.length > 0 ? Object.fromEntries(entries) : null
}

/** The request body: only what differs from the saved job. */
export function diff(draft: Draft): RunRequest {
  const request: RunRequest = {}
  const params = changedValues(draft.params)
  if (params) request.params = params
  for (const step of draft.steps) {
    const values = changedValues(step.fields)
    if (values) (request.op_kwargs ??= {})[step.name] = values
    if (step.enabled !== step.savedEnabled) (request.step_enabled ??= {})[step.name] = step.enabled
  }
  if (draft.logLevel !== draft.savedLogLevel) request.log_level = draft.logLevel
  return request
}

/** The request in words, one line for each member of it. */
export function describe(request: RunRequest, draft: Draft, words: { on: string; off: string; logLevel: string }): string[] {
  const saved = (all: Field[], key: string) => textOf(all.find((field) => field.key === key)?.saved ?? null)
  const change = (label: string, from: string, to: unknown) => `${label}: ${from || '""'} → ${textOf(to) || '""'}`
  const lines: string[] = []
  if (request.log_level) lines.push(change(words.logLevel, draft.savedLogLevel, request.log_level))
  for (const [key, value] of Object.entries(request.params ?? {})) lines.push(change(key, saved(draft.params, key), value))
  for (const [name, values] of Object.entries(request.op_kwargs ?? {})) {
    const step = draft.steps.find((each) => each.name === name)
    for (const [key, value] of Object.entries(values)) lines.push(change(`${name}.${key}`, saved(step?.fields ?? [], key), value))
  }
  for (const [name, enabled] of Object.entries(request.step_enabled ?? {})) lines.push(`${name}: ${enabled ? words.on : words.off}`)
  return lines
}

/** What a run was given, in the shape of a request. */
export function givenTo(run: Pick<Run, 'params' | 'overrides' | 'log_level'>): Given {
  const { params, op_kwargs } = run.params as { params?: Record<string, unknown>; op_kwargs?: Record<string, Record<string, unknown>> }
  const step_enabled = (run.overrides.step_enabled ?? {}) as Record<string, boolean>
  return { ...(params && { params }), ...(op_kwargs && { op_kwargs }), step_enabled, log_level: run.log_level }
}

/** What the server refused about the values of a run, by the field it belongs to: `/params/rows`. */
export function problemsByField(error: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (!(error instanceof ApiError) || !error.is('params-invalid')) return found
  for (const { pointer, message, hint } of (error.problem.problems ?? []) as { pointer?: string; message: string; hint: string | null }[]) {
    const parts = pointer?.split('/') ?? []
    const place = parts.slice(0, parts[1] === 'op_kwargs' ? 4 : 3).join('/')
    if (!found.has(place)) found.set(place, hint ? `${message}. ${hint}` : message)
  }
  return found
}
