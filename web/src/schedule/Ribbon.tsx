/** How many jobs are at work in each quarter of an hour, and where most meet: the place to look for room. */
import { Link } from '@tanstack/react-router'
import { Dialog } from '../ui/Dialog'
import { Panel } from '../ui/parts'
import ui from '../ui/ui.module.css'
import { peaks, type Quarter } from './layout'
import css from './schedule.module.css'
import { t } from './words'
import { dateName, hourMinute, localIn } from './zone'

const HEIGHT = 40

/** `Mon 23 Nov 02:00`. */
const when = (at: number, zone: string) => `${dateName(localIn(at, zone).date, 'day')} ${hourMinute(at, zone)}`

/** `limit`: how many connections the pool of the chosen connector has. */
export function Ribbon({ quarters, now, zone, limit, onPeak }: { quarters: Quarter[]; now: number; zone: string; limit: number | null; onPeak: (quarter: Quarter) => void }) {
  const most = Math.max(4, limit ?? 0, ...quarters.map((quarter) => quarter.jobs.length))
  const busiest = peaks(quarters, now, 3)
  const at = quarters.findIndex((quarter) => quarter.at + 15 * 60_000 > now)
  const y = (n: number) => HEIGHT - (n / most) * (HEIGHT - 2)
  return (
    <Panel>
      <div className={css.ribbon}>
        <div>
          <strong>{t.load}</strong>
          {limit !== null && <span className={css.limitWord}> {t.limit(limit)}</span>}
        </div>
        <svg viewBox={`0 0 ${quarters.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {quarters.map(({ jobs, at: start }, i) => jobs.length > 0 && (
            <rect key={start} x={i} width="1" y={y(jobs.length)} height={HEIGHT - y(jobs.length)} className={limit !== null && jobs.length > limit ? css.over : start < now ? css.pastLoad : css.load}>
              <title>{`${t.loadAt(when(start, zone), jobs.length)}\n${jobs.slice(0, 20).join('\n')}`}</title>
            </rect>
          ))}
          {limit !== null && <line x1="0" x2={quarters.length} y1={y(limit)} y2={y(limit)} className={css.limit} />}
          {at > 0 && <line x1={at} x2={at} y1="0" y2={HEIGHT} className={css.nowMark} />}
        </svg>
        {busiest.length > 0 && (
          <div className={css.busiest}>
            <span className="muted">{t.busiest}</span>
            {busiest.map((quarter) => (
              <button key={quarter.at} type="button" className={ui.linkButton} onClick={() => onPeak(quarter)}>{when(quarter.at, zone)} · {t.together(quarter.jobs.length)}</button>
            ))}
          </div>
        )}
      </div>
    </Panel>
  )
}

export function PeakDialog({ quarter, zone, close }: { quarter: Quarter; zone: string; close: () => void }) {
  return (
    <Dialog title={t.peak(when(quarter.at, zone))} close={close} size="small">
      <ul className={css.peak}>
        {quarter.jobs.map((job) => <li key={job}><Link to="/jobs/$id" params={{ id: job }} search={{ tab: 'schedules' }} className="mono">{job}</Link></li>)}
      </ul>
    </Dialog>
  )
}
