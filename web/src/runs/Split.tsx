/** Steps and log side by side, with a bar between them that can be dragged or moved with the arrow keys; remembered. */
import { useRef, useState, type ReactNode } from 'react'
import css from './runs.module.css'
import { t } from './words'

const KEY = 'nomaflow.split'
const [LEAST, MOST, USUAL] = [20, 75, 42]

function stored(): number {
  try {
    const value = Number(localStorage.getItem(KEY))
    return value >= LEAST && value <= MOST ? value : USUAL
  } catch {
    return USUAL
  }
}

/** `only`: the right side has all the room. */
export function Split({ left, right, only = false }: { left: ReactNode; right: ReactNode; only?: boolean }) {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(stored)
  const set = (value: number) => {
    const next = Math.min(MOST, Math.max(LEAST, Math.round(value)))
    setWidth(next)
    try {
      localStorage.setItem(KEY, String(next))
    } catch {
      // It then lasts as long as the page.
    }
  }
  const drag = (event: React.PointerEvent) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
    const { left: from, width: all } = box.current!.getBoundingClientRect()
    set(((event.clientX - from) / all) * 100)
  }
  return (
    <div ref={box} className={css.split} data-only={only} style={{ '--split': `${width}%` } as React.CSSProperties}>
      <div className={css.left}>{left}</div>
      <div
        className={css.divider}
        role="separator"
        aria-orientation="vertical"
        aria-label={t.split}
        aria-valuenow={width}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        tabIndex={0}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onDoubleClick={() => set(USUAL)}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key]
          if (by === undefined) return
          event.preventDefault()
          set(width + by)
        }}
      />
      {right}
    </div>
  )
}
