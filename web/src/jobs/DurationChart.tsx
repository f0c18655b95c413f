/**
 * How long the last 200 runs took, with their median and the line above which an alert is raised; what took twice as long
 * as the median is labelled. A click opens the run; those that are labelled are links too.
 */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { queries } from '../api/queries'
import { Panel } from '../ui/parts'
import { duration, everyZone, shortInstant, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { outliers } from './history'
import css from './job.module.css'
import { t } from './jobWords'

const WIDTH = 1000
const HEIGHT = 120
const TOP = 16
const LABELS = 3

export function DurationChart({ job, alertMinutes }: { job: string; alertMinutes: number | null }) {
  const navigate = useNavigate()
  const { data } = useQuery(queries.stats(job))
  const points = (data?.runs ?? []).flatMap((run) => (run.seconds === null ? [] : [{ ...run, seconds: run.seconds }]))
  if (!data || points.length < 2) return null
  const median = data.median_seconds
  const far = outliers(points, median)
  const longest = Math.max(...points.map((run) => run.seconds), 0.001)
  const alert = alertMinutes === null ? null : alertMinutes * 60
  // A line far above everything would press the bars flat: it is then said in words only.
  const top = alert !== null && alert <= longest * 3 ? Math.max(longest, alert) : longest
  const y = (seconds: number) => HEIGHT - Math.max(2, (seconds / top) * (HEIGHT - TOP))
  const step = Math.min(22, WIDTH / points.length)
  const width = Math.max(step * points.length, 320)
  const say = (seconds: number) => duration(seconds * 1000)
  const open = (event: React.MouseEvent) => {
    const id = (event.target as SVGElement).dataset.run
    if (id) void navigate({ to: '/runs/$id', params: { id } })
  }
  return (
    <Panel title={<>{t.chart} <span className="muted">{points.length}</span></>}>
      <svg className={css.chart} viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="xMinYMax meet" role="img" aria-label={t.chartText(points.length, median === null ? '–' : say(median))} data-chart={points.length} onClick={open}>
        {points.map((run, i) => (
          <g key={run.id} className={ui[run.status]}>
            <rect className={css.chartBar} x={i * step + step * 0.08} width={Math.max(1.5, step * 0.84)} y={y(run.seconds)} height={HEIGHT - y(run.seconds)} rx={Math.min(1.5, step / 6)} data-run={run.id}>
              <title>{`${run.status} · ${say(run.seconds)}\n${everyZone(toMillis(run.queued_at) ?? 0)}`}</title>
            </rect>
            {far.slice(0, LABELS).includes(run) && <text className={css.chartText} textAnchor={i > points.length / 2 ? 'end' : 'start'} x={i > points.length / 2 ? (i + 1) * step : i * step} y={y(run.seconds) - 4}>{say(run.seconds)}</text>}
          </g>
        ))}
        {median !== null && <line className={css.median} data-median x1="0" x2={width} y1={y(median)} y2={y(median)} />}
        {alert !== null && alert <= top && <line className={css.alertLine} data-alert x1="0" x2={width} y1={y(alert)} y2={y(alert)} />}
      </svg>
      <p className={css.chartFacts}>
        {median !== null && <span><i className={css.medianKey} aria-hidden="true" /> {t.median} {say(median)}</span>}
        {data.p95_seconds !== null && <span>p95 {say(data.p95_seconds)}</span>}
        <span>{t.longest} {say(longest)}</span>
        {alertMinutes !== null && <span><i className={css.alertKey} aria-hidden="true" /> {t.threshold(alertMinutes)}</span>}
        {far.length > 0 && <span>{t.outliers(far.length)}: {far.slice(0, LABELS).map((run, i) => <span key={run.id}>{i > 0 && ', '}<Link to="/runs/$id" params={{ id: run.id }}>{say(run.seconds)} · {shortInstant(toMillis(run.queued_at) ?? 0)}</Link></span>)}</span>}
      </p>
    </Panel>
  )
}
