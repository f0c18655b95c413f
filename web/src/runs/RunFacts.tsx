/** What one has to know of a run before its steps: who, when, how long, with which values, and what went wrong. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { isFinal, type Run, type RunDocument } from '../api/types'
import { count } from '../i18n'
import { textOf } from '../jobs/overrides'
import { doneOf } from '../jobs/pieces'
import { useNow } from '../ui/hooks'
import { Fact, Tag } from '../ui/parts'
import { At } from '../ui/Times'
import { serverNow, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import css from './runs.module.css'
import { Elapsed } from './RunsTable'
import type { Row } from './timeline'
import { t } from './words'

/** After this long a cancel that has not worked needs an explanation. */
const SLOW_CANCEL_MS = 30_000

interface Props {
  document: RunDocument
  failed: Row | null
  selected: number | null
  onSelect: (index: number) => void
  children?: ReactNode
}

export function RunSummaryPanel({ document, failed, selected, onSelect, children }: Props) {
  const { run, steps } = document
  const final = isFinal(run.status)
  const running = steps.find((step) => step.status === 'RUNNING')
  return (
    <div className={css.summary}>
      <Facts run={run} done={doneOf(run, document)} />
      <Params run={run} />
      {!final && run.cancel_requested_by && <Canceling run={run} type={running?.type ?? ''} />}
      {run.reason === 'lost in restart' && <p className={css.notice}>{t.lost}</p>}
      {failed?.latest && (
        <p className={css.failure} role="alert">
          <strong>{t.failedAt(failed.name, failed.latest.attempt)}</strong> {failed.latest.error?.message}{' '}
          {selected !== failed.index && <button type="button" className={ui.linkButton} onClick={() => onSelect(failed.index)}>{t.showStep}</button>}
        </p>
      )}
      {run.status === 'FAILED' && !failed && run.error && <p className={css.failure} role="alert">{run.error}</p>}
      {children}
    </div>
  )
}

function Canceling({ run, type }: { run: Run; type: string }) {
  // When it was asked is not recorded: this page counts from the moment it learned of it.
  const now = useNow(5000)
  const since = toMillis(run.started_at) ?? serverNow()
  return (
    <p className={css.notice} role="status">
      {t.cancelAsked(run.cancel_requested_by!)} {t.cancelEffect[type]} {now - since > SLOW_CANCEL_MS && t.cancelSlow}
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
      <Fact name={t.elapsed}><Elapsed run={run} /></Fact>
      <Fact name={t.steps}>{done} / {run.step_count}</Fact>
      <Fact name={t.rows}>{count(run.rows_affected)}</Fact>
      <Fact name={t.logLevel}>{run.log_level}</Fact>
      {run.owner && <Fact name={t.owner}>{run.owner}{run.term > 1 && <span className="muted"> {t.term(run.term)}</span>}</Fact>}
      {run.replay_of && <Fact name={t.replayed}><Link to="/runs/$id" params={{ id: run.replay_of }} className="mono">{run.replay_of}</Link></Fact>}
    </dl>
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
