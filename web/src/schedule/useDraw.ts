/** Drawing a stretch of time in a day of the grid with the pointer: in quarters of an hour, from where it goes down to where it goes up. */
import { useRef, useState, type PointerEvent } from 'react'

const STEP = 15
/** A shorter way is a click. */
const LEAST_PX = 6

export interface Drawing {
  date: string
  top: number
  bottom: number
}

interface Drag {
  date: string
  box: DOMRect
  y: number
  id: number
}

const clamp = (value: number, most: number) => Math.min(Math.max(0, value), most)

/** The stretch between two heights of a box that stands for so many minutes, in whole quarters. */
export function between(a: number, b: number, height: number, minutes: number): { top: number; bottom: number } {
  const at = (y: number) => (clamp(y, height) / height) * minutes
  const [first, last] = a < b ? [at(a), at(b)] : [at(b), at(a)]
  const top = Math.floor(first / STEP) * STEP
  return { top, bottom: Math.max(top + STEP, Math.ceil(last / STEP) * STEP) }
}

export function useDraw(minutes: number, onDrawn: ((drawing: Drawing) => void) | undefined) {
  const drag = useRef<Drag | null>(null)
  const [drawing, setDrawing] = useState<Drawing | null>(null)
  const stop = () => {
    drag.current = null
    setDrawing(null)
  }
  const handlers = (date: string) => onDrawn === undefined ? {} : {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      // Touch scrolls; what is drawn already is pressed.
      if (event.button !== 0 || event.pointerType === 'touch' || event.target !== event.currentTarget) return
      event.preventDefault()
      const box = event.currentTarget.getBoundingClientRect()
      event.currentTarget.setPointerCapture(event.pointerId)
      drag.current = { date, box, y: event.clientY, id: event.pointerId }
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const from = drag.current
      if (!from || from.id !== event.pointerId || Math.abs(event.clientY - from.y) < LEAST_PX) return
      setDrawing({ date, ...between(from.y - from.box.top, event.clientY - from.box.top, from.box.height, minutes) })
    },
    onPointerUp: () => {
      if (drawing) onDrawn(drawing)
      stop()
    },
    onPointerCancel: stop,
  }
  return { drawing, handlers }
}
