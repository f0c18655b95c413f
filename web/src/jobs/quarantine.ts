/**
 * A job that is taken out of service for a while: disabled, tagged, with a note at the end of its description, so that the
 * file says so too. Taking it back puts back what was. Pure.
 */
import type { JobCard } from '../api/types'

const TAG = 'quarantine'
const NOTE = /\s*\[quarantine(, was off)?: ([^\]]*)\]\s*$/

type Job = Pick<JobCard, 'description' | 'tags' | 'enabled'>

/** Why the job is in quarantine; null without a note. */
export function noteOf(description: string): string | null {
  return NOTE.exec(description)?.[2] ?? null
}

/** The description without the note. */
export function plain(description: string): string {
  return description.replace(NOTE, '')
}

export function quarantined(job: Job, note: string): { enabled: boolean; tags: string[]; description: string } {
  const words = note.replace(/[[\]\s]+/g, ' ').trim()
  return {
    enabled: false,
    tags: job.tags.includes(TAG) ? job.tags : [...job.tags, TAG],
    description: `${plain(job.description)} [quarantine${job.enabled ? '' : ', was off'}: ${words}]`.trim(),
  }
}

export function released(job: Job): { enabled: boolean; tags: string[]; description: string } {
  const wasOff = NOTE.exec(job.description)?.[1] !== undefined
  return { enabled: !wasOff, tags: job.tags.filter((tag) => tag !== TAG), description: plain(job.description) }
}
