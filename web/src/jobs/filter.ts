/**
 * What the catalogue shows and in which order. The filter box: words that must all occur in id, description or tags, and
 * `tag:`, `app:` (or `family:`), `state:`, `enabled:`, `kind:` and `internal:` for exact facets, which the facets of the toolbar say too. Pure.
 */
import type { JobCard } from '../api/types'

export const FACETS = ['state', 'tag', 'enabled', 'kind', 'app', 'internal'] as const
export type Facet = (typeof FACETS)[number]
export type Facets = { [F in Facet]?: string | undefined }

export function matches(job: JobCard, query: string, facets: Facets = {}): boolean {
  return (
    query.toLowerCase().split(/\s+/).filter(Boolean).every((term) => matchesTerm(job, term)) &&
    FACETS.every((facet) => facets[facet] === undefined || matchesFacet(job, facet, facets[facet].toLowerCase()))
  )
}

function matchesTerm(job: JobCard, term: string): boolean {
  const colon = term.indexOf(':')
  const named = term.slice(0, Math.max(0, colon))
  // The jobs of an app are a family to those who wrote them.
  const facet = named === 'family' ? 'app' : FACETS.find((each) => each === named)
  if (facet) return matchesFacet(job, facet, term.slice(colon + 1))
  return [job.id, job.description, ...job.tags].some((text) => text.toLowerCase().includes(term))
}

function matchesFacet(job: JobCard, facet: Facet, value: string): boolean {
  const wanted = ['yes', 'true', 'on', 'oui', 'shown'].includes(value)
  switch (facet) {
    case 'tag':
      return job.tags.some((tag) => tag.toLowerCase() === value)
    case 'app':
      return job.app.toLowerCase() === value
    case 'enabled':
      return job.enabled === wanted
    case 'kind':
      return (job.schedule === null) === value.startsWith('manual')
    case 'internal':
      return wanted || !isInternal(job)
    case 'state':
      return shownStatus(job).toLowerCase() === value
  }
}

/** Jobs of the server's own, such as the removal of old runs. */
export function isInternal(job: JobCard): boolean {
  return job.id.startsWith('_')
}

/** The state a card shows: `INVALID`, the state of its running or last run, or `NEVER`. */
export function shownStatus(job: JobCard): string {
  if (!job.valid) return 'INVALID'
  if (job.active_run_id) return job.last_run?.id === job.active_run_id ? job.last_run.status : 'RUNNING'
  return job.last_run?.status ?? 'NEVER'
}

/** Worst first: what needs somebody stands on top, and names the state of a group. */
const WORST = ['INVALID', 'FAILED', 'CANCELED', 'RUNNING', 'QUEUED', 'SKIPPED', 'SUCCEEDED', 'NEVER']

export function severity(status: string): number {
  const at = WORST.indexOf(status)
  return at < 0 ? WORST.length : at
}

export function worst(jobs: JobCard[]): string {
  return jobs.map(shownStatus).reduce((a, b) => (severity(b) < severity(a) ? b : a), 'NEVER')
}

export type GroupBy = 'none' | 'app' | 'tag' | 'state'

/** Groups in the order of their names; jobs keep theirs. */
export function group(jobs: JobCard[], by: GroupBy, noTag: string): [name: string, jobs: JobCard[]][] {
  if (by === 'none') return [['', jobs]]
  const key = (job: JobCard) => (by === 'app' ? job.app : by === 'state' ? shownStatus(job) : (job.tags[0] ?? noTag))
  const groups = collect(jobs, key)
  const order = by === 'state' ? ([a]: [string, unknown], [b]: [string, unknown]) => severity(a) - severity(b) : ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)
  return [...groups].sort(order)
}

function collect<T>(all: T[], key: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const each of all) groups.set(key(each), [...(groups.get(key(each)) ?? []), each])
  return groups
}

export type SortKey = 'id' | 'state' | 'next' | 'last' | 'p50'

/** `next` ascending, `-next` descending. Jobs without the value come last either way; equal ones by id. */
export function sortJobs(jobs: JobCard[], sort: string, median: (id: string) => number | null): JobCard[] {
  const down = sort.startsWith('-')
  const by = (down ? sort.slice(1) : sort) as SortKey
  const value = (job: JobCard): string | number | null => {
    switch (by) {
      case 'state':
        return severity(shownStatus(job))
      case 'next':
        return job.next_run_at
      case 'last':
        return job.last_run?.finished_at ?? job.last_run?.queued_at ?? null
      case 'p50':
        return median(job.id)
      default:
        return job.id
    }
  }
  return jobs.map((job) => ({ job, value: value(job) })).sort((a, b) => {
    if (a.value === null || b.value === null) return a.value === b.value ? (a.job.id < b.job.id ? -1 : 1) : a.value === null ? 1 : -1
    if (a.value === b.value) return a.job.id < b.job.id ? -1 : 1
    return (a.value < b.value ? -1 : 1) * (down ? -1 : 1)
  }).map(({ job }) => job)
}
