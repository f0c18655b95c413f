/** How long the last runs took, with their median; what took twice as long is labelled. A click opens the run. */
import { useNavigate } from '@tanstack/react-router'
import type { RunSummary } from '../api/types'
import { Panel } from '../ui/parts'
import { duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import { length, median } from './history'
import css from './job.module.css'
import { t } from './jobWords'

const WIDTH = 1000
const HEIGHT = 120
const LABELS = 3

export function DurationChart({ runs }: { runs: RunSummary[] }) {
  const navigate = useNavigate()
  const points = runs.toReversed().flatMap((run) => {
    const ms = length(run)
    return ms === null ? [] : [{ run, ms }]
  })
  if (points.length < 2) return null
  const middle = median(points.filter(({ run }) => run.status === 'SUCCEEDED').map(({ ms }) => ms))
  const longest = Math.max(...points.map(({ ms }) => ms), 1)
  const y = (ms: number) => HEIGHT - Math.max(2, (ms / longest) * (HEIGHT - 18))
  const step = Math.min(28, WIDTH / points.length)
  const outliers = new Set(middle === null ? [] : points.filter(({ ms }) => ms > middle * 2).sort((a, b) => b.ms - a.ms).slice(0, LABELS).map(({ run }) => run.id))
  const open = (event: React.MouseEvent) => {
    const id = (event.target as SVGElement).dataset.run
    if (id) void navigate({ to: '/runs/$id', params: { id } })
  }
  return (
    <Panel title={t.chart} actions={middle !== null && <span className="muted">{t.median} {duration(middle)} · {t.longest} {duration(longest)}</span>}>
      <svg className={css.chart} viewBox={`0 0 ${Math.max(step * points.length, 280)} ${HEIGHT}`} preserveAspectRatio="xMinYMax meet" role="img" aria-label={t.chartText(points.length, middle === null ? '–' : duration(middle))} onClick={open}>
        {points.map(({ run, ms }, i) => (
          <g key={run.id} className={ui[run.status]}>
            <rect className={css.chartBar} x={i * step + 1} width={Math.max(2, step - 2)} y={y(ms)} height={HEIGHT - y(ms)} rx="1.5" data-run={run.id}>
              <title>{`${run.status} · ${duration(ms)}`}</title>
            </rect>
            {outliers.has(run.id) && <text className={css.chartText} x={i * step} y={y(ms) - 4}>{duration(ms)}</text>}
          </g>
        ))}
        {middle !== null && <line className={css.median} x1="0" x2={Math.max(step * points.length, 280)} y1={y(middle)} y2={y(middle)} />}
      </svg>
    </Panel>
  )
}
