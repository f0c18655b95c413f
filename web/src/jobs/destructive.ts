/**
 * What of a run cannot be taken back: params that the schema of a callable calls `destructive`, and those of well-known
 * names. Only what somebody turned on for this run counts, and only in steps that run. Pure.
 */
import type { JobDetail } from '../api/types'
import { isTable } from '../editor/exact'
import { isChanged, parse, type Draft, type Field } from './overrides'

/** Params that empty tables when they are true, whatever a schema says. */
const BY_NAME = new Set(['replace', 'truncate', 'overwrite', 'purge', 'drop'])

/** Where a template reads what all steps share. */
const SHARED = /\$\{\s*params\.([A-Za-z_][\w-]*)/g

/** Something a step can call, with the JSON Schema of its params. */
export interface Described {
  callable: string
  step_type: string
  params: Record<string, unknown>
}

/** The keys by which a run reaches the destructive params of a step. */
export interface Flagged {
  step: string
  /** Among the arguments of the step. */
  own: ReadonlySet<string>
  /** Among what all steps share: of the same name, or named by a template of such an argument. */
  shared: ReadonlySet<string>
}

function flaggedOf(schema: Record<string, unknown>): string[] {
  if (!isTable(schema.properties)) return []
  return Object.entries(schema.properties).flatMap(([key, of]) => (isTable(of) && (of.destructive === true || of['x-destructive'] === true) ? [key] : []))
}

export function flaggedSteps(job: Pick<JobDetail, 'steps'>, callables: Described[]): Flagged[] {
  return job.steps.flatMap((step) => {
    // Apps may have callables of the same name: what one of them says is asked for.
    const own = new Set(callables.filter((each) => each.step_type === step.type && each.callable === step.summary).flatMap((each) => flaggedOf(each.params)))
    const named = [...own].flatMap((key) => [...(JSON.stringify(step.op_kwargs[key]) ?? '').matchAll(SHARED)].map((found) => found[1]!))
    return own.size > 0 ? [{ step: step.name, own, shared: new Set([...own, ...named]) }] : []
  })
}

/** A value that is changed for this run, and not to nothing. */
function isTurnedOn(field: Field): boolean {
  const parsed = parse(field)
  return parsed.ok && isChanged(field) && parsed.value !== false && parsed.value !== null && parsed.value !== ''
}

/** The params that make the run one that cannot be taken back, `STEP.key` for an argument of one step. */
export function destructive(draft: Draft, flagged: Flagged[]): { byName: boolean; bySchema: string[] } {
  const on = new Set(draft.steps.filter((step) => step.enabled).map((step) => step.name))
  const counting = flagged.filter((each) => on.has(each.step))
  const shared = draft.params.filter((field) => isTurnedOn(field) && counting.some((each) => each.shared.has(field.key)))
  const own = counting.flatMap((each) => {
    const fields = draft.steps.find((step) => step.name === each.step)?.fields ?? []
    return fields.filter((field) => isTurnedOn(field) && each.own.has(field.key)).map((field) => `${each.step}.${field.key}`)
  })
  const named = (all: Field[]) => all.some((field) => field.kind === 'boolean' && BY_NAME.has(field.key) && field.text === 'true' && field.saved !== true)
  return { byName: named(draft.params) || draft.steps.some((step) => step.enabled && named(step.fields)), bySchema: [...shared.map((field) => field.key), ...own] }
}
