/**
 * Two people saved: what differs between theirs and mine, place by place, and who of the two changed it since both began
 * from `base`. Steps meet by name, so that a step added above does not make every other one differ. Pure.
 */
import { canonical, isTable } from './exact'
import { nameOf, stepsOf } from './model'
import { join, read, write, type Table } from './pointer'

export type Side = 'mine' | 'theirs'

export interface Difference {
  /** JSON Pointer; the step in it goes by its name, as in `/steps/copy/query`. */
  place: string
  base: unknown
  mine: unknown
  theirs: unknown
  /** Who changed it: `both` is a conflict. */
  by: Side | 'both'
}

/** The order of the steps is a value of its own. */
export const ORDER = '/steps'

/** The job with its steps by name, for comparing. */
function named(job: Table): Table {
  const steps = Object.fromEntries(stepsOf(job).map((step, i) => [nameOf(step) || `#${i + 1}`, step]))
  return { ...job, steps }
}

function order(job: Table): string[] {
  return stepsOf(job).map((step, i) => nameOf(step) || `#${i + 1}`)
}

export function differences(base: Table, mine: Table, theirs: Table): Difference[] {
  const found: Difference[] = []
  const note = (place: string, b: unknown, m: unknown, t: unknown) => {
    if (canonical(m) === canonical(t)) return
    const by = canonical(b) === canonical(m) ? 'theirs' : canonical(b) === canonical(t) ? 'mine' : 'both'
    found.push({ place, base: b, mine: m, theirs: t, by })
  }
  const walk = (place: string, b: unknown, m: unknown, t: unknown) => {
    if (!isTable(m) || !isTable(t)) return note(place, b, m, t)
    const under = isTable(b) ? b : {}
    for (const key of new Set([...Object.keys(t), ...Object.keys(m)])) walk(join(place, key), under[key], m[key], t[key])
  }
  const [b, m, t] = [named(base), named(mine), named(theirs)]
  walk('', b, m, t)
  const common = new Set(order(theirs).filter((name) => order(mine).includes(name)))
  const both = (job: Table) => order(job).filter((name) => common.has(name))
  if (both(mine).join('\n') !== both(theirs).join('\n')) note(ORDER, order(base), order(mine), order(theirs))
  return found
}

/** What is taken when nobody chose: what only one of the two changed, and in a conflict mine. */
export function standard(difference: Difference): Side {
  return difference.by === 'theirs' ? 'theirs' : 'mine'
}

/** Theirs, with mine wherever it was chosen. */
export function merged(mine: Table, theirs: Table, found: Difference[], choice: (difference: Difference) => Side): Table {
  let job = named(theirs)
  const ours = named(mine)
  let names = order(theirs)
  for (const difference of found) {
    if (difference.place === ORDER || choice(difference) === 'theirs') continue
    job = write(job, difference.place, read(ours, difference.place))
  }
  const steps = isTable(job.steps) ? job.steps : {}
  const ordered = found.find((each) => each.place === ORDER)
  const lead = ordered && choice(ordered) === 'mine' ? order(mine) : names
  const other = lead === names ? order(mine) : order(theirs)
  names = [...lead]
  // A step that only the other side has stands after the one it stood after there.
  other.forEach((name, i) => {
    if (!names.includes(name)) names.splice(i === 0 ? 0 : names.indexOf(other[i - 1]!) + 1, 0, name)
  })
  return { ...job, steps: names.flatMap((name) => (Object.hasOwn(steps, name) ? [steps[name]] : [])) }
}
