/** Where what the server found is shown: at its field, in its section, at its step. Places move along with the steps. Pure. */
import type { Table } from './pointer'
import { isWithin, join, split } from './pointer'
import { extrasOf, fieldsOf, hasArguments, STEP_HEAD } from './fields'

export interface Finding {
  pointer: string
  line: number
  column: number
  length: number
  severity: 'error' | 'warning'
  code: string
  message: string
  allowed: string[]
  hint: string | null
}

export const SECTIONS = ['identity', 'schedule', 'params', 'steps', 'retry', 'alerts', 'log'] as const
export type Section = (typeof SECTIONS)[number]

const SECTION_OF: Record<string, Section> = {
  schedule: 'schedule', timezone: 'schedule', schedules: 'schedule', presets: 'schedule', blackouts: 'schedule', gap: 'schedule', fold: 'schedule', jitter_seconds: 'schedule',
  overlap: 'schedule', catch_up: 'schedule', catch_up_window: 'schedule', depends_on: 'schedule', placement: 'schedule',
  params: 'params', steps: 'steps', step_defaults: 'steps', pins: 'steps', retry: 'retry', timeout_seconds: 'retry', on_restart: 'retry', alerts: 'alerts', log_level: 'log',
}

/** The section a place is drawn in; what belongs nowhere is shown at the top. */
export function sectionOf(pointer: string): Section {
  return SECTION_OF[split(pointer)[0] ?? ''] ?? 'identity'
}

/** The step a place is in, or null. */
export function stepIndex(pointer: string): number | null {
  const [first, index] = split(pointer)
  return first === 'steps' && index !== undefined && /^\d+$/.test(index) ? Number(index) : null
}

/** Findings about steps as they stood under `then`, at the places of `now`; those about a step that is gone are left out. */
export function moved(findings: Finding[], then: number[], now: number[]): Finding[] {
  if (then === now) return findings
  return findings.flatMap((found) => {
    const index = stepIndex(found.pointer)
    if (index === null) return [found]
    const at = now.indexOf(then[index] ?? -1)
    if (at < 0) return []
    return [at === index ? found : { ...found, pointer: join('', 'steps', at, ...split(found.pointer).slice(2)) }]
  })
}

/** What is shown at a field: what is about its place, and with `deep` what is within. */
export function at(findings: Finding[], pointer: string, deep: boolean): Finding[] {
  return findings.filter((found) => (deep ? isWithin(found.pointer, pointer) : found.pointer === pointer))
}

/** What is about a step and has no field of its own to stand at. */
export function leftOfStep(findings: Finding[], step: Table, index: number): Finding[] {
  const base = join('', 'steps', index)
  const type = String(step.type)
  const keys = [...STEP_HEAD, ...fieldsOf(type).filter((field) => !field.when || field.when(step))].flatMap(({ key, alias }) => (alias === undefined ? [key] : [key, alias]))
  const places = [...keys, ...extrasOf(step), ...(hasArguments(type) ? ['op_kwargs', 'kwargs'] : [])].map((key) => `${base}/${key}`)
  return findings.filter((found) => isWithin(found.pointer, base) && !places.some((place) => isWithin(found.pointer, place)))
}

/** What is about a section and at none of these places. */
export function leftOfSection(findings: Finding[], section: Section, places: string[]): Finding[] {
  return findings.filter((found) => sectionOf(found.pointer) === section && !places.some((place) => isWithin(found.pointer, place)))
}

/** The first error in the order of the page. */
export function firstError(findings: Finding[]): Finding | undefined {
  const rank = (found: Finding) => SECTIONS.indexOf(sectionOf(found.pointer)) * 10_000 + (stepIndex(found.pointer) ?? 0)
  return findings.filter((found) => found.severity === 'error').sort((a, b) => rank(a) - rank(b))[0]
}
