/**
 * The steps of a run: one list that reads without the bars, and bars that show when each attempt ran. Dragging over the
 * bars zooms, a double click or `0` shows the whole again; long stretches in which nothing ran are folded to a mark.
 */
import { useRef, useState } from 'react'
import { count } from '../i18n'
import { Glyph } from '../ui/Status'
import { clock, duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import type { Axis } from './axis'
import css from './timeline.module.css'
import { SCALE, type Bar, type Row, type Timeline as Geometry, type Wait } from './timeline'
import { isSlow, times } from './usual'
import { t } from './words'

/** Widths on the scale of the bars below which nothing could be seen. */
const THINNEST = 8
const DOT = 20
/** A back-off narrower than this has no room for its length. */
const LABEL = 90
/** A drag shorter than this, in pixels, is a click. */
const CLICK = 8

interface Props {
  geometry: Geometry
  /** The usual length of each step, in milliseconds. */
  usual: ReadonlyMap<string, number>
  selected: number | null
  /** Whether the axis tells how long after the start, or the time of day. */
  axis: 'elapsed' | 'clock'
  isZoomed: boolean
  onZoom: (zoom: [number, number] | null) => void
  onSelect: (index: number | null) => void
}

interface Drag {
  /** In pixels of the window. */
  from: number
  to: number
  left: number
  width: number
}

/** One tab stop; the arrow keys move between the steps, Enter opens one. */
export function Timeline({ geometry, usual, selected, axis, isZoomed, onZoom, onSelect }: Props) {
  const list = useRef<HTMLDivElement>(null)
  const [drag, setDrag] = useState<Drag | null>(null)
  const wasDrag = useRef(false)
  const { rows, beginMs } = geometry
  const stop = rows.some((row) => row.index === selected) ? selected : rows[0]?.index
  const onKey = (event: React.KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])]
    buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + by]?.focus()
  }
  const begin = (event: React.PointerEvent) => {
    wasDrag.current = false
    const bars = (event.target as Element).closest('[data-bars]')
    if (!bars || event.button !== 0 || event.pointerType === 'touch') return
    const { left, width } = bars.getBoundingClientRect()
    setDrag({ from: event.clientX, to: event.clientX, left, width })
  }
  const end = () => {
    if (drag && Math.abs(drag.to - drag.from) > CLICK) {
      wasDrag.current = true
      const at = (x: number) => geometry.axis.at(Math.min(SCALE, Math.max(0, ((x - drag.left) / drag.width) * SCALE)))
      onZoom([at(Math.min(drag.from, drag.to)), at(Math.max(drag.from, drag.to))])
    }
    setDrag(null)
  }
  const tick = (part: number) => {
    const ms = geometry.axis.at(SCALE * part)
    return axis === 'clock' ? clock(ms) : ms < beginMs ? `−${duration(beginMs - ms)}` : duration(ms - beginMs)
  }
  const box = list.current?.getBoundingClientRect()
  return (
    <div
      ref={list}
      className={css.timeline}
      role="group"
      aria-label={t.timeline}
      data-zoomed={isZoomed}
      onKeyDown={onKey}
      onPointerDown={begin}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: event.clientX })}
      onPointerUp={end}
      onPointerLeave={() => setDrag(null)}
      onClickCapture={(event) => {
        // The end of a drag is no choice of a step.
        if (wasDrag.current) event.stopPropagation()
        wasDrag.current = false
      }}
      onDoubleClick={() => onZoom(null)}
    >
      <div className={`${css.row} ${css.axis}`} aria-hidden="true">
        <span />
        <span>{t.step}</span>
        <span className={css.ticks}>
          {[0, 0.5, 1].map((part) => <span key={part}>{tick(part)}</span>)}
          {geometry.axis.folds.map((fold) => <span key={fold.x} className={css.folded} style={{ left: `${((fold.x + fold.width / 2) / SCALE) * 100}%` }} title={t.folded(duration(fold.ms))}>{'//'} {duration(fold.ms)} {'//'}</span>)}
        </span>
        <span className={css.time}>{t.timeCol}</span>
        <span className={css.count}>{t.rows}</span>
      </div>
      {rows.map((row) => (
        <StepRow key={row.index} row={row} axis={geometry.axis} usualMs={usual.get(row.name) ?? null} tabIndex={row.index === stop ? 0 : -1} selected={row.index === selected} onSelect={onSelect} />
      ))}
      {drag && box && Math.abs(drag.to - drag.from) > CLICK && <div className={css.zooming} style={{ left: Math.max(drag.left, Math.min(drag.from, drag.to)) - box.left, width: Math.min(drag.left + drag.width, Math.max(drag.from, drag.to)) - Math.max(drag.left, Math.min(drag.from, drag.to)) }} />}
    </div>
  )
}

interface RowProps {
  row: Row
  axis: Axis
  usualMs: number | null
  tabIndex: number
  selected: boolean
  onSelect: Props['onSelect']
}

function StepRow({ row, axis, usualMs, tabIndex, selected, onSelect }: RowProps) {
  const name = row.name || t.unnamed(row.index + 1)
  const time = row.elapsedMs === null ? '' : duration(row.elapsedMs)
  const slow = isSlow(row.elapsedMs, usualMs)
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
        <span className={css.what}>
          <span className="muted">{row.index + 1}</span> <span className="mono">{name}</span> {row.type && <small className={css.type}>{row.type}</small>}
        </span>
        {row.attempts.length > 1 && <span className={ui.tag}>{t.attempts(row.attempts.length)}</span>}
        {slow && <span className={css.slow} data-slow title={t.usual(duration(usualMs!))}>{t.slow(times(row.elapsedMs!, usualMs!))}</span>}
      </span>
      {row.reason && (row.bars.length === 0 || row.status === 'SKIPPED') ? <span className={css.reason}>{row.reason}</span> : <Bars bars={row.bars} wait={row.wait} axis={axis} usualMs={usualMs} isPending={row.status === 'PENDING'} />}
      <span className={css.time}>{time || (row.status === 'RUNNING' ? '' : '–')}</span>
      <span className={css.count}>{row.rows !== null && <>{count(row.rows)}<span className="unseen"> {t.rows}</span></>}</span>
    </button>
  )
}

function Bars({ bars, wait, axis, usualMs, isPending }: { bars: Bar[]; wait: Wait | null; axis: Axis; usualMs: number | null; isPending: boolean }) {
  const gaps = bars.slice(1).map((bar, i) => ({ key: bar.attempt, from: bars[i]!.x + bars[i]!.width, to: bar.x, words: duration(bar.startMs - bars[i]!.endMs) }))
  const usualAt = usualMs === null || bars.length === 0 ? null : bars[0]!.startMs + usualMs
  return (
    <span className={css.barBox} data-bars>
      <svg className={css.bars} viewBox={`0 0 ${SCALE} 12`} preserveAspectRatio="none" aria-hidden="true">
        {axis.folds.map((fold) => <rect key={fold.x} className={css.fold} x={fold.x} width={fold.width} y="0" height="12" />)}
        {gaps.map((gap) => <line key={gap.key} className={css.gap} x1={gap.from} x2={gap.to} y1="6" y2="6"><title>{t.waitFor(gap.words)}</title></line>)}
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
        {usualAt !== null && usualAt > axis.beginMs && usualAt < axis.endMs && <line className={css.usual} data-usual x1={axis.place(usualAt)} x2={axis.place(usualAt)} y1="0" y2="12" />}
      </svg>
      {wait && <span className={css.wait} data-wait style={{ left: `${(wait.x / SCALE) * 100}%`, width: `${(wait.width / SCALE) * 100}%` }} title={t.waited(duration(wait.ms))}><span className="unseen">{t.waited(duration(wait.ms))}</span></span>}
      {isPending && bars.length === 0 && !wait && <span className={css.pending} data-pending aria-hidden="true">–</span>}
      {gaps.map((gap) => gap.to - gap.from > LABEL && <span key={gap.key} className={css.waits} style={{ left: `${((gap.from + gap.to) / 2 / SCALE) * 100}%` }}>{gap.words}</span>)}
    </span>
  )
}
