/** The calendar as a list: every day with what ran, what is to come and what fell through in it. */
import { Link } from '@tanstack/react-router'
import { Fragment, useState } from 'react'
import { Badge } from '../ui/Status'
import { duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import type { Day, Item } from './calendar'
import { Mark, Sign } from './Mark'
import css from './schedule.module.css'
import { t } from './words'
import { dateName, hourMinute } from './zone'

export function Agenda({ days, zone, now, open }: { days: Day[]; zone: string; now: number; open: (item: Item) => void }) {
  return (
    <div className={css.agenda}>
      {days.map((day) => <AgendaDay key={day.date} day={day} zone={zone} now={now} open={open} />)}
    </div>
  )
}

/** So many entries of a day at once, and so many of them before the present. */
const FIRST = 100
const PAST = 20

function AgendaDay({ day, zone, now, open }: { day: Day; zone: string; now: number; open: (item: Item) => void }) {
  const isToday = now >= day.start && now < day.end
  // The line of the present stands before the first thing that is to come.
  const present = isToday ? day.items.findIndex((item) => item.at >= now) : -1
  const [all, setAll] = useState(day.items.length <= FIRST)
  const begin = all ? 0 : Math.max(0, (present < 0 && isToday ? day.items.length : present) - PAST)
  const items = all ? day.items : day.items.slice(begin, begin + FIRST)
  const next = present < 0 ? -1 : present - begin
  const line = <li className={css.nowRow} aria-hidden="true"><span>{t.now} {hourMinute(Math.floor(now / 60_000) * 60_000, zone)}</span></li>
  return (
    <section className={ui.panel} aria-label={dateName(day.date, 'day')} data-day={day.date}>
      <h2>
        <Link to="/schedule" search={(old) => ({ ...old, view: 'day', at: day.date })} aria-label={t.dayOf(dateName(day.date, 'day'))}>{dateName(day.date, 'day')}</Link>
        {isToday && <span className={ui.tag}>{t.today}</span>}
        <Clocks day={day} />
        {day.items.length === 0 && <span className="muted">{t.none}</span>}
        {items.length < day.items.length && <button type="button" className={ui.linkButton} onClick={() => setAll(true)}>{t.showAll(day.items.length)}</button>}
      </h2>
      {(day.items.length > 0 || isToday) && (
        <ol className={css.entries}>
          {items.map((item, i) => (
            <Fragment key={item.key}>
              {i === next && line}
              <li>
                <Mark item={item} zone={zone} open={open} className={css.entry}>
                  <time className="mono">{hourMinute(item.at, zone)}</time>
                  <Sign item={item} />
                  <span className={`mono ${css.entryJob}`}>{item.job}{item.schedule !== null && item.schedule !== 'default' && <span className="muted"> {item.schedule}</span>}</span>
                  <What item={item} />
                </Mark>
              </li>
            </Fragment>
          ))}
          {isToday && next < 0 && line}
        </ol>
      )}
    </section>
  )
}

/** What happened, or will. */
export function What({ item }: { item: Item }) {
  switch (item.kind) {
    case 'run':
      return <><Badge status={item.status} /><span className="muted">{item.status === 'RUNNING' || item.status === 'QUEUED' ? '' : duration(item.until - item.at)}</span></>
    case 'fire':
      return <><span className={css.word}>{item.enabled ? t.planned : t.off}</span><span className="muted">{item.isKnown ? t.usually(duration(item.until - item.at)) : t.unknown}</span></>
    case 'lost':
      return <><span className={css.word}>{t.outcomes[item.outcome] ?? item.outcome}</span><span className="muted">{item.reason}</span></>
  }
}

/** Says that the clocks change on a day. */
export function Clocks({ day }: { day: Day }) {
  const hours = (day.end - day.start) / 3_600_000
  return hours === 24 ? null : <span className={css.clocks} data-hours={hours}>{t.dayHours(hours)}</span>
}
