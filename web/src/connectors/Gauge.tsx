/** How far a pool is used: a bar and the same in words. */
import css from './connectors.module.css'
import { isFull, type Pool } from './connectors'
import { e } from './editWords'
import { t } from './words'

export function Gauge({ pool, advice = false }: { pool: Pool; advice?: boolean }) {
  const full = isFull(pool)
  return (
    <span className={css.gauge} title={t.gaugeHint} data-full={full || undefined}>
      <meter aria-label={t.gauge(pool.name)} min={0} max={pool.size} high={pool.size - 0.5} optimum={0} value={pool.in_use} />
      <span className={full ? css.bad : 'muted'}>{t.inUse(pool.in_use, pool.size)}{pool.waiting > 0 && `, ${e.waitingNow(pool.waiting)}`}</span>
      {full && advice && <span role="status">{t.full} <span className="muted">{t.fullHint}</span></span>}
    </span>
  )
}
