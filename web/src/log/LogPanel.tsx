/** The log of a run with its tools. React only mounts the framework-free store and view and reflects their state. */
import { ArrowDownToLine, ChevronDown, ChevronUp } from 'lucide-react'
import { useCallback, useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import type { LogLevel } from '../api/types'
import { t } from '../i18n/legacy'
import { hub } from '../live/hub'
import { Button } from '../ui/Button'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { Rows } from './selection'
import { LogStore } from './store'
import { LogView } from './view'
import './log.css'

const LEVELS: LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR']
/** A filter loads a log up to this length by itself; a longer one is the reader's choice. */
const LOADS_BY_ITSELF = 20_000

interface Props {
  runId: string
  /** How many lines the run document knows of; the live stream may know more. */
  total: number
  final: boolean
}

interface Parts {
  store: LogStore
  rows: Rows
  view: LogView
}

export function LogPanel({ runId, total, final }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const parts = useRef<Parts | null>(null)
  const atMount = useRef({ final, total })
  const [follow, setFollow] = useState(true)
  const [level, setLevel] = useState<LogLevel>('DEBUG')
  const [query, setQuery] = useState('')
  const [hit, setHit] = useState(-1)
  const [state, setState] = useState({ total, loaded: 0, full: false, shown: 0, failed: null as unknown, hits: [] as number[] })
  const [seen, setSeen] = useState(total)

  /** Reflects the store, at most once a frame. */
  const frame = useRef(0)
  const reflect = useCallback(() => {
    if (frame.current) return
    frame.current = requestAnimationFrame(() => {
      frame.current = 0
      const now = parts.current
      if (!now) return
      now.rows.refresh()
      const { store, rows, view } = now
      const hits = view.query ? rows.search(view.query) : []
      setState({ total: store.total, loaded: store.loaded, full: store.isFull, shown: rows.count, failed: store.failed, hits })
      if (view.follow) setSeen(store.total)
      if (rows.filtered) view.invalidate()
    })
  }, [])

  useEffect(() => {
    const store = new LogStore((from, limit, signal) => api.log(runId, from, limit, signal))
    const rows = new Rows(store)
    const anchor = /^#L(\d+)$/.exec(location.hash)
    // A finished run is read from its beginning, a live one from its end.
    const view = new LogView(host.current!, store, rows, !atMount.current.final && !anchor, setFollow, (line) => {
      // The whole path: a bare fragment would resolve against the document's base.
      history.replaceState(history.state, '', `${location.pathname}${location.search}${line < 0 ? '' : `#L${line + 1}`}`)
    })
    parts.current = { store, rows, view }
    setFollow(view.follow)
    const offs = [
      store.onChange(reflect),
      hub.watchRun(runId),
      hub.onEvent((event) => {
        if (event.type === 'log' && event.run_id === runId) store.append(event.from, event.lines)
        else if (event.type === 'resync') store.retry()
      }),
    ]
    if (anchor) {
      // The whole length first: a position cannot be restored in a log that is not yet tall enough.
      store.grow(Math.max(atMount.current.total, Number(anchor[1])))
      view.goTo(Number(anchor[1]) - 1)
    }
    return () => {
      for (const off of offs) off()
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

  const loadAll = () => void parts.current?.store.wantAll()

  const chooseLevel = (next: LogLevel) => {
    setLevel(next)
    const now = parts.current
    if (!now) return
    now.rows.setLowest(next)
    now.view.invalidate()
    if (next !== 'DEBUG' && now.store.total <= LOADS_BY_ITSELF) loadAll()
    reflect()
  }

  const search = (text: string) => {
    setQuery(text)
    setHit(-1)
    const now = parts.current
    if (!now) return
    now.view.query = text
    now.view.invalidate()
    if (text && now.store.total <= LOADS_BY_ITSELF) loadAll()
    reflect()
  }

  const move = (by: number) => {
    const { hits } = state
    if (hits.length === 0) return
    const next = hit < 0 ? (by > 0 ? 0 : hits.length - 1) : (hit + by + hits.length) % hits.length
    setHit(next)
    parts.current?.view.goTo(hits[next]!)
  }

  const partly = state.loaded < state.total && (level !== 'DEBUG' || query !== '')
  const unseen = follow ? 0 : Math.max(0, state.total - seen)
  return (
    <section className="log" aria-label={t.log.title}>
      <div className="log-tools">
        <input
          type="search"
          className="log-search"
          aria-label={t.log.search}
          placeholder={t.log.search}
          value={query}
          onChange={(event) => search(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') move(event.shiftKey ? -1 : 1)
          }}
        />
        {query && (
          <>
            <span className="muted" role="status">{t.log.hits(hit + 1, state.hits.length)}</span>
            <Button icon={<ChevronUp size={14} aria-hidden />} aria-label={t.log.previous} disabled={state.hits.length === 0} onClick={() => move(-1)} />
            <Button icon={<ChevronDown size={14} aria-hidden />} aria-label={t.log.nextMatch} disabled={state.hits.length === 0} onClick={() => move(1)} />
          </>
        )}
        <span className="muted" role="status">
          {level !== 'DEBUG' ? t.log.shown(state.shown) : final ? t.log.lines(state.total) : t.log.running(state.total)}
        </span>
        <span className="grow" />
        <select aria-label={t.log.level} value={level} onChange={(event) => chooseLevel(event.target.value as LogLevel)}>
          {LEVELS.map((each) => <option key={each} value={each}>{t.log.levels[each]}</option>)}
        </select>
        <Button icon={<ArrowDownToLine size={14} aria-hidden />} aria-pressed={follow} onClick={() => parts.current?.view.setFollow(!follow)}>
          {follow ? t.log.following : t.log.follow}
        </Button>
      </div>
      {partly && (
        <p className="log-note">
          {t.log.partly(state.loaded, state.total)}{' '}
          {!state.full && <button type="button" className={ui.linkButton} onClick={loadAll}>{t.log.loadMore}</button>}
        </p>
      )}
      {state.failed !== null && (
        <p className="log-note">
          {t.log.failed} <InlineProblem error={state.failed} />{' '}
          <button type="button" className={ui.linkButton} onClick={() => parts.current?.store.retry()}>{t.log.retry}</button>
        </p>
      )}
      <div className="log-frame">
        <div ref={host} className="log-view" tabIndex={0} role="log" aria-live="off" aria-label={t.log.title} />
        {state.shown === 0 && state.failed === null && (
          <p className="log-empty">{level !== 'DEBUG' ? t.log.noMatch : final ? t.log.emptyFinal : t.log.empty}</p>
        )}
        {unseen > 0 && (
          <button type="button" className={`${ui.button} ${ui.primary} log-new`} onClick={() => parts.current?.view.setFollow(true)}>
            ▼ {t.log.newLines(unseen)}
          </button>
        )}
      </div>
    </section>
  )
}
