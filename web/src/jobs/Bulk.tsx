/** The same change to several jobs: the dialog names exactly those it will touch, and says how each of them went. */
import { useState } from 'react'
import { api } from '../api/client'
import { queryClient } from '../api/queries'
import type { JobCard } from '../api/types'
import { Button } from '../ui/Button'
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

async function apply(action: BulkAction, job: JobCard, tag: string): Promise<void> {
  if (action === 'run') await api.runJob(job.id, {})
  else await change(job, action === 'tag' ? { tags: [...job.tags, tag] } : { enabled: action === 'enable' })
}

export function BulkDialog({ action, jobs, close }: { action: BulkAction; jobs: JobCard[]; close: () => void }) {
  // As they were when the dialog opened: a live change must not alter what is about to be done.
  const [list] = useState(jobs)
  const [tag, setTag] = useState('')
  const [outcomes, setOutcomes] = useState<Record<string, Outcome>>({})
  const started = Object.keys(outcomes).length > 0
  const finished = started && list.every((job) => !['waiting', 'working'].includes(outcomes[job.id] as string))
  const isValid = action !== 'tag' || /^[^\s,]+$/.test(tag.trim())
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
