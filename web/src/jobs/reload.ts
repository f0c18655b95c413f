/** What reading the files again has changed, in words. The server says it, or it is read off the two lists. Pure. */
import type { JobCard, ReloadReport } from '../api/types'
import { t } from './words'

/** What of a card stands in its definition. */
function definition(job: JobCard): string {
  return JSON.stringify([job.app, job.description, job.tags, job.enabled, job.schedule, job.timezone, job.step_count, job.valid, job.needs_dialog])
}

export function reloadWords(report: ReloadReport, before: JobCard[], after: JobCard[]): string {
  const old = new Map(before.map((job) => [job.id, definition(job)]))
  const now = new Set(after.map((job) => job.id))
  const added = report.added?.length ?? after.filter((job) => !old.has(job.id)).length
  const removed = report.removed?.length ?? before.filter((job) => !now.has(job.id)).length
  const changed = report.changed?.length ?? after.filter((job) => old.has(job.id) && old.get(job.id) !== definition(job)).length
  const rejected = report.problems.filter((problem) => problem.severity === 'error')
  const parts = [changed > 0 && t.changed(changed), added > 0 && t.added(added), removed > 0 && t.removed(removed), rejected[0] && t.rejected(rejected.length, rejected[0].message)].filter(Boolean)
  return `${t.reloaded(report.jobs)}: ${parts.length > 0 ? parts.join(', ') : t.unchanged}.`
}
