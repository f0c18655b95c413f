/** How much later than due runs of schedules began, hour by hour, the latest of them, and the slots that did not fire. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { http, queryString } from '../api/http'
import { number } from '../i18n'
import { DataTable, type Column } from '../ui/DataTable'
import { Fact, Facts, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { duration, shortInstant } from '../ui/time'
import { At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { t } from './accuracyWords'
import css from './health.module.css'

interface Lateness { p50: number | null; p95: number | null; max: number | null }
interface Hour { at: string; fires: number; lost: number; start: Lateness }
interface Late { run_id: string; job_id: string; schedule: string; due_at: string; seconds: number }
interface Lost { job_id: string; schedule: string; due_at: string; outcome: string; reason: string | null }
interface AccuracyDocument { fires: number; fire: Lateness; start: Lateness; hours: Hour[]; latest: Late[]; lost: Lost[]; truncated: boolean }

const SPANS = [24, 168, 720]
const query = (hours: number) => queryOptions({ queryKey: ['health', 'accuracy', hours], queryFn: ({ signal }) => http.get<AccuracyDocument>(`admin/scheduler/accuracy${queryString({ hours })}`, signal), staleTime: 30_000 })

const took = (seconds: number | null) => (seconds === null ? '–' : duration(seconds * 1000))

const LATEST: Column<Late>[] = [
  { id: 'late', head: t.late, cell: (row) => took(row.seconds) },
  { id: 'job', head: t.job, breaks: true, cell: (row) => <Link to="/jobs/$id" params={{ id: row.job_id }}><span className="mono">{row.job_id}</span></Link> },
  { id: 'due', head: t.due, cell: (row) => <At at={row.due_at} /> },
  { id: 'run', head: t.run, cell: (row) => <Link to="/runs/$id" params={{ id: row.run_id }}><span className="mono">{row.run_id}</span></Link> },
]

const LOST: Column<Lost>[] = [
  { id: 'due', head: t.due, cell: (row) => <At at={row.due_at} /> },
  { id: 'job', head: t.job, breaks: true, cell: (row) => <><Link to="/jobs/$id" params={{ id: row.job_id }}><span className="mono">{row.job_id}</span></Link> <span className="muted">{row.schedule}</span></> },
  { id: 'outcome', head: t.outcome, cell: (row) => t.outcomes[row.outcome] ?? row.outcome },
  { id: 'cause', head: t.cause, breaks: true, cell: (row) => row.reason ?? '–' },
]

export function Accuracy() {
  const [hours, setHours] = useState(SPANS[0]!)
  const { data, error, isPending, refetch } = useQuery(query(hours))
  const span = <select aria-label={t.span} value={hours} onChange={(event) => setHours(Number(event.target.value))}>{SPANS.map((each) => <option key={each} value={each}>{t.hours[each]}</option>)}</select>
  return (
    <Panel title={t.title} actions={span}>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && (
        <>
          <Facts>
            <Fact name={t.fires}>{number(data.fires)}</Fact>
            {data.fires > 0 && <Fact name={t.fireLate}>{t.of(took(data.fire.p50), took(data.fire.p95), took(data.fire.max))}</Fact>}
            {data.start.max !== null && <Fact name={t.startLate}>{t.of(took(data.start.p50), took(data.start.p95), took(data.start.max))}</Fact>}
          </Facts>
          {data.fires === 0 ? <p className={css.notes}>{t.none}</p> : <Chart hours={data.hours} />}
          {data.latest.length > 0 && <details className={css.more}><summary>{t.latest}</summary><DataTable label={t.latest} columns={LATEST} rows={data.latest} rowKey={(row) => row.run_id} /></details>}
          {data.lost.length === 0 ? <p className={`${css.notes} muted`}>{t.lostNone}</p> : <details className={css.more} open><summary>{t.lost} ({number(data.lost.length)})</summary><DataTable label={t.lost} columns={LOST} rows={data.lost} rowKey={(row) => `${row.job_id} ${row.schedule} ${row.due_at}`} /></details>}
          {data.truncated && <p className={`${css.notes} muted`}>{t.truncated}</p>}
        </>
      )}
    </Panel>
  )
}

const HEIGHT = 64
const WIDTH = 720

/** One bar for each hour. Drawn with attributes only: the page forbids styles of its own making. */
function Chart({ hours }: { hours: Hour[] }) {
  const top = Math.max(1, ...hours.map((hour) => hour.start.p95 ?? 0))
  const step = WIDTH / hours.length
  const label = (hour: Hour) => t.bar(shortInstant(Date.parse(hour.at)), hour.fires, took(hour.start.p95), hour.lost)
  return (
    <figure className={css.chart}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 8}`} role="img" aria-label={t.chart(hours.length)} preserveAspectRatio="none">
        {hours.map((hour, i) => {
          const tall = hour.start.p95 === null ? 0 : Math.max(1, (hour.start.p95 / top) * HEIGHT)
          return (
            <g key={hour.at}>
              <title>{label(hour)}</title>
              <rect className={css.ground} x={i * step} y={0} width={step} height={HEIGHT + 8} />
              <rect className={css.bar} x={i * step + step * 0.1} y={HEIGHT - tall} width={step * 0.8} height={tall} />
              {hour.lost > 0 && <rect className={css.lostMark} x={i * step + step * 0.1} y={HEIGHT + 3} width={step * 0.8} height={5} />}
            </g>
          )
        })}
      </svg>
      <figcaption className={`${ui.lead} muted`}>{t.legend} {t.most}: {took(top)}</figcaption>
    </figure>
  )
}
