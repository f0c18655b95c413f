/** The same change to several jobs: the dialog names exactly those it will touch, and says how each of them went. */
import { useState } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import { queryClient } from '../api/queries'
import type { JobCard } from '../api/types'
import { Button } from '../ui/Button'
import { commandLine, httpRequest, runCommand } from '../ui/commands'
import { CopyAsMenu } from '../ui/CopyAs'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import { change } from './actions'
import css from './jobs.module.css'
import { t } from './words'

export type BulkAction = 'enable' | 'disable' | 'run' | 'tag'
type Outcome = 'waiting' | 'working' | 'done' | 'skipped' | { error: unknown }

/** Whether the job needs the change at all. */
function isNeeded(action: BulkAction, job: JobCard, tag: string): boolean {
  switch (action) {
    case 'enable':
      return !job.enabled && job.valid
    case 'disable':
      return job.enabled
    case 'run':
      return job.valid && job.active_run_id === null
    case 'tag':
      return !job.tags.includes(tag)
  }
}

/** What is sent for one job; null: it is run as it is saved. */
function patchOf(action: BulkAction, job: JobCard, tag: string): { tags: string[] } | { enabled: boolean } | null {
  return action === 'run' ? null : action === 'tag' ? { tags: [...job.tags, tag] } : { enabled: action === 'enable' }
}

async function apply(action: BulkAction, job: JobCard, tag: string): Promise<void> {
  const patch = patchOf(action, job, tag)
  if (patch === null) await api.runJob(job.id, {})
  else await change(job, patch)
}

/** One line for each job; null where the shell has no such command. */
function commandsOf(action: BulkAction, jobs: JobCard[]): string | null {
  if (action === 'tag') return null
  return jobs.map((job) => (action === 'run' ? `${runCommand(job.id)} --detach` : commandLine('job', action, job.id))).join('\n')
}

function requestsOf(action: BulkAction, jobs: JobCard[], tag: string): string {
  return jobs.map((job) => {
    const address = `admin/jobs/${encodeURIComponent(job.id)}`
    const patch = patchOf(action, job, tag)
    return patch === null ? httpRequest('POST', endpoint(`${address}/run`), {}) : httpRequest('PATCH', endpoint(address), patch)
  }).join('\n')
}

export function BulkDialog({ action, jobs, close }: { action: BulkAction; jobs: JobCard[]; close: () => void }) {
  // As they were when the dialog opened: a live change must not alter what is about to be done.
  const [list] = useState(jobs)
  const [tag, setTag] = useState('')
  const [outcomes, setOutcomes] = useState<Record<string, Outcome>>({})
  const started = Object.keys(outcomes).length > 0
  const finished = started && list.every((job) => !['waiting', 'working'].includes(outcomes[job.id] as string))
  const isValid = action !== 'tag' || /^[^\s,]+$/.test(tag.trim())
  const needed = list.filter((job) => isNeeded(action, job, tag.trim()))
  const start = async () => {
    const all: Record<string, Outcome> = Object.fromEntries(list.map((job) => [job.id, 'waiting' as const]))
    const say = (id: string, outcome: Outcome) => {
      all[id] = outcome
      setOutcomes({ ...all })
    }
    for (const job of list) {
      if (!isNeeded(action, job, tag.trim())) {
        say(job.id, 'skipped')
        continue
      }
      say(job.id, 'working')
      try {
        await apply(action, job, tag.trim())
        say(job.id, 'done')
      } catch (error) {
        say(job.id, { error })
      }
    }
    void queryClient.invalidateQueries({ queryKey: ['jobs'] })
  }
  return (
    <Dialog
      title={t.bulk.title(t.bulk[action].replace('…', ''), list.length)}
      close={close}
      foot={
        <>
          {!started && isValid && needed.length > 0 && <CopyAsMenu label={t.bulk.copy} command={() => commandsOf(action, needed)} request={() => requestsOf(action, needed, tag.trim())} />}
          <Button onClick={close}>{t.bulk.close}</Button>
          {!finished && <Button kind="primary" pending={started} disabled={!isValid} onClick={() => void start()}>{t.bulk[action].replace('…', '')}</Button>}
        </>
      }
    >
      {action === 'tag' && <Field label={t.bulk.tagName}>{(tie) => <input {...tie} type="text" spellCheck={false} disabled={started} value={tag} onChange={(event) => setTag(event.target.value)} />}</Field>}
      <ul className={css.bulk}>
        {list.map((job) => (
          <li key={job.id}>
            <span className="mono">{job.id}</span>
            <Said outcome={outcomes[job.id] ?? (isNeeded(action, job, tag.trim()) ? null : 'skipped')} />
          </li>
        ))}
      </ul>
    </Dialog>
  )
}

function Said({ outcome }: { outcome: Outcome | null }) {
  if (outcome === null) return null
  if (typeof outcome === 'object') return <InlineProblem error={outcome.error} />
  return <span className="muted">{outcome === 'done' && <Glyph status="SUCCEEDED" />} {t.bulk[outcome]}</span>
}
