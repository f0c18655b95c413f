/** How busy the installation was, as the server tells it, and what is drawn of it. Pure but for the query. */
import { queryOptions } from '@tanstack/react-query'
import { http } from '../api/http'

export interface Stretch {
  /** Its beginning. */
  at: string
  running: number
  queued: number
  lines: number
  lines_per_second: number
}

export interface PoolLoad {
  name: string
  size: number
  stretches: { at: string; in_use: number; waiting: number }[]
}

export interface Load {
  from: string
  to: string
  stretch_seconds: number
  stretches: Stretch[]
  replica: string
  pools: PoolLoad[]
}

export const loadQuery = () => queryOptions({ queryKey: ['health', 'load'], queryFn: ({ signal }) => http.get<Load>('admin/load', signal), staleTime: 60_000 })

const DAY_SECONDS = 24 * 3600

/** A day of whole stretches up to the one that has begun: the first that the server tells may be more than a day ago. */
export function lastDay(load: Load): Load {
  return { ...load, stretches: load.stretches.slice(-DAY_SECONDS / load.stretch_seconds) }
}

/** One chart: a value for each stretch; `null` where nothing is known. */
export interface Series {
  values: (number | null)[]
  /** The largest, and when it was; `at` is null where everything is 0. */
  most: number
  at: string | null
}

export function series(stretches: readonly { at: string }[], values: (number | null)[]): Series {
  let most = 0
  let at: string | null = null
  values.forEach((value, i) => {
    if (value !== null && value > most) {
      most = value
      at = stretches[i]!.at
    }
  })
  return { values, most, at }
}

/** What a pool did in each stretch of the day; nothing is known of those before its process began. */
export function poolSeries(load: Load, pool: PoolLoad, pick: (stretch: PoolLoad['stretches'][number]) => number): Series {
  const known = new Map(pool.stretches.map((stretch) => [Date.parse(stretch.at), pick(stretch)]))
  return series(load.stretches, load.stretches.map((stretch) => known.get(Date.parse(stretch.at)) ?? null))
}

/** Stretches in which anything happened, the latest first: the others say nothing in a table. */
export function busy(load: Load): (Stretch & { pools: string })[] {
  const used = new Map<number, string[]>()
  for (const pool of load.pools) {
    for (const stretch of pool.stretches) {
      if (stretch.in_use === 0 && stretch.waiting === 0) continue
      const at = Date.parse(stretch.at)
      used.set(at, [...(used.get(at) ?? []), `${pool.name} ${stretch.in_use}/${pool.size}${stretch.waiting > 0 ? ` +${stretch.waiting}` : ''}`])
    }
  }
  const rows = load.stretches.map((stretch) => ({ ...stretch, pools: (used.get(Date.parse(stretch.at)) ?? []).join(', ') }))
  return rows.filter((row) => row.running > 0 || row.queued > 0 || row.lines > 0 || row.pools !== '').reverse()
}
