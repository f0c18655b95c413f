/**
 * The filter box of the catalogue: words that must all occur in id, description or tags, and
 * `tag:`, `app:`, `state:` and `enabled:` for exact facets. Pure.
 */
import type { JobCard } from '../api/types'

export function matches(job: JobCard, query: string): boolean {
  return query.toLowerCase().split(/\s+/).filter(Boolean).every((term) => matchesTerm(job, term))
}

function matchesTerm(job: JobCard, term: string): boolean {
  const colon = term.indexOf(':')
  const value = term.slice(colon + 1)
  switch (colon > 0 ? term.slice(0, colon) : '') {
    case 'tag':
      return job.tags.some((tag) => tag.toLowerCase() === value)
    case 'app':
      return job.app.toLowerCase() === value
    case 'enabled':
      return job.enabled === ['yes', 'true', 'on'].includes(value)
    case 'state':
      return shownStatus(job).toLowerCase() === value
    default:
      return [job.id, job.description, ...job.tags].some((text) => text.toLowerCase().includes(term))
  }
}

/** The state a card shows: `INVALID`, the state of its running or last run, or `NEVER`. */
export function shownStatus(job: JobCard): string {
  if (!job.valid) return 'INVALID'
  if (job.active_run_id) return job.last_run?.id === job.active_run_id ? job.last_run.status : 'RUNNING'
  return job.last_run?.status ?? 'NEVER'
}
