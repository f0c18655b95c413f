/** What the palette finds and in which order: things before pages, names that begin with the words before others. Pure. */
import type { JobCard } from '../api/types'

export type Kind = 'job' | 'run' | 'connector' | 'plugin' | 'page' | 'log'

export interface Found {
  kind: Kind
  id: string
  label: string
  hint: string
}

const ORDER: Record<Kind, number> = { job: 0, run: 1, connector: 2, plugin: 3, page: 4, log: 5 }
/** The beginning of a run id is enough to look it up; shorter texts are rarely meant as one. */
const RUN_ID = /^[0-9a-z][0-9a-z-]{7,}$/i

/** Better is smaller; null does not fit. */
export function score(text: string, words: string[]): number | null {
  const wanted = text.toLowerCase()
  let sum = 0
  for (const word of words) {
    const at = wanted.indexOf(word)
    if (at < 0) return null
    sum += at === 0 ? 0 : /[-_./\s]/.test(wanted[at - 1]!) ? 1 : 3
  }
  return sum
}

export function find(query: string, things: Found[], most = 30): Found[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  return things
    .flatMap((thing) => {
      const by = score(thing.label, words) ?? (score(`${thing.label} ${thing.hint}`, words) === null ? null : 6)
      return by === null ? [] : [{ thing, by }]
    })
    .sort((a, b) => ORDER[a.thing.kind] - ORDER[b.thing.kind] || a.by - b.by || (a.thing.label < b.thing.label ? -1 : 1))
    .slice(0, most)
    .map(({ thing }) => thing)
}

export function looksLikeRun(query: string): boolean {
  return RUN_ID.test(query.trim()) && /\d/.test(query)
}

export function jobThing(job: JobCard): Found {
  return { kind: 'job', id: job.id, label: job.id, hint: [job.description, ...job.tags].filter(Boolean).join(' · ') }
}
