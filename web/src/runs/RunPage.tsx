/** One run: who started it and how it goes, its steps over time, and its log. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ApiError } from '../api/client'
import { queries } from '../api/queries'
import { isFinal, type Run, type RunDocument } from '../api/types'
import { count } from '../i18n'
import { t } from '../i18n/legacy'
import { CancelButton } from '../jobs/actions'
import { textOf } from '../jobs/overrides'
import { LogPanel } from '../log/LogPanel'
import { useNow, useTitle } from '../ui/hooks'
import { At } from '../ui/Times'
import { Empty, Fact, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Badge } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { ProgressBar } from './ProgressBar'
import css from './runs.module.css'
import { Elapsed } from './RunsTable'
import { StepDetail } from './StepDetail'
import { timeline } from './timeline'
import { Timeline } from './Timeline'

export function RunPage() {
  const { id } = useParams({ from: '/shell/runs/$id' })
  const { data, error, isPending, refetch } = useQuery(queries.run(id))
  useTitle(data ? `${data.run.status} · ${data.run.job_id}` : id)
  if (data) return <Content key={id} document={data} />
  const missing = error instanceof ApiError && error.status === 404
  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <Link to="/runs">{t.nav.runs}</Link>
        <span className="muted" aria-hidden="true">/</span>
        <h1 className="mono">{id}</h1>
      </header>
      <div className={ui.body}>
        {missing && <Empty title={t.runPage.notFound}>{t.runPage.notFoundHint}</Empty>}
        {error && !missing && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
      </div>
    </div>
  )
}

function Content({ document: { run, steps, log_total } }: { document: RunDocument }) {
  const { step: chosen } = useSearch({ from: '/shell/runs/$id' })
  const selected = chosen === undefined ? undefined : Number(chosen)
  const navigate = useNavigate({ from: '/runs/$id' })
  const final = isFinal(run.status)
  const now = useNow(final ? 0 : 1000)
  const { data: progress } = useQuery(queries.progress(run.id))
  const geometry = useMemo(() => timeline(steps, run.step_count, run.started_at, run.finished_at, now), [steps, run, now])
  const row = geometry.rows.find((each) => each.index === selected)
  const running = steps.find((step) => step.status === 'RUNNING')
  const current = running && progress?.[`${running.index}/${running.attempt}`]
  const select = (step: number | null) => void navigate({ search: step === null ? {} : { step: String(step) }, hash: true, replace: true })
  const failed = run.status === 'FAILED' ? geometry.rows.find((each) => each.status === 'FAILED') : undefined

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <Link to="/jobs/$id" params={{ id: run.job_id }} className="mono">{run.job_id}</Link>
        <span className="muted" aria-hidden="true">/</span>
        <h1 className="mono">{run.id}</h1>
        <Badge status={run.status} />
        {run.reason && <span className="muted">{run.reason}</span>}
        <span className="grow" />
        {!final && <CancelButton runId={run.id} jobId={run.job_id} asked={run.cancel_requested_by !== null} label={t.run.cancelRun} />}
      </header>
      <div className={css.summary}>
        <Facts run={run} />
        <Params run={run} />
        {!final && run.cancel_requested_by && <p className={css.notice}>{t.runPage.cancelAsked(run.cancel_requested_by)}</p>}
        {failed?.latest && (
          <p className={css.failure}>
            <strong>{t.runPage.failedAt(failed.name, failed.latest.attempt)}</strong> {failed.latest.error?.message}{' '}
            {selected !== failed.index && <button type="button" className={ui.linkButton} onClick={() => select(failed.index)}>{t.runPage.showStep}</button>}
          </p>
        )}
        {run.status === 'FAILED' && !failed && run.error && <p className={css.failure}>{run.error}</p>}
        {run.status === 'RUNNING' && !row && (
          <div className={css.current}>
            {running && <span className="mono">{running.name}</span>}
            {running && current && <ProgressBar progress={current} label={t.step.progress(running.name)} />}
          </div>
        )}
      </div>
      <div className={css.split}>
        <div className={css.left}>
          <Timeline geometry={geometry} selected={selected ?? null} onSelect={select} />
          {row && <StepDetail key={row.index} row={row} progress={progress} close={() => select(null)} />}
        </div>
        <LogPanel runId={run.id} total={log_total} final={final} />
      </div>
    </div>
  )
}

function Facts({ run }: { run: Run }) {
  return (
    <dl className={css.facts}>
      <Fact name={t.runPage.trigger}>{run.triggered_by}</Fact>
      {run.started_at ? <Fact name={t.runPage.started}><At at={run.started_at} /></Fact> : <Fact name={t.runPage.queued}><At at={run.queued_at} /></Fact>}
      {run.finished_at && <Fact name={t.runPage.finished}><At at={run.finished_at} /></Fact>}
      <Fact name={t.runPage.elapsed}><Elapsed run={run} /></Fact>
      <Fact name={t.runPage.steps}>{run.steps_done} / {run.step_count}</Fact>
      <Fact name={t.runPage.rows}>{count(run.rows_affected)}</Fact>
      <Fact name={t.runPage.logLevel}>{run.log_level}</Fact>
      {run.owner && <Fact name={t.runPage.owner}>{run.owner}</Fact>}
    </dl>
  )
}

/** What the run was given, with what differs from the saved job marked. */
function Params({ run }: { run: Run }) {
  const params = Object.entries(run.params)
  const changed = (run.overrides.params ?? {}) as Record<string, unknown>
  const others = Object.entries(run.overrides).filter(([key, value]) => key !== 'params' && value !== null && Object.keys(Object(value)).length > 0)
  if (params.length === 0 && others.length === 0) return null
  return (
    <details className={css.params}>
      <summary>{t.runPage.params}{Object.keys(changed).length + others.length > 0 && ` (${t.runPage.overridden})`}</summary>
      <dl className={ui.facts}>
        {params.map(([key, value]) => (
          <Fact key={key} name={key}>
            <code>{textOf(value) || '""'}</code> {key in changed && <span className={ui.tag}>{t.runPage.overridden}</span>}
          </Fact>
        ))}
        {others.map(([key, value]) => <Fact key={key} name={key}><code>{textOf(value)}</code> <span className={ui.tag}>{t.runPage.overridden}</span></Fact>)}
      </dl>
    </details>
  )
}
