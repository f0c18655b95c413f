/** What of a log is shown, as it stands in the address: a link and a reload show the same. Pure. */
import type { LogLevel } from '../api/types'
import { NO_FILTER, type LineFilter } from './selection'
import type { Query } from './useSearch'

/** What is shown of a search: every line, only its matches, or those with what stands around them. */
export type Only = 'all' | 'matches' | 'context'

export interface Shown {
  filter: LineFilter
  query: Query
  only: Only
}

/** Text, how it is searched, what is shown of it; lowest level, step, attempt of the step, who wrote it. */
export type LogAddress = { [K in 'q' | 'how' | 'only' | 'level' | 'log' | 'try' | 'by']?: string | undefined }

const among = <T extends string>(value: string | undefined, all: readonly T[]): T | undefined => all.find((each) => each === value)

export function shownBy(address: LogAddress): Shown {
  const step = address.log ?? null
  const attempt = Number(address.try)
  const how = address.how?.split(',') ?? []
  return {
    filter: {
      lowest: among<LogLevel>(address.level, ['DEBUG', 'INFO', 'WARNING', 'ERROR']) ?? NO_FILTER.lowest,
      step,
      attempt: step !== null && Number.isInteger(attempt) && attempt > 0 ? attempt : null,
      origin: among<'steps' | 'run'>(address.by, ['steps', 'run']) ?? null,
    },
    query: { text: address.q ?? '', regex: how.includes('regex'), case: how.includes('case') },
    only: among<Only>(address.only, ['matches', 'context']) ?? 'all',
  }
}

/** Nothing of what goes without saying. */
export function addressOf({ filter, query, only }: Shown): LogAddress {
  return {
    q: query.text || undefined,
    how: [query.case && 'case', query.regex && 'regex'].filter(Boolean).join(',') || undefined,
    only: only === 'all' ? undefined : only,
    level: filter.lowest === NO_FILTER.lowest ? undefined : filter.lowest,
    log: filter.step ?? undefined,
    try: filter.attempt === null ? undefined : String(filter.attempt),
    by: filter.origin ?? undefined,
  }
}
