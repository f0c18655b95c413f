/** The columns of a table of runs. State and id always stand first; the others are the person's choice. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { isFinal, type RunSummary } from '../api/types'
import { count } from '../i18n'
import { useListPreference } from '../ui/hooks'
import { At, Duration } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { t } from './words'

export const COLUMNS = ['job', 'trigger', 'schedule', 'queued', 'started', 'finished', 'duration', 'steps', 'rows', 'level', 'reason'] as const
export type ColumnName = (typeof COLUMNS)[number]
const FIRST: readonly ColumnName[] = ['job', 'trigger', 'started', 'duration', 'steps', 'rows', 'reason']

interface RunColumn {
  head: string
  className?: string | undefined
  /** On a narrow screen, where a row has no head over it, the name stands before the value. */
  isNamed?: boolean
  cell: (run: RunSummary) => ReactNode
  title?: (run: RunSummary) => string | undefined
}

const why = (run: RunSummary) => run.reason ?? run.error ?? undefined

export const columns: Record<ColumnName, RunColumn> = {
  job: { head: t.job, className: ui.id, title: (run) => run.job_id, cell: (run) => <Link to="/jobs/$id" params={{ id: run.job_id }} className="mono">{run.job_id}</Link> },
  trigger: { head: t.trigger, cell: (run) => run.triggered_by },
  schedule: { head: t.schedule, cell: (run) => run.schedule && <span className="mono">{run.schedule}</span> },
  queued: { head: t.queued, className: ui.nowrap, isNamed: true, cell: (run) => <At at={run.queued_at} /> },
  started: { head: t.started, className: ui.nowrap, cell: (run) => <At at={run.started_at ?? run.queued_at} /> },
  finished: { head: t.finished, className: ui.nowrap, isNamed: true, cell: (run) => run.finished_at && <At at={run.finished_at} /> },
  duration: { head: t.duration, className: ui.number, cell: (run) => <Elapsed run={run} /> },
  steps: { head: t.steps, className: ui.number, isNamed: true, cell: (run) => `${run.steps_done} / ${run.step_count}` },
  rows: { head: t.rows, className: ui.number, isNamed: true, cell: (run) => count(run.rows_affected) },
  level: { head: t.logLevel, cell: (run) => run.log_level },
  reason: { head: t.reason, className: ui.rest, cell: why, title: why },
}

/** The chosen ones in their order, and how to choose others. */
export const useRunColumns = () => useListPreference('runsColumns', COLUMNS, FIRST)

/** How long a run took, or takes. */
export function Elapsed({ run }: { run: RunSummary }) {
  return <Duration from={run.started_at} to={run.finished_at} running={!isFinal(run.status)} />
}
