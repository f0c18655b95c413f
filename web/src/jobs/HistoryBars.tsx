/** The last runs of a job as bars: their height says how long, a notch and the full height that it failed. */
import { useNavigate } from '@tanstack/react-router'
import { memo } from 'react'
import ui from '../ui/ui.module.css'
import { BARS, heightClass, type HistoryBar } from './history'
import css from './history.module.css'
import { t } from './words'

const WIDTH = 5
const STEP = 7
const HEIGHTS = [0, 5, 8, 11, 14]
const TALL = 16

export const HistoryBars = memo(function HistoryBars({ job, bars, medianMs }: { job: string; bars: HistoryBar[]; medianMs: number | null }) {
  const navigate = useNavigate()
  if (bars.length === 0) return null
  const ok = bars.filter((bar) => bar.status === 'SUCCEEDED').length
  const failed = bars.filter((bar) => bar.status === 'FAILED').length
  const open = (event: React.MouseEvent<SVGElement>) => {
    const id = (event.target as SVGElement).dataset.run
    if (id) void navigate({ to: '/runs/$id', params: { id } })
  }
  return (
    <svg className={css.bars} width={bars.length * STEP} height={TALL} viewBox={`0 0 ${bars.length * STEP} ${TALL}`} role="img" aria-label={t.historyOf(job, bars.length, ok, failed)} data-bars={Math.min(BARS, bars.length)} onClick={open}>
      {bars.map((bar, i) => {
        const isFailed = bar.status === 'FAILED'
        const height = isFailed ? TALL : HEIGHTS[heightClass(bar.ms, medianMs)]!
        const x = i * STEP
        return (
          <g key={bar.id} className={ui[bar.status]}>
            <rect className={css.bar} x={x} y={TALL - height} width={WIDTH} height={height} rx="1" data-run={bar.id} />
            {isFailed && <path className={css.notch} d={`M${x} 4 L${x + WIDTH} 9 V6 L${x} 1Z`} data-run={bar.id} />}
            {bar.status === 'CANCELED' && <path className={css.notch} d={`M${x} ${TALL - 4} h${WIDTH} v2 h-${WIDTH}Z`} data-run={bar.id} />}
          </g>
        )
      })}
    </svg>
  )
})
