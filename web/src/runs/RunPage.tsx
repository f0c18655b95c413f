/** One run: who started it and how it goes, its steps over time, and its log. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { ApiError } from '../api/client'
import { queries } from '../api/queries'
import { isFinal, type RunDocument } from '../api/types'
import { useShortcuts } from '../app/shortcuts'
import { useJobRights } from '../jobs/actions'
import { t as common } from '../app/words'
import { LogPanel } from '../log/LogPanel'
import { useNow, useTitle } from '../ui/hooks'
import { Empty, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { Compare } from './ComparePanel'
import { ProgressBar } from './ProgressBar'
import { RunHead } from './RunHead'
import css from './runs.module.css'
import { RunsTable } from './RunsTable'
import { Split } from './Split'
import { StepDetail } from './StepDetail'
import { RunSummaryPanel } from './RunFacts'
import { timeline } from './timeline'
import { Timeline } from './Timeline'
import { titleOf, useFavicon } from './favicon'
import { usualOf } from './usual'
import { t } from './words'

export function RunPage() {
  const { id } = useParams({ from: '/shell/runs/$id' })
  const { data, error, isPending, refetch } = useQuery(queries.run(id))
  useTitle(data ? titleOf(data.run) : id)
  useFavicon(data?.run.status ?? null)
  if (data) return <Content key={id} document={data} />
  const missing = error instanceof ApiError && error.status === 404
  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <Link to="/runs">{common.runs}</Link>
        <span className="muted" aria-hidden="true">/</span>
        <h1 className="mono">{id}</h1>
      </header>
      <div className={ui.body}>
        {missing && <Missing />}
        {error && !missing && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
      </div>
    </div>
  )
}

/** A run that was removed: the others are still there. */
function Missing() {
  const { data } = useQuery(queries.runs({}))
  return (
    <>
      <Empty title={t.notFound}><span>{t.notFoundHint}</span></Empty>
      {data && data.runs.length > 0 && <Panel title={t.title}><RunsTable runs={data.runs.slice(0, 10)} /></Panel>}
    </>
  )
}

function Content({ document }: { document: RunDocument }) {
  const { run, steps, log_total } = document
  const { step: chosen, attempt, compare, view } = useSearch({ from: '/shell/runs/$id' })
  // Nothing but the log, with the name of the run over it.
  const full = view === 'log'
  const selected = chosen === undefined ? null : Number(chosen)
  const navigate = useNavigate({ from: '/runs/$id' })
  const rights = useJobRights(run.job_id)
  const final = isFinal(run.status)
  const now = useNow(final ? 0 : 1000)
  const [mode, setMode] = useState<'jump' | 'filter'>('jump')
  const [axis, setAxis] = useState<'elapsed' | 'clock'>('elapsed')
  const [fold, setFold] = useState(true)
  const [zoom, setZoom] = useState<[number, number] | null>(null)
  /** The line the log begins at anew, from 1. */
  const [line, setLine] = useState(0)
  const { data: progress } = useQuery(queries.progress(run.id))
  const geometry = useMemo(() => timeline(steps, run.step_count, run.started_at, run.finished_at, now, { fold, zoom }, run.queued_at), [steps, run, now, fold, zoom])
  const { data: stats } = useQuery(queries.stats(run.job_id, run.id))
  const usual = useMemo(() => usualOf(stats), [stats])
  const row = geometry.rows.find((each) => each.index === selected)
  const running = steps.find((step) => step.status === 'RUNNING')
  const current = running && progress?.[`${running.index}/${running.attempt}`]
  const failed = run.status === 'FAILED' ? geometry.rows.find((each) => each.status === 'FAILED') : undefined
  const select = (step: number | null) => void navigate({ search: (old) => ({ ...old, step: step === null ? undefined : String(step), attempt: undefined }), hash: '', replace: true })
  const chooseAttempt = (n: number) => void navigate({ search: (old) => ({ ...old, attempt: String(n) }), replace: true })
  const shownAttempt = attempt === undefined ? null : Number(attempt)
  const target = useMemo(() => (row ? { step: row.name, attempt: shownAttempt } : null), [row?.name, shownAttempt])
  const names = useMemo(() => [...new Set(steps.map((step) => step.name))], [steps])
  // The log reads the address when it is made; it is made anew for another line.
  const showLine = (n: number) => void navigate({ search: (old) => old, hash: `L${n}`, replace: true }).then(() => setLine(n))
  useShortcuts([
    { keys: 'f', words: t.keys.failure, act: () => failed && select(failed.index) },
    { keys: '0', words: t.keys.whole, act: () => setZoom(null) },
  ])

  return (
    <div className={`${ui.page} ${css.runPage}`}>
      <RunHead document={document} mayRun={rights.run} />
      {!full && <RunSummaryPanel document={document} failed={failed ?? null} selected={selected} onSelect={select} onLine={showLine}>
        {run.status === 'RUNNING' && !row && (
          <div className={css.current}>
            {running && <span className="mono">{running.name}</span>}
            {running && current && <ProgressBar progress={current} label={t.progress(running.name)} />}
          </div>
        )}
      </RunSummaryPanel>}
      {compare && !full && <Compare document={document} other={compare} close={() => void navigate({ search: ({ compare: _, ...rest }) => rest, replace: true })} />}
      <Split
        only={full}
        left={
          <>
            <div className={css.timelineTools}>
              <label>{t.axis} <select value={axis} onChange={(event) => setAxis(event.target.value as typeof axis)}><option value="elapsed">{t.elapsedAxis}</option><option value="clock">{t.clockAxis}</option></select></label>
              <label>{t.onSelect} <select value={mode} onChange={(event) => setMode(event.target.value as typeof mode)}><option value="jump">{t.jump}</option><option value="filter">{t.filter}</option></select></label>
              {geometry.canFold && <label><input type="checkbox" checked={fold} onChange={(event) => setFold(event.target.checked)} /> {t.foldGaps}</label>}
              {zoom && <button type="button" className={ui.linkButton} onClick={() => setZoom(null)}>{t.whole}</button>}
            </div>
            <Timeline geometry={geometry} usual={usual} selected={selected} axis={axis} isZoomed={zoom !== null} onZoom={setZoom} onSelect={select} />
            {row && <StepDetail key={row.index} row={row} attempt={shownAttempt} onAttempt={chooseAttempt} progress={progress} close={() => select(null)} />}
          </>
        }
        right={<LogPanel key={line} runId={run.id} total={log_total} final={final} steps={names} target={target} targetMode={mode} full={full} />}
      />
    </div>
  )
}
