/** What one has to know of a run before its steps: who, when, how long, with which values, and what went wrong. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { api } from '../api/client'
import { optional, queries } from '../api/queries'
import { isFinal, type Run, type RunDocument } from '../api/types'
import { count } from '../i18n'
import { versionAt } from '../jobs/versions'
import { textOf } from '../jobs/overrides'
import { doneOf } from '../jobs/pieces'
import { useNow } from '../ui/hooks'
import { Fact, Tag } from '../ui/parts'
import { At } from '../ui/Times'
import { clock, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import css from './runs.module.css'
import { Elapsed } from './columns'
import type { Row } from './timeline'
import { t } from './words'

/**
 * After this long a cancel that has not worked needs an explanation. It is never the step: one that does not heed it is left
 * behind, or its process ended, within seconds, whatever call it is in.
 */
const SLOW_CANCEL_MS = 30_000

interface Props {
  document: RunDocument
  failed: Row | null
  selected: number | null
  onSelect: (index: number) => void
  /** Shows a line of the log, from 1. */
  onLine: (line: number) => void
  children?: ReactNode
}

export function RunSummaryPanel({ document, failed, selected, onSelect, onLine, children }: Props) {
  const { run, steps } = document
  const final = isFinal(run.status)
  const running = steps.find((step) => step.status === 'RUNNING')
  return (
    <div className={css.summary}>
      <Facts run={run} done={doneOf(run, document)} />
      <Params run={run} />
      {!final && run.cancel_requested_by && <Canceling by={run.cancel_requested_by} at={toMillis(run.cancel_requested_at)} type={running?.type ?? ''} owner={run.owner} />}
      {run.reason === 'lost in restart' && <p className={css.notice}>{t.lost}</p>}
      {failed?.latest && (
        <p className={css.failure} role="alert">
          <strong>{t.failedAt(failed.name, failed.latest.attempt)}</strong> {failed.latest.error?.message}{' '}
          {selected !== failed.index && <button type="button" className={ui.linkButton} onClick={() => onSelect(failed.index)}>{t.showStep}</button>}{' '}
          <ErrorLine run={run.id} step={failed.name} onLine={onLine} />
        </p>
      )}
      {run.status === 'FAILED' && !failed && run.error && <p className={css.failure} role="alert">{run.error}</p>}
      {children}
    </div>
  )
}

/** What the step itself said of its error, else where the run says that the step failed. */
async function errorLine(run: string, step: string, signal: AbortSignal): Promise<number | null> {
  const own = await api.logSearch(run, { level: 'ERROR', step }, signal)
  if (own.numbers[0] !== undefined) return own.numbers[0]
  return (await api.logSearch(run, { level: 'ERROR', q: `\`${step}\`` }, signal)).numbers[0] ?? null
}

/** The way to the first line of the log that tells of the failure; nothing where no line does. */
function ErrorLine({ run, step, onLine }: { run: string; step: string; onLine: (line: number) => void }) {
  const { data } = useQuery({ queryKey: ['run-error-line', run, step], queryFn: ({ signal }) => optional(errorLine(run, step, signal)) })
  const first = data ?? undefined
  return first === undefined ? null : <button type="button" className={ui.linkButton} onClick={() => onLine(first + 1)}>{t.showLine}</button>
}

/** `at` is null where a version of the server was asked that did not keep the moment. */
function Canceling({ by, at, type, owner }: { by: string; at: number | null; type: string; owner: string }) {
  const now = useNow(5000)
  return (
    <p className={css.notice} role="status" data-canceling>
      {t.cancelAsked(at === null ? null : clock(at), by)} {t.cancelEffect[type]}
      {at !== null && now - at > SLOW_CANCEL_MS && <> {t.cancelSlow(owner)} <Link to="/health">{t.toHealth}</Link></>}
    </p>
  )
}

function Facts({ run, done }: { run: Run; done: number }) {
  return (
    <dl className={css.facts}>
      <Fact name={t.trigger}>{run.triggered_by}</Fact>
      {run.scheduled_at && <Fact name={t.scheduled}><At at={run.scheduled_at} /></Fact>}
      {run.schedule && <Fact name={t.schedule}><span className="mono">{run.schedule}</span></Fact>}
      {run.started_at ? <Fact name={t.started}><At at={run.started_at} /></Fact> : <Fact name={t.queued}><At at={run.queued_at} /></Fact>}
      {run.finished_at && <Fact name={t.finished}><At at={run.finished_at} /></Fact>}
      {run.cancel_requested_at && <Fact name={t.cancelAskedAt}><At at={run.cancel_requested_at} /> {run.cancel_requested_by}</Fact>}
      <Fact name={t.elapsed}><Elapsed run={run} /></Fact>
      <Fact name={t.steps}>{done} / {run.step_count}</Fact>
      <Fact name={t.rows}>{count(run.rows_affected)}</Fact>
      <Fact name={t.logLevel}>{run.log_level}</Fact>
      <Revision run={run} />
      {run.owner && <Fact name={t.owner}>{run.owner}{run.term > 1 && <span className="muted"> {t.term(run.term)}</span>}</Fact>}
      {run.replay_of && <Fact name={t.replayed}><Link to="/runs/$id" params={{ id: run.replay_of }} className="mono">{run.replay_of}</Link></Fact>}
    </dl>
  )
}

/** The version of the job that this run does, where versions are kept. */
function Revision({ run }: { run: Run }) {
  const { data } = useQuery(queries.versions(run.job_id))
  const versions = data?.versions ?? []
  const version = versionAt(versions, run.queued_at)
  if (version === null) return null
  const newest = Math.max(...versions.map((each) => each.version))
  return (
    <Fact name={t.definition}>
      {version === newest ? t.versionNow(version) : <Link to="/jobs/$id" params={{ id: run.job_id }} search={{ tab: 'changes', version: String(version) }}>{t.versionThen(version, newest)}</Link>}
    </Fact>
  )
}

type Values = Record<string, unknown>

/** A value with its name, marked when it differs from the saved job. */
interface Given {
  name: string
  value: unknown
  changed: boolean
}

/** Everything a run was given: shared parameters, arguments of steps, steps that were switched. */
export function given(run: Run): Given[] {
  const { params = {}, op_kwargs = {} } = run.params as { params?: Values; op_kwargs?: Record<string, Values> }
  const changed = run.overrides as { params?: Values; op_kwargs?: Record<string, Values>; step_enabled?: Values; log_level?: string | null }
  return [
    ...Object.entries(params).map(([name, value]) => ({ name, value, changed: name in (changed.params ?? {}) })),
    ...Object.entries(op_kwargs).flatMap(([step, values]) => Object.entries(values).map(([key, value]) => ({ name: `${step}.${key}`, value, changed: key in (changed.op_kwargs?.[step] ?? {}) }))),
    ...Object.entries(changed.step_enabled ?? {}).map(([name, value]) => ({ name, value, changed: true })),
  ]
}

function Params({ run }: { run: Run }) {
  const all = given(run)
  if (all.length === 0) return null
  const changed = all.filter((each) => each.changed).length
  return (
    <details className={css.params} open={all.length <= 6 && changed > 0}>
      <summary>{t.params} {all.length}{changed > 0 && ` (${changed} ${t.overridden})`}</summary>
      <dl className={ui.facts}>
        {all.map((each) => (
          <Fact key={each.name} name={<span className="mono">{each.name}</span>}>
            <code>{textOf(each.value) || '""'}</code> {each.changed && <Tag>{t.overridden}</Tag>}
          </Fact>
        ))}
      </dl>
    </details>
  )
}
