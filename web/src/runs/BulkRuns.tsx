/**
 * Cancels or repeats many runs: the dialog says the filter in words, how many runs that is and which, and then how each
 * went. The list is fixed when the dialog opens: what comes in later is not touched.
 */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import { queryClient } from '../api/queries'
import { isFinal, type RunsFilter, type RunSummary } from '../api/types'
import { may } from '../api/permissions'
import { queries } from '../api/queries'
import { number } from '../i18n'
import { Button } from '../ui/Button'
import { commandLine, httpRequest } from '../ui/commands'
import { CopyAsMenu } from '../ui/CopyAs'
import { Dialog } from '../ui/Dialog'
import { Skeleton } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import css from './runs.module.css'
import { t } from './words'

export type BulkRunsAction = 'cancel' | 'replay'
type Outcome = 'waiting' | 'working' | { done: string | null } | { error: unknown }

/** Beyond that nobody can look at what they are about to do. */
const MOST = 1000
const PAGE = 500
const AT_ONCE = 4
/** Replays go by the job as it is saved now. */
const CURRENT = { definition: 'current' } as const

/** Every run the filter finds that the action is for, up to `MOST`. */
async function collect(filter: RunsFilter, action: BulkRunsAction, only: readonly string[] | undefined, signal: AbortSignal): Promise<{ runs: RunSummary[]; more: boolean }> {
  const runs: RunSummary[] = []
  let before: string | undefined
  do {
    const page = await api.runs({ ...filter, before }, PAGE, signal)
    runs.push(...page.runs.filter((run) => only?.includes(run.id) !== false && (action === 'cancel' ? !isFinal(run.status) : isFinal(run.status) && run.status !== 'SKIPPED')))
    before = page.next ?? undefined
  } while (before !== undefined && runs.length <= MOST)
  return { runs: runs.slice(0, MOST), more: runs.length > MOST || before !== undefined }
}

/** One line for each run. */
function commandsOf(action: BulkRunsAction, runs: RunSummary[]): string {
  return runs.map(({ id }) => (action === 'cancel' ? commandLine('job', 'cancel', id) : commandLine('run', 'replay', id, '--current', '--detach'))).join('\n')
}

function requestsOf(action: BulkRunsAction, runs: RunSummary[]): string {
  return runs.map(({ id }) => (action === 'cancel' ? httpRequest('POST', endpoint(`admin/jobs/runs/${id}/cancel`)) : httpRequest('POST', endpoint(`admin/jobs/runs/${id}/replay`), CURRENT))).join('\n')
}

interface Props {
  action: BulkRunsAction
  /** Frozen: it finds the same runs however long the dialog is open. */
  filter: RunsFilter
  /** Of those that the filter finds, these ones. */
  only?: readonly string[]
  words: string
  close: () => void
}

export function BulkRunsDialog({ action, filter, only, words, close }: Props) {
  const { data: me } = useQuery(queries.me())
  const found = useQuery({ queryKey: ['bulk', action, filter, only], queryFn: ({ signal }) => collect(filter, action, only, signal), gcTime: 0 })
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map())
  const list = (found.data?.runs ?? []).filter((run) => may(me, `job:${run.job_id}`))
  const started = outcomes.size > 0
  const finished = started && [...outcomes.values()].every((each) => typeof each === 'object')
  const went = (kind: 'done' | 'error') => [...outcomes.values()].filter((each) => typeof each === 'object' && kind in each).length
  const start = async () => {
    const all = new Map<string, Outcome>(list.map((run) => [run.id, 'waiting']))
    const say = (id: string, outcome: Outcome) => {
      all.set(id, outcome)
      setOutcomes(new Map(all))
    }
    const waiting = [...list]
    const work = async () => {
      for (let run = waiting.shift(); run; run = waiting.shift()) {
        say(run.id, 'working')
        try {
          if (action === 'cancel') {
            await api.cancel(run.id)
            say(run.id, { done: null })
          } else say(run.id, { done: (await api.replay(run.id, CURRENT)).run_id })
        } catch (error) {
          say(run.id, { error })
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    void queryClient.invalidateQueries({ queryKey: ['runs'] })
  }
  return (
    <Dialog
      title={t.bulk[action].replace('…', '')}
      close={close}
      size="wide"
      foot={
        <>
          {started && <span role="status" className="grow">{t.bulk.went(went('done'), went('error'), list.length)}</span>}
          {!started && list.length > 0 && <CopyAsMenu label={t.bulk.copy} command={() => commandsOf(action, list)} request={() => requestsOf(action, list)} />}
          <Button onClick={close}>{t.bulk.close}</Button>
          {!finished && <Button kind={action === 'cancel' ? 'danger' : 'primary'} pending={started} disabled={list.length === 0} onClick={() => void start()}>{t.bulk.doIt[action](list.length)}</Button>}
        </>
      }
    >
      <p>{words}</p>
      <InlineProblem error={found.error} />
      <Skeleton pending={found.isPending} rows={3} />
      {found.data && (
        <>
          <p data-bulk-count={list.length}><strong>{t.bulk.count(list.length)}</strong> {found.data.more && t.bulk.most(number(MOST))} <span className="muted">{t.bulk.note[action]}</span></p>
          <ul className={css.bulk}>
            {list.map((run) => {
              const outcome = outcomes.get(run.id)
              return (
                <li key={run.id} data-bulk={run.id} data-outcome={outcome === undefined ? '' : typeof outcome === 'string' ? outcome : Object.keys(outcome)[0]}>
                  <Glyph status={run.status} /> <span className="mono">{run.id}</span> <span className="mono">{run.job_id}</span>
                  <span className="muted">{outcome === undefined ? run.triggered_by : typeof outcome === 'string' ? t.bulk[outcome] : null}</span>
                  {typeof outcome === 'object' && ('error' in outcome ? <InlineProblem error={outcome.error} /> : outcome.done ? <Link to="/runs/$id" params={{ id: outcome.done }} className="mono">{outcome.done}</Link> : <span>{t.bulk.asked}</span>)}
                </li>
              )
            })}
          </ul>
        </>
      )}
    </Dialog>
  )
}
