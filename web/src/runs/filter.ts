/** The filter of the runs list, as it stands in the address and as the server is asked. Pure. */
import type { RunsFilter } from '../api/types'

export interface RunsSearch {
  job?: string | undefined
  status?: string | undefined
  /** Tags, separated by commas; of jobs that have one of them now. */
  tag?: string | undefined
  trigger?: string | undefined
  /** `15m`, `1h`, `7d`: up to now. */
  range?: string | undefined
  from?: string | undefined
  to?: string | undefined
  q?: string | undefined
  min_seconds?: string | undefined
  before?: string | undefined
}

const UNIT = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** What is asked of the server at this moment. */
export function asked({ range, ...rest }: RunsSearch, now: number): RunsFilter {
  const found = range ? /^(\d+)([mhd])$/.exec(range) : null
  if (!found) return rest
  const from = new Date(now - Number(found[1]) * UNIT[found[2] as keyof typeof UNIT]).toISOString()
  return { ...rest, from }
}

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

/** `2026-11-23T14:05` of an input, on this machine's clock, as an instant; undefined for anything else. */
export function fromInput(text: string): string | undefined {
  const ms = new Date(text).getTime()
  return text === '' || Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

/** An instant as the input of a date and a time wants it, on this machine's clock. */
export function toInput(instant: string | undefined): string {
  const ms = instant === undefined ? NaN : Date.parse(instant)
  if (Number.isNaN(ms)) return ''
  const at = new Date(ms)
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/**
 * The filter as it is to stay while something is done to what it finds: what goes up to now ends now, and the page that
 * is being looked at does not count.
 */
export function frozen(search: RunsSearch, now: number): RunsFilter {
  const { before: _, to = new Date(now).toISOString(), ...rest } = asked(search, now)
  return { ...rest, to }
}
