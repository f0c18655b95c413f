/** The steps of a run: one list that reads without the bars, and bars that show when each attempt ran. */
import { useRef } from 'react'
import { t } from './words'
import { Glyph } from '../ui/Status'
import { clock, duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import css from './runs.module.css'
import { SCALE, type Bar, type Row, type Timeline as Geometry } from './timeline'

/** Widths on the scale of the bars below which nothing could be seen. */
const THINNEST = 8
const DOT = 20

interface Props {
  geometry: Geometry
  selected: number | null
  /** Whether the axis tells how long after the start, or the time of day. */
  axis: 'elapsed' | 'clock'
  onSelect: (index: number | null) => void
}

/** One tab stop; the arrow keys move between the steps, Enter opens one. */
export function Timeline({ geometry, selected, axis, onSelect }: Props) {
  const list = useRef<HTMLDivElement>(null)
  const { rows, spanMs, beginMs } = geometry
  const stop = rows.some((row) => row.index === selected) ? selected : rows[0]?.index
  const onKey = (event: React.KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])]
    buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + by]?.focus()
  }
  return (
    <div ref={list} className={css.timeline} role="group" aria-label={t.timeline} onKeyDown={onKey}>
      <div className={`${css.row} ${css.axis}`} aria-hidden="true">
        <span />
        <span>{t.step}</span>
        <span className={css.ticks}>{[0, 0.5, 1].map((part) => <span key={part}>{axis === 'clock' ? clock(beginMs + spanMs * part) : duration(spanMs * part)}</span>)}</span>
        <span className={css.time}>{t.timeCol}</span>
      </div>
      {rows.map((row) => (
        <StepRow key={row.index} row={row} tabIndex={row.index === stop ? 0 : -1} selected={row.index === selected} onSelect={onSelect} />
      ))}
    </div>
  )
}

function StepRow({ row, tabIndex, selected, onSelect }: { row: Row; tabIndex: number; selected: boolean; onSelect: Props['onSelect'] }) {
  const name = row.name || t.unnamed(row.index + 1)
  const time = row.elapsedMs === null ? '' : duration(row.elapsedMs)
  return (
    <button
      type="button"
      className={css.row}
      tabIndex={tabIndex}
      aria-expanded={selected}
      data-step={row.name}
      data-status={row.status}
      onClick={() => onSelect(selected ? null : row.index)}
    >
      <span><Glyph status={row.status} /><span className="unseen">{row.status}</span></span>
      <span className={css.name} title={row.type ? `${name} · ${row.type}` : name}>
        <span className="mono">{name}</span>
        {row.attempts.length > 1 && <span className={ui.tag}>{t.attempts(row.attempts.length)}</span>}
      </span>
      {row.reason && (row.bars.length === 0 || row.status === 'SKIPPED') ? <span className={css.reason}>{row.reason}</span> : <Bars bars={row.bars} />}
      <span className={css.time}>{time || (row.status === 'RUNNING' ? '' : '–')}</span>
    </button>
  )
}

function Bars({ bars }: { bars: Bar[] }) {
  return (
    <svg className={css.bars} viewBox={`0 0 ${SCALE} 12`} preserveAspectRatio="none" aria-hidden="true">
      {bars.slice(1).map((bar, i) => {
        const before = bars[i]!
        return <line key={bar.attempt} className={css.gap} x1={before.x + before.width} x2={bar.x} y1="6" y2="6"><title>{t.waitFor(duration(bar.startMs - before.endMs))}</title></line>
      })}
      {bars.map((bar, i) => (
        <rect
          key={bar.attempt}
          className={`${css.bar} ${ui[bar.status]} ${bar.status === 'RUNNING' ? css.growing : ''} ${i < bars.length - 1 ? css.earlier : ''}`}
          x={Math.min(bar.x, SCALE - (bar.width === 0 ? DOT : THINNEST))}
          width={bar.width === 0 ? DOT : Math.max(THINNEST, bar.width)}
          y={bar.width === 0 ? 3 : 1}
          height={bar.width === 0 ? 6 : 10}
          rx="2"
        />
      ))}
    </svg>
  )
}
