/** Skipped runs of the same job and reason that follow each other, as one row. Pure. */
import type { RunSummary } from '../api/types'

export type Entry = { kind: 'run'; run: RunSummary } | { kind: 'skipped'; runs: RunSummary[] }

/** Fewer than this are shown as they are. */
const FEWEST = 3

export function fold(runs: RunSummary[]): Entry[] {
  const out: Entry[] = []
  let group: RunSummary[] = []
  const flush = () => {
    if (group.length >= FEWEST) out.push({ kind: 'skipped', runs: group })
    else out.push(...group.map((run): Entry => ({ kind: 'run', run })))
    group = []
  }
  for (const run of runs) {
    if (run.status !== 'SKIPPED') {
      flush()
      out.push({ kind: 'run', run })
      continue
    }
    if (group.length > 0 && (group[0]!.job_id !== run.job_id || group[0]!.reason !== run.reason)) flush()
    group.push(run)
  }
  flush()
  return out
}
