/**
 * One day or a week as a grid of hours. Each day is a list in the order of time, drawn where its things stand: those who
 * cannot see the grid read the same as in the agenda.
 */
import type { CSSProperties } from 'react'
import type { Maintenance } from '../api/client'
import ui from '../ui/ui.module.css'
import { Clocks } from './Agenda'
import type { Day, Item } from './calendar'
import { stretches, timeOf } from './holds'
import { blocks, hourLabels, minuteOf, type Block } from './layout'
import { Mark, Sign } from './Mark'
import css from './grid.module.css'
import { useDraw, type Drawing } from './useDraw'
import { t } from './words'
import { dateName, hourMinute } from './zone'

interface Props {
  days: Day[]
  zone: string
  now: number
  /** Most things side by side. */
  lanes: number
  open: (item: Item) => void
  showDay: (date: string) => void
  windows: Maintenance[]
  openWindow: (window: Maintenance) => void
  /** Somebody who may drew a stretch, in minutes of the axis. */
  onDrawn?: ((drawing: Drawing) => void) | undefined
}

const HOURS = Array.from({ length: 24 }, (_, i) => `${String(i).padStart(2, '0')}:00`)
const vars = (values: Record<string, number>) => Object.fromEntries(Object.entries(values).map(([name, value]) => [`--${name}`, value])) as CSSProperties

export function Grid({ days, zone, now, lanes, open, showDay, windows, openWindow, onDrawn }: Props) {
  const single = days.length === 1
  // A week has the hours of the clock on the wall, so that all its days line up; a single day has the hours that go by.
  const axis = single ? 'elapsed' : 'wall'
  const hours = single ? hourLabels(days[0]!, zone) : HOURS
  const { drawing, handlers } = useDraw(hours.length * 60, onDrawn)
  return (
    <div className={css.grid} data-view={single ? 'day' : 'week'} style={vars({ hours: hours.length, days: days.length })}>
      <div className={css.hours} aria-hidden="true">{hours.map((hour, i) => <span key={i}>{hour}</span>)}</div>
      {days.map((day) => {
        const isToday = now >= day.start && now < day.end
        const { blocks: placed, rests } = blocks(day, zone, axis, lanes)
        return (
          <section key={day.date} className={css.column} aria-label={dateName(day.date, 'day')} data-day={day.date} data-today={isToday}>
            <h2>
              {single ? dateName(day.date, 'day') : <button type="button" className={ui.linkButton} aria-label={t.dayOf(dateName(day.date, 'day'))} onClick={() => showDay(day.date)}>{dateName(day.date, 'day')}</button>}
              {isToday && <span className={ui.tag}>{t.today}</span>}
              <Clocks day={day} />
            </h2>
            <ol className={css.hourLines} data-drawable={onDrawn !== undefined} {...handlers(day.date)}>
              {stretches(windows, day, zone, axis).map(({ window, top, minutes }) => (
                <li key={`window ${window.id}`} className={css.window} data-state={window.state} style={vars({ top, minutes })}>
                  <Held window={window} open={openWindow} />
                </li>
              ))}
              {drawing?.date === day.date && <li className={css.drawing} aria-hidden="true" style={vars({ top: drawing.top, minutes: drawing.bottom - drawing.top })}>{timeOf(drawing.top)} – {timeOf(drawing.bottom)}</li>}
              {placed.map((block) => <Drawn key={block.item.key} block={block} zone={zone} open={open} />)}
              {rests.map((rest) => (
                <li key={`rest ${rest.top}`} className={css.rest} style={vars({ top: rest.top })}>
                  <button type="button" aria-label={t.moreOf(rest.items.length, hourMinute(rest.items[0]!.at, zone))} title={rest.items.map((item) => `${hourMinute(item.at, zone)} ${item.job}`).join('\n')} onClick={() => showDay(day.date)}>{t.more(rest.items.length)}</button>
                </li>
              ))}
              {isToday && <li className={css.nowLine} aria-hidden="true" style={vars({ top: minuteOf(day, now, zone, axis) })}><span>{t.now}</span></li>}
            </ol>
          </section>
        )
      })}
    </div>
  )
}

function Drawn({ block, zone, open }: { block: Block; zone: string; open: (item: Item) => void }) {
  const { item } = block
  return (
    <li className={css.block} data-crowded={block.isCrowded || undefined} style={vars({ top: block.top, minutes: block.minutes, lane: block.lane, lanes: block.lanes, usual: block.usual })}>
      <Mark isShort item={item} zone={zone} open={open} className={`${css.mark} ${item.kind === 'run' ? ui[item.status] : ''}`}>
        <Sign item={item} /><time>{hourMinute(item.at, zone)}</time> <span className="mono">{item.job}</span>
      </Mark>
    </li>
  )
}

/** What holds schedules back, in words; nothing is left to be done about one that is over. */
function Held({ window, open }: { window: Maintenance; open: (window: Maintenance) => void }) {
  const words = window.reason ? `${t.maintenance}: ${window.reason}` : t.maintenance
  return window.state === 'over' ? <span title={words}>{words}</span> : <button type="button" title={words} onClick={() => open(window)}>{words}</button>
}
