/** The filter of the runs list, as it stands in the address and as the server is asked. Pure. */
import type { RunsFilter } from '../api/types'

export interface RunsSearch {
  job?: string | undefined
  status?: string | undefined
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
