/** A month as counts: what ran and how, what is to come, what fell through. */
import { Link } from '@tanstack/react-router'
import { CircleDashed, CircleSlash } from 'lucide-react'
import type { RunStatus } from '../api/types'
import { number } from '../i18n'
import { Glyph } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { Clocks } from './Agenda'
import { countsOf, type Calendar, type Choice, type Day } from './calendar'
import css from './grid.module.css'
import { t } from './words'
import { dateName } from './zone'

export function Month({ calendar, days, choice, month, now }: { calendar: Calendar; days: Day[]; choice: Choice; month: string; now: number }) {
  const counts = countsOf(calendar, days, choice)
  return (
    <ol className={css.month}>
      {days.map((day, i) => {
        const { runs, planned, lost } = counts[i]!
        const isToday = now >= day.start && now < day.end
        return (
          <li key={day.date} className={css.cell} data-day={day.date} data-other={!day.date.startsWith(month) || undefined} data-today={isToday || undefined}>
            <Link to="/schedule" search={(old) => ({ ...old, view: 'day', at: day.date })} aria-label={t.dayOf(dateName(day.date, 'day'))} aria-current={isToday ? 'date' : undefined}>
              <span className="muted">{dateName(day.date, 'weekday')}</span> {dateName(day.date, 'number')}
            </Link>
            {isToday && <span className={`${ui.tag} ${css.today}`}>{t.today}</span>}
            <Clocks day={day} />
            <ul>
              {(Object.entries(runs) as [RunStatus, number][]).map(([status, n]) => <li key={status}><Glyph status={status} /> {number(n)}<span className={css.small}> {status}</span></li>)}
              {lost > 0 && <li><CircleSlash size={12} aria-hidden /> {number(lost)}<span className={css.small}> {t.lost}</span></li>}
              {planned > 0 && <li><CircleDashed size={12} aria-hidden /> {number(planned)}<span className={css.small}> {t.planned}</span></li>}
            </ul>
          </li>
        )
      })}
    </ol>
  )
}
