/** Two runs of a job beside each other. Pure. */
import type { StepRun } from '../api/types'
import { toMillis } from '../ui/time'

interface Side {
  ms: number | null
  rows: number | null
}

export interface Compared {
  name: string
  left: Side
  right: Side
  /** How many times as long as on the right; null where one of the two did not run. */
  times: number | null
}

function side(steps: StepRun[], name: string): Side {
  const attempts = steps.filter((step) => step.name === name)
  const lengths = attempts.flatMap((step) => {
    const [from, to] = [toMillis(step.started_at), toMillis(step.finished_at)]
    return from === null || to === null ? [] : [to - from]
  })
  return { ms: lengths.length === 0 ? null : lengths.reduce((a, b) => a + b, 0), rows: attempts.at(-1)?.rows_affected ?? null }
}

/** Steps by name, those of the left first, with all their attempts together. */
export function compareSteps(left: StepRun[], right: StepRun[]): Compared[] {
  const names = [...new Set([...left, ...right].map((step) => step.name))]
  return names.map((name) => {
    const [a, b] = [side(left, name), side(right, name)]
    return { name, left: a, right: b, times: a.ms === null || b.ms === null || b.ms === 0 ? null : a.ms / b.ms }
  })
}

interface Value {
  name: string
  value: unknown
}

/** The values that are not the same on both sides; undefined where one has none. */
export function differing(left: Value[], right: Value[]): { name: string; left: unknown; right: unknown }[] {
  const [a, b] = [new Map(left.map((each) => [each.name, each.value])), new Map(right.map((each) => [each.name, each.value]))]
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => JSON.stringify(a.get(name)) !== JSON.stringify(b.get(name))).map((name) => ({ name, left: a.get(name), right: b.get(name) }))
}

/** A definition as its values, each with its place; a step of a list goes by its name. */
export function flat(value: unknown, at = ''): Value[] {
  const join = (key: string) => (at === '' ? key : `${at}.${key}`)
  if (Array.isArray(value)) return value.flatMap((each, i) => flat(each, join(isNamed(each) ? each.name : String(i + 1))))
  if (value !== null && typeof value === 'object') return Object.entries(value).flatMap(([key, each]) => (key === 'name' && at !== '' ? [] : flat(each, join(key))))
  return value === null ? [] : [{ name: at, value }]
}

function isNamed(value: unknown): value is { name: string } {
  return value !== null && typeof value === 'object' && typeof (value as { name?: unknown }).name === 'string'
}
