/** The filter of the runs list, as it stands in the address and as the server is asked. Pure. */
import type { RunsFilter } from '../api/types'
import { spanned, type Span } from '../ui/span'

export interface RunsSearch extends Span {
  job?: string | undefined
  status?: string | undefined
  /** Tags, separated by commas; of jobs that have one of them now. */
  tag?: string | undefined
  trigger?: string | undefined
  q?: string | undefined
  min_seconds?: string | undefined
  before?: string | undefined
}

/** What is asked of the server at this moment. */
export const asked = (search: RunsSearch, now: number): RunsFilter => spanned(search, now)

/** A value of a comma-separated list put in or taken out; undefined when none is left. */
export function toggled(list: string | undefined, value: string): string | undefined {
  const all = list ? list.split(',') : []
  const next = all.includes(value) ? all.filter((each) => each !== value) : [...all, value]
  return next.length > 0 ? next.join(',') : undefined
}

/** The person in a filter by what began the runs, if that is what it says. */
export function personIn(trigger: string | undefined): string {
  return trigger?.startsWith('user:') ? trigger.slice(5) : ''
}

/**
 * The filter as it is to stay while something is done to what it finds: what goes up to now ends now, and the page that
 * is being looked at does not count.
 */
export function frozen(search: RunsSearch, now: number): RunsFilter {
  const { before: _, to = new Date(now).toISOString(), ...rest } = asked(search, now)
  return { ...rest, to }
}
