/**
 * The job that is being edited: the job of the file as JSON, changed at places. What the form does not know stays as it
 * is. Steps carry a key of their own beside the job, so that what belongs to one moves along with it. Pure.
 */
import { isTable, same } from './exact'
import { write, type Table } from './pointer'

export interface Removed {
  step: unknown
  key: number
  at: number
}

export interface Draft {
  job: Table
  /** One for each step, in the order of the steps. */
  keys: number[]
  /** What is saved, as far as this page knows. */
  base: Table
  etag: string | null
  text: string
  baseText: string
  removed: Removed | null
}

export type Change =
  | { do: 'load'; job: Table; etag: string | null; text: string }
  /** Saved by this page. What was typed meanwhile stays. */
  | { do: 'saved'; job: Table; etag: string; text: string; sent: Table; sentText: string }
  /** Another base to save over, with what the form then has. */
  | { do: 'rebase'; job: Table; base: Table; etag: string | null; baseText: string }
  | { do: 'set'; pointer: string; value: unknown }
  | { do: 'text'; text: string }
  | { do: 'add'; step: Table; at: number }
  | { do: 'remove'; key: number }
  | { do: 'undo' }
  | { do: 'move'; key: number; to: number }

let last = 0

export function stepsOf(job: Table): unknown[] {
  return Array.isArray(job.steps) ? job.steps : []
}

export function newJob(): Table {
  return { id: '', steps: [] }
}

export function start(job: Table, base: Table, etag: string | null, text: string): Draft {
  return { job, keys: stepsOf(job).map(() => ++last), base, etag, text, baseText: text, removed: null }
}

export function isFormDirty(draft: Draft): boolean {
  return !same(draft.job, draft.base)
}

export function isTextDirty(draft: Draft): boolean {
  return draft.text !== draft.baseText
}

/** Keys for the steps of another job: a step of the same name is the same step. */
function keysLike(draft: Draft, job: Table): number[] {
  const free = new Map(stepsOf(draft.job).map((step, i) => [nameOf(step), draft.keys[i]!]))
  return stepsOf(job).map((step) => {
    const key = free.get(nameOf(step))
    free.delete(nameOf(step))
    return key ?? ++last
  })
}

export function apply(draft: Draft, change: Change): Draft {
  const steps = stepsOf(draft.job)
  const withSteps = (next: unknown[], keys: number[], removed: Removed | null): Draft => ({ ...draft, job: { ...draft.job, steps: next }, keys, removed })
  switch (change.do) {
    case 'load':
      return { ...start(change.job, change.job, change.etag, change.text), keys: keysLike(draft, change.job) }
    case 'saved': {
      const next = { ...draft, base: change.job, etag: change.etag, baseText: change.text }
      if (draft.job === change.sent) Object.assign(next, { job: change.job, keys: keysLike(draft, change.job), removed: null })
      return draft.text === change.sentText ? { ...next, text: change.text } : next
    }
    case 'rebase':
      return { ...draft, job: change.job, keys: keysLike(draft, change.job), base: change.base, etag: change.etag, baseText: change.baseText, removed: null }
    case 'set':
      return { ...draft, job: write(draft.job, change.pointer, change.value) }
    case 'text':
      return { ...draft, text: change.text }
    case 'add':
      return withSteps(steps.toSpliced(change.at, 0, change.step), draft.keys.toSpliced(change.at, 0, ++last), draft.removed)
    case 'remove': {
      const at = draft.keys.indexOf(change.key)
      return at < 0 ? draft : withSteps(steps.toSpliced(at, 1), draft.keys.toSpliced(at, 1), { step: steps[at], key: change.key, at })
    }
    case 'undo': {
      const back = draft.removed
      return back ? withSteps(steps.toSpliced(back.at, 0, back.step), draft.keys.toSpliced(back.at, 0, back.key), null) : draft
    }
    case 'move': {
      const at = draft.keys.indexOf(change.key)
      const to = Math.max(0, Math.min(change.to, steps.length - 1))
      if (at < 0 || at === to) return draft
      return withSteps(steps.toSpliced(at, 1).toSpliced(to, 0, steps[at]), draft.keys.toSpliced(at, 1).toSpliced(to, 0, change.key), draft.removed)
    }
  }
}

export function nameOf(step: unknown): string {
  return isTable(step) && typeof step.name === 'string' ? step.name : ''
}

export function typeOf(step: unknown): string {
  return isTable(step) && typeof step.type === 'string' ? step.type : ''
}

/** A name no other step has, made from one that may be taken: `copy`, `copy-2`. */
export function freeName(job: Table, wanted: string): string {
  const taken = new Set(stepsOf(job).map(nameOf))
  if (!taken.has(wanted)) return wanted
  const stem = wanted.replace(/-\d+$/, '')
  for (let n = 2; ; n++) if (!taken.has(`${stem}-${n}`)) return `${stem}-${n}`
}

export function emptyStep(job: Table, type: string): Table {
  return { name: freeName(job, `step-${stepsOf(job).length + 1}`), type }
}

export function copyOf(job: Table, step: unknown): Table {
  const copy = structuredCopy(step)
  return { ...copy, name: freeName(job, nameOf(step) || `step-${stepsOf(job).length + 1}`) }
}

function structuredCopy(step: unknown): Table {
  // Values are never changed in place, so that sharing them is as good as copying.
  return isTable(step) ? { ...step } : {}
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a step does, in one line: `jdedwards.PS920CTL.F0004 → nomajde.f0004`. */
export function summary(step: unknown, defaults: unknown = {}): string {
  if (!isTable(step)) return ''
  const under = isTable(defaults) ? defaults : {}
  const pick = (key: string): unknown => {
    const [own, inherited] = [step[key], under[key]]
    return isTable(own) && isTable(inherited) ? { ...inherited, ...own } : (own ?? inherited)
  }
  const side = (key: string): string => {
    const place = pick(key)
    if (!isTable(place)) return '?'
    const what = text(place.query) ? 'query' : [text(place.schema), text(place.table)].filter(Boolean).join('.')
    return [text(place.connector) || '?', what || '?'].join('.')
  }
  switch (typeOf(step)) {
    case 'sql_query':
      return [text(pick('connector')), text(pick('query')).replace(/\s+/g, ' ').trim()].filter(Boolean).join(' · ')
    case 'sql_copy':
      return `${side('source')} → ${side('target')}`
    case 'http':
      return [text(pick('method')) || 'GET', text(pick('url'))].filter(Boolean).join(' ')
    case 'ldap_sync':
      return `${text(pick('directory')) || text(pick('server')) || '?'} → ${[text(pick('target_connector')) || '?', text(pick('target_table')) || text(pick('target_query')) || '?'].join('.')}`
    case 'call_job':
      return text(pick('job')) || text(pick('target_job_id'))
    default:
      return text(pick('callable'))
  }
}
