/**
 * Mounts the framework-free parts of the log and reflects their state. Rows are looked at again in every frame with new lines;
 * what stands around them, which React draws, a few times a second.
 */
import { useCallback, useEffect, useRef, useState, type RefObject } from 'react'
import { api } from '../api/client'
import type { LogCounts } from '../api/types'
import { hub } from '../live/hub'
import { storedColumns } from './columns'
import { Rows, type Range } from './selection'
import { Tally, type Levels } from './sections'
import { LogStore } from './store'
import { LogView, type ViewEvents } from './view'
import { t } from './words'

export interface Parts {
  store: LogStore
  rows: Rows
  view: LogView
  tally: Tally
}

export interface LogState {
  version: number
  total: number
  loaded: number
  full: boolean
  /** Lines that pass the filter. */
  shown: number
  failed: unknown
  levels: Levels | null
  /** The number of sections. */
  sections: number
}

export function anchored(): Range | null {
  const found = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash)
  return found ? { from: Number(found[1]) - 1, to: Number(found[2] ?? found[1]) - 1 } : null
}

/** How often the bar over a live log changes. */
const DRAW_MS = 120
/** How long to wait before the server counts again what was missed. */
const COUNT_MS = 1000

interface Wishes {
  runId: string
  total: number
  final: boolean
  host: RefObject<HTMLDivElement | null>
  sticky: RefObject<HTMLButtonElement | null>
  counts: LogCounts | null | undefined
  /** Asks the server to count again. */
  recount: () => void
  on: Pick<ViewEvents, 'follow' | 'select' | 'open' | 'copy' | 'window'> & { grown(total: number): void }
}

export function useLog({ runId, total, final, host, sticky, counts, recount, on }: Wishes) {
  const parts = useRef<Parts | null>(null)
  const atMount = useRef({ final, total })
  // The newest of what the page wants to hear, for parts that are made once.
  const told = useRef({ on, recount, final })
  told.current = { on, recount, final }
  const [state, setState] = useState<LogState>({ version: 0, total, loaded: 0, full: false, shown: 0, failed: null, levels: null, sections: 0 })
  const frame = useRef(0)
  const drawing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const drawnAt = useRef(0)

  const draw = useCallback(() => {
    drawing.current = undefined
    drawnAt.current = performance.now()
    const now = parts.current
    if (!now) return
    const { store, rows, view, tally } = now
    setState((old) => ({
      version: old.version + 1, total: store.total, loaded: rows.filtered ? store.loaded : 0, full: store.isFull, shown: rows.passing, failed: store.failed,
      levels: tally.known ? { ...tally.levels } : null, sections: tally.sections.length,
    }))
    if (view.follow) told.current.on.grown(store.total)
  }, [])

  const reflect = useCallback(() => {
    if (frame.current) return
    frame.current = requestAnimationFrame(() => {
      frame.current = 0
      const now = parts.current
      if (!now) return
      now.rows.setSections(now.tally.sections)
      now.rows.refresh()
      now.view.invalidate()
      const wait = drawnAt.current + DRAW_MS - performance.now()
      if (wait <= 0) draw()
      else drawing.current ??= setTimeout(draw, wait)
    })
  }, [draw])

  useEffect(() => {
    const tally = new Tally()
    const store = new LogStore(async (from, limit, signal) => {
      const page = await api.log(runId, from, limit, signal)
      // The rulers over the first lines come with them, not when the server has counted all.
      tally.add(from, page.lines)
      rows.setSections(tally.sections)
      return page
    })
    const rows: Rows = new Rows(store)
    const anchor = anchored()
    // A finished run is read from its beginning, a live one from its end.
    const view = new LogView(host.current!, sticky.current!, store, rows, !atMount.current.final && !anchor, storedColumns(), {
      follow: (follow) => told.current.on.follow(follow),
      select: (range) => told.current.on.select(range),
      open: (line) => told.current.on.open(line),
      copy: () => told.current.on.copy(),
      window: (first, last) => told.current.on.window(first, last),
      ruler: ({ step, attempt }, lines) => `${t.attempt(step, attempt)} · ${t.lines(lines)}`,
    })
    parts.current = { store, rows, view, tally }
    told.current.on.follow(view.follow)
    let recounting: ReturnType<typeof setTimeout> | undefined
    const offs = [
      store.onChange(reflect),
      hub.watchRun(runId),
      hub.onEvent((event) => {
        if (event.type === 'log' && event.run_id === runId) {
          const known = tally.add(event.from, event.lines)
          rows.setSections(tally.sections)
          if (!known) recounting ??= setTimeout(() => {
            recounting = undefined
            told.current.recount()
          }, COUNT_MS)
          store.append(event.from, event.lines)
        } else if (event.type === 'resync') store.retry()
        // Lines said between the first look and the moment the stream began to tell of this run are in no event.
        else if (event.type === 'hello' && !told.current.final) told.current.recount()
      }),
    ]
    if (anchor) {
      // The whole length first: a position cannot be restored in a log that is not yet tall enough.
      store.grow(Math.max(atMount.current.total, anchor.to + 1))
      view.goTo(anchor.from, anchor.to)
      told.current.on.select(anchor)
    }
    return () => {
      for (const off of offs) off()
      clearTimeout(recounting)
      clearTimeout(drawing.current)
      drawing.current = undefined
      cancelAnimationFrame(frame.current)
      frame.current = 0
      view.destroy()
      store.dispose()
      parts.current = null
    }
  }, [runId, reflect])

  useEffect(() => {
    parts.current?.store.grow(total)
  }, [total, runId])

  useEffect(() => {
    const now = parts.current
    if (!now || !counts) return
    now.store.grow(counts.total)
    now.tally.take(counts)
    now.rows.setSections(now.tally.sections)
    // Rulers came in above: what is read stays where it is.
    const { selected } = now.view
    if (selected && !now.view.follow) now.view.goTo(selected.from, selected.to)
    reflect()
  }, [counts, runId, reflect])

  return { parts, state, reflect }
}
