/**
 * Schedules and presets of a job as its file has them: read, put in, taken out. The job's own `schedule` key counts as the
 * schedule named `default`. What is not known here stays as it is. Pure.
 */
import { isTable } from '../editor/exact'
import type { Table } from '../editor/pointer'
import type { RunRequest } from '../api/types'

export const OWN = 'default'

/** A named set of values without a schedule. */
export interface Preset {
  name: string
  values: RunRequest
}

/** What a schedule says of itself; keys it has beyond these are kept when it is changed. */
export interface ScheduleForm {
  name: string
  /** Five or six fields; empty when it goes by `every`. */
  cron: string
  every: string
  timezone: string
  values: RunRequest
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const tables = (value: unknown): Table[] => (Array.isArray(value) ? value.filter(isTable) : [])
const VALUES = ['params', 'op_kwargs', 'step_enabled', 'log_level'] as const

function valuesOf(table: Table): RunRequest {
  const kwargs = table.op_kwargs ?? table.kwargs
  const all: Table = { ...table, ...(kwargs !== undefined && { op_kwargs: kwargs }) }
  return Object.fromEntries(VALUES.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]]))) as RunRequest
}

export function presetsOf(job: Table): Preset[] {
  return tables(job.presets).map((table) => ({ name: text(table.name), values: valuesOf(table) }))
}

/** Puts a preset in, in place of one of the same name. */
export function withPreset(job: Table, { name, values }: Preset): Table {
  const all = tables(job.presets)
  const at = all.findIndex((each) => each.name === name)
  const next = { name, ...values }
  return { ...job, presets: at < 0 ? [...all, next] : all.with(at, next) }
}

export function withoutPreset(job: Table, name: string): Table {
  return without(job, 'presets', name)
}

function without(job: Table, key: 'presets' | 'schedules', name: string): Table {
  const left = tables(job[key]).filter((each) => each.name !== name)
  if (left.length > 0) return { ...job, [key]: left }
  const { [key]: _, ...others } = job
  return others
}

/** The schedule of this name as a form; a fresh one when there is none. */
export function scheduleForm(job: Table, name: string | null): ScheduleForm {
  const zone = text(job.timezone)
  if (name === OWN && text(job.schedule) !== '') return { name: OWN, cron: text(job.schedule), every: '', timezone: zone, values: {} }
  const found = name === null ? undefined : tables(job.schedules).find((each) => each.name === name)
  if (!found) return { name: freeName(job), cron: '0 2 * * *', every: '', timezone: zone, values: {} }
  return { name: text(found.name), cron: text(found.cron), every: text(found.every), timezone: text(found.timezone) || zone, values: valuesOf(found) }
}

/** A name no schedule has: `schedule-2`. */
export function freeName(job: Table): string {
  const taken = new Set(tables(job.schedules).map((each) => each.name))
  for (let n = 1; ; n++) if (!taken.has(`schedule-${n}`)) return `schedule-${n}`
}

/** Puts a schedule in, in place of the one called `before`; `null` adds it. */
export function withSchedule(job: Table, before: string | null, form: ScheduleForm): Table {
  if (before === OWN && text(job.schedule) !== '') return { ...job, schedule: form.cron.trim(), ...(form.timezone && { timezone: form.timezone }) }
  const all = tables(job.schedules)
  const at = all.findIndex((each) => each.name === before)
  const { cron: _, every: __, timezone: ___, params: ____, op_kwargs: _____, kwargs: ______, step_enabled: _______, log_level: ________, ...kept } = all[at] ?? {}
  const next: Table = {
    ...kept,
    name: form.name,
    ...(form.cron.trim() === '' ? { every: form.every.trim() } : { cron: form.cron.trim() }),
    ...(form.timezone && form.timezone !== text(job.timezone) && { timezone: form.timezone }),
    ...form.values,
  }
  return { ...job, schedules: at < 0 ? [...all, next] : all.with(at, next) }
}

export function withoutSchedule(job: Table, name: string): Table {
  if (name !== OWN || text(job.schedule) === '') return without(job, 'schedules', name)
  const { schedule: _, ...others } = job
  return others
}

/** Values in words: `apps_id = 20 · REFRESH_VIEWS off`. */
export function summary(values: RunRequest, off: string, on: string): string {
  const say = (value: unknown) => (typeof value === 'string' ? value || '""' : JSON.stringify(value))
  return [
    ...Object.entries(values.params ?? {}).map(([key, value]) => `${key} = ${say(value)}`),
    ...Object.entries(values.op_kwargs ?? {}).flatMap(([step, kwargs]) => Object.entries(kwargs).map(([key, value]) => `${step}.${key} = ${say(value)}`)),
    ...Object.entries(values.step_enabled ?? {}).map(([step, enabled]) => `${step} ${enabled ? on : off}`),
    ...(values.log_level ? [values.log_level] : []),
  ].join(' · ')
}
