/** The log of a run with its tools. React only mounts the framework-free store and view and reflects their state. */
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { queries } from '../api/queries'
import { useShortcuts } from '../app/shortcuts'
import { hub } from '../live/hub'
import { copyText } from '../ui/Copy'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { storeColumns, storedColumns, type Columns } from './columns'
import { LineDrawer } from './LineDrawer'
import { LogTools } from './LogTools'
import { Marks } from './Marks'
import { matcher, NO_FILTER, Rows, type LineFilter } from './selection'
import { Selection } from './Selection'
import { LogStore } from './store'
import { filterParams, useSearch, type Query } from './useSearch'
import { LogView, type Range } from './view'
import { t } from './words'
import './log.css'

/** Without the server's help a filter loads a log up to this length by itself; a longer one is the reader's choice. */
const LOADS_BY_ITSELF = 20_000

export interface LogTarget {
  step: string
  attempt: number | null
}

interface Props {
  runId: string
  /** How many lines the run document knows of; the live stream may know more. */
  total: number
  final: boolean
  /** The names of the steps, to filter by. */
  steps: string[]
  /** The step selected beside the log: filters by it or goes to its first line. */
  target: LogTarget | null
  targetMode: 'jump' | 'filter'
}

interface Parts {
  store: LogStore
  rows: Rows
  view: LogView
}

function anchored(): Range | null {
  const found = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash)
  return found ? { from: Number(found[1]) - 1, to: Number(found[2] ?? found[1]) - 1 } : null
}

export function LogPanel({ runId, total, final, steps, target, targetMode }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const searchBox = useRef<HTMLInputElement>(null)
  const parts = useRef<Parts | null>(null)
  const atMount = useRef({ final, total })
  const [columns, setColumnsState] = useState<Columns>(storedColumns)
  const [follow, setFollow] = useState(true)
  const [filter, setFilter] = useState<LineFilter>(NO_FILTER)
  const [query, setQuery] = useState<Query>({ text: '', regex: false, case: false })
  const [hit, setHit] = useState(-1)
  const [state, setState] = useState({ total, loaded: 0, full: false, shown: 0, failed: null as unknown, version: 0 })
  const [told, setTold] = useState(false)
  const [seen, setSeen] = useState(total)
  const [range, setRange] = useState<Range | null>(null)
  const [opened, setOpened] = useState<number | null>(null)
  const [topLine, setTopLine] = useState(-1)
  const counts = useQuery({ ...queries.logCounts(runId), refetchInterval: false })

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
      setState((old) => ({ version: old.version + 1, total: store.total, loaded: rows.filtered ? store.loaded : 0, full: store.isFull, shown: rows.count, failed: store.failed }))
      if (view.follow) setSeen(store.total)
      if (rows.filtered) view.invalidate()
    })
  }, [])

  useEffect(() => {
    const store = new LogStore((from, limit, signal) => api.log(runId, from, limit, signal))
    const rows = new Rows(store)
    const anchor = anchored()
    // A finished run is read from its beginning, a live one from its end.
    const view = new LogView(host.current!, store, rows, !atMount.current.final && !anchor, storedColumns(), {
      follow: setFollow,
      select(chosen) {
        setRange(chosen)
        const hash = chosen === null ? '' : chosen.from === chosen.to ? `#L${chosen.from + 1}` : `#L${chosen.from + 1}-L${chosen.to + 1}`
        // The whole path: a bare fragment would resolve against the document's base.
        history.replaceState(history.state, '', `${location.pathname}${location.search}${hash}`)
      },
      open: setOpened,
      top: setTopLine,
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
      store.grow(Math.max(atMount.current.total, anchor.to + 1))
      view.goTo(anchor.from, anchor.to)
      setRange(anchor)
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

  /** The server names the lines that pass; without its help the loaded ones are looked through. */
  const filterKey = JSON.stringify(filter)
  useEffect(() => {
    const now = parts.current
    if (!now) return
    now.rows.setFilter(filter)
    now.view.scattered = now.rows.filtered ? (from, limit, signal) => api.log(runId, from, limit, signal, filterParams(filter)) : null
    setTold(false)
    now.view.invalidate()
    reflect()
    if (!now.rows.filtered) return
    const abort = new AbortController()
    api.logSearch(runId, filterParams(filter), abort.signal).then(
      (found) => {
        if (parts.current !== now || abort.signal.aborted) return
        now.rows.tell(found.numbers, found.end ?? now.store.total)
        setTold(true)
        reflect()
      },
      () => {
        if (abort.signal.aborted || parts.current !== now) return
        now.view.scattered = null
        if (now.store.total <= LOADS_BY_ITSELF) loadAll()
      },
    )
    return () => abort.abort()
  }, [filterKey, runId, reflect])

  const searchHere = useCallback((fits: (text: string) => boolean) => {
    const now = parts.current
    if (!now) return []
    if (now.store.total <= LOADS_BY_ITSELF && now.store.loaded < now.store.total) loadAll()
    return now.rows.search(fits)
  }, [])
  const hits = useSearch(runId, query, filter, state.total, state.version, searchHere)
  useEffect(() => {
    parts.current?.view.setQuery(query.text, query, query.text === '' ? null : matcher(query.text, query))
    setHit(-1)
  }, [query])

  const move = (by: number) => {
    const { numbers } = hits
    if (numbers.length === 0) return
    const next = hit < 0 ? (by > 0 ? 0 : numbers.length - 1) : (hit + by + numbers.length) % numbers.length
    setHit(next)
    parts.current?.view.goTo(numbers[next]!)
  }

  // A step that is selected beside the log.
  const targetKey = target && `${target.step} ${target.attempt} ${targetMode}`
  useEffect(() => {
    if (targetMode === 'filter') setFilter((old) => ({ ...old, step: target?.step ?? null }))
    else {
      setFilter((old) => (old.step === null ? old : { ...old, step: null }))
      if (!target || anchored()) return
      const found = counts.data?.by_step.find((each) => each.step === target.step && (target.attempt === null || each.attempt === target.attempt))
      if (found) {
        parts.current?.view.goTo(found.first)
        setRange({ from: found.first, to: found.first })
      }
    }
  }, [targetKey, counts.data === undefined])

  const setColumns = (next: Columns) => {
    setColumnsState(next)
    storeColumns(next)
    parts.current?.view.setColumns(next)
  }
  const goTo = (line: number) => {
    parts.current?.view.goTo(line)
    setRange({ from: line, to: line })
  }
  const link = () => location.href
  const read = (from: number, to: number) => parts.current?.store.read(from, to) ?? Promise.resolve([])

  useShortcuts([
    { keys: 'w', words: t.keys.wrap, act: () => setColumns({ ...columns, wrap: !columns.wrap }) },
    { keys: 'y', words: t.keys.link, act: () => void copyText(link()) },
    { keys: '/', words: t.keys.search, act: () => searchBox.current?.focus() },
  ])
  /** The first Ctrl F in the log is ours, a second one the browser's. */
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key.toLowerCase() === 'f' && (event.ctrlKey || event.metaKey) && document.activeElement !== searchBox.current) {
      event.preventDefault()
      searchBox.current?.focus()
      searchBox.current?.select()
    }
  }

  const isFiltered = filter.lowest !== 'DEBUG' || filter.step !== null
  const partly = ((isFiltered && !told) || hits.local) && state.loaded > 0 && state.loaded < state.total
  const unseen = follow ? 0 : Math.max(0, state.total - seen)
  const top = topLine >= 0 ? parts.current?.store.get(topLine) : undefined
  return (
    <section className="log" aria-label={t.title} onKeyDown={onKey}>
      <LogTools
        runId={runId}
        searchBox={searchBox}
        query={query}
        onQuery={setQuery}
        hits={hits}
        hit={hit}
        onMove={move}
        filter={filter}
        onFilter={setFilter}
        steps={steps}
        counts={counts.data?.by_level ?? null}
        status={isFiltered ? t.shown(state.shown) : final ? t.lines(state.total) : t.running(state.total)}
        columns={columns}
        onColumns={setColumns}
        follow={follow}
        onFollow={(on) => parts.current?.view.setFollow(on)}
      />
      {partly && (
        <p className="log-note">
          {t.partly(state.loaded, state.total)}{' '}
          {!state.full && <button type="button" className={ui.linkButton} onClick={loadAll}>{t.loadMore}</button>}
        </p>
      )}
      {(state.failed !== null || hits.failed !== null) && (
        <p className="log-note">
          {t.failed} <InlineProblem error={state.failed ?? hits.failed} />{' '}
          <button type="button" className={ui.linkButton} onClick={() => parts.current?.store.retry()}>{t.retry}</button>
        </p>
      )}
      {range && <Selection range={range} read={read} link={link} onOpen={() => setOpened(range.from)} onClear={() => {
        if (parts.current) parts.current.view.selected = null
        parts.current?.view.invalidate()
        setRange(null)
        history.replaceState(history.state, '', `${location.pathname}${location.search}`)
      }} />}
      <div className="log-frame">
        {top?.step && <div className="log-top" aria-hidden="true">{t.attempt(top.step, top.attempt ?? 1)}</div>}
        <div ref={host} className="log-view" tabIndex={0} role="log" aria-live="off" aria-label={t.title} />
        <Marks runId={runId} total={state.total} errors={counts.data?.by_level.find((each) => each.level === 'ERROR')?.count ?? 0} hits={hits.numbers} onGo={goTo} />
        {state.shown === 0 && state.failed === null && (
          <p className="log-empty">{isFiltered ? t.noMatch : final ? t.emptyFinal : t.empty}</p>
        )}
        {unseen > 0 && (
          <button type="button" className={`${ui.button} ${ui.primary} log-new`} onClick={() => parts.current?.view.setFollow(true)}>
            ▼ {t.newLines(unseen)}
          </button>
        )}
      </div>
      {opened !== null && <LineDrawer line={opened} read={read} close={() => setOpened(null)} />}
    </section>
  )
}
