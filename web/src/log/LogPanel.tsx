/** The log of a run with its tools. React only mounts the framework-free store and view and reflects their state. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch as useAddress } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { queries } from '../api/queries'
import { useShortcuts } from '../app/shortcuts'
import { ByHand, copyText } from '../ui/Copy'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { addressOf, shownBy } from './address'
import { storeColumns, storedColumns, type Columns } from './columns'
import { LineDrawer } from './LineDrawer'
import { LogTools } from './LogTools'
import { Minimap } from './Minimap'
import { isOpen, matcher, withContext } from './selection'
import { Selection } from './Selection'
import { SpokenLine } from './SpokenLine'
import { anchored, useLog } from './useLog'
import { filterParams, useSearch } from './useSearch'
import { linesAsText } from './text'
import type { Range } from './selection'
import { t } from './words'
import './log.css'

/** Without the server's help a filter loads a log up to this length by itself; a longer one is the reader's choice. */
const LOADS_BY_ITSELF = 20_000
/** How long after the last key what is shown goes into the address. */
const ADDRESS_MS = 250
/** Lines before and after a match, where only matches are shown. */
export const CONTEXT = 3

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
  /** Nothing but the log is on screen. */
  full: boolean
}

/** What stands in the address is the selection; the whole path, for a bare fragment would resolve against the document's base. */
function anchor(range: Range | null): void {
  const hash = range === null ? '' : range.from === range.to ? `#L${range.from + 1}` : `#L${range.from + 1}-L${range.to + 1}`
  history.replaceState(history.state, '', `${location.pathname}${location.search}${hash}`)
}

export function LogPanel({ runId, total, final, steps, target, targetMode, full }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const sticky = useRef<HTMLButtonElement>(null)
  const seenPart = useRef<SVGRectElement>(null)
  const searchBox = useRef<HTMLInputElement>(null)
  const [columns, setColumnsState] = useState<Columns>(storedColumns)
  const [follow, setFollow] = useState(true)
  const navigate = useNavigate({ from: '/runs/$id' })
  const address = useAddress({ from: '/shell/runs/$id' })
  const [atFirst] = useState(() => shownBy(address))
  const [filter, setFilter] = useState(atFirst.filter)
  const [query, setQuery] = useState(atFirst.query)
  const [only, setOnly] = useState(atFirst.only)
  const [hit, setHit] = useState(-1)
  const [told, setTold] = useState(false)
  const [seen, setSeen] = useState(total)
  const [range, setRange] = useState<Range | null>(null)
  /** Selected, or gone to from match to match. */
  const [current, setCurrent] = useState<Range | null>(null)
  const [opened, setOpened] = useState<number | null>(null)
  const [byHand, setByHand] = useState<string | null>(null)
  const { data: counts, refetch: recount } = useQuery(queries.logCounts(runId))

  const copyLines = async () => {
    const now = parts.current
    if (!now?.view.selected) return
    const text = linesAsText(await now.store.read(now.view.selected.from, now.view.selected.to), false)
    if (!(await copyText(text))) setByHand(text)
  }
  const { parts, state, reflect } = useLog({
    runId, total, final, host, sticky, counts, recount: () => void recount(),
    on: {
      follow: setFollow,
      select(chosen) {
        setRange(chosen)
        setCurrent(chosen)
        anchor(chosen)
      },
      open: setOpened,
      copy: () => void copyLines(),
      grown: setSeen,
      window(first, last) {
        const length = Math.max(1, parts.current?.store.total ?? 1)
        seenPart.current?.setAttribute('y', String((first / length) * 1000))
        // A log that is on screen as a whole needs nothing to say where one is.
        seenPart.current?.setAttribute('height', last - first + 1 >= length ? '0' : String(Math.max(4, ((last - first + 1) / length) * 1000)))
      },
    },
  })
  // The last lines are counted once the run has ended.
  useEffect(() => {
    if (final && counts && counts.total < total) void recount()
  }, [final, total])

  const loadAll = () => void parts.current?.store.wantAll()

  const searchHere = useCallback((fits: (text: string) => boolean) => {
    const now = parts.current
    if (!now) return []
    if (now.store.total <= LOADS_BY_ITSELF && now.store.loaded < now.store.total) loadAll()
    return now.rows.search(fits)
  }, [])
  const hits = useSearch(runId, query, filter, state.total, state.version, searchHere)
  const onlyMatches = only !== 'all' && query.text !== '' && !hits.invalid

  /** The server names the lines that pass; without its help the loaded ones are looked through. */
  const filterKey = JSON.stringify(filter)
  useEffect(() => {
    const now = parts.current
    if (!now) return
    now.rows.setFilter(filter)
    now.view.scattered = onlyMatches || now.rows.filtered ? (spans, signal) => api.logLines(runId, spans, signal) : null
    setTold(false)
    reflect()
    if (onlyMatches || isOpen(filter)) return
    const abort = new AbortController()
    api.logSearch(runId, filterParams(filter), abort.signal).then(
      (found) => {
        if (parts.current !== now || abort.signal.aborted) return
        now.rows.tell(found.numbers, found.end)
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
  }, [filterKey, runId, reflect, onlyMatches])

  useEffect(() => {
    parts.current?.rows.setMatches(onlyMatches ? withContext(hits.numbers, only === 'context' ? CONTEXT : 0, state.total) : null)
    reflect()
  }, [onlyMatches, only, hits, reflect])

  useEffect(() => {
    parts.current?.view.setQuery(query.text, query, query.text === '' ? null : matcher(query.text, query))
    setHit(-1)
  }, [query])

  const written = useRef(JSON.stringify(addressOf(atFirst)))
  useEffect(() => {
    const next = addressOf({ filter, query, only })
    const text = JSON.stringify(next)
    if (text === written.current) return
    const timer = setTimeout(() => {
      written.current = text
      void navigate({ search: (old) => ({ ...old, ...next }), hash: location.hash.slice(1), replace: true })
    }, ADDRESS_MS)
    return () => clearTimeout(timer)
  }, [filterKey, query, only, navigate])

  const goTo = (line: number) => {
    parts.current?.view.goTo(line)
    setRange({ from: line, to: line })
    setCurrent({ from: line, to: line })
  }
  const move = (by: number) => {
    const { numbers } = hits
    if (numbers.length === 0) return
    const next = hit < 0 ? (by > 0 ? 0 : numbers.length - 1) : (hit + by + numbers.length) % numbers.length
    setHit(next)
    parts.current?.view.goTo(numbers[next]!)
    setCurrent({ from: numbers[next]!, to: numbers[next]! })
  }

  // A step that is selected beside the log.
  const targetKey = target && `${target.step} ${target.attempt} ${targetMode}`
  const lastTarget = useRef(targetKey)
  useEffect(() => {
    const isNew = lastTarget.current !== targetKey
    lastTarget.current = targetKey
    if (targetMode === 'filter') setFilter((old) => ({ ...old, step: target?.step ?? null, attempt: target?.attempt ?? null }))
    else {
      // What the address says of steps holds until another step is chosen.
      if (isNew) setFilter((old) => (old.step === null && old.attempt === null ? old : { ...old, step: null, attempt: null }))
      if (!target || anchored()) return
      const found = counts?.by_step.find((each) => each.step === target.step && (target.attempt === null || each.attempt === target.attempt))
      if (found) goTo(found.first)
    }
  }, [targetKey, counts === undefined])

  const setColumns = (next: Columns) => {
    setColumnsState(next)
    storeColumns(next)
    parts.current?.view.setColumns(next)
  }
  const link = () => location.href
  const read = (from: number, to: number) => parts.current?.store.read(from, to) ?? Promise.resolve([])

  useShortcuts([
    { keys: 'w', words: t.keys.wrap, act: () => setColumns({ ...columns, wrap: !columns.wrap }) },
    { keys: 'j', words: t.keys.down, act: () => parts.current?.view.step(1) },
    { keys: 'k', words: t.keys.up, act: () => parts.current?.view.step(-1) },
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

  const isFiltered = onlyMatches || !isOpen(filter)
  const partly = ((isFiltered && !onlyMatches && !told) || hits.local) && state.loaded > 0 && state.loaded < state.total
  const unseen = follow ? 0 : Math.max(0, state.total - seen)
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
        only={only}
        onOnly={setOnly}
        filter={filter}
        onFilter={setFilter}
        steps={steps}
        attempts={counts?.by_step ?? []}
        levels={state.levels}
        status={isFiltered ? t.shown(state.shown) : final ? t.lines(state.total) : t.running(state.total)}
        columns={columns}
        onColumns={setColumns}
        onFold={state.sections > 1 ? (fold) => parts.current?.view.fold(fold) : null}
        follow={follow}
        onFollow={(on) => parts.current?.view.setFollow(on)}
        full={full}
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
      {byHand !== null && <div className="log-note"><ByHand text={byHand} close={() => setByHand(null)} /></div>}
      <div className="log-frame">
        <button ref={sticky} type="button" className="log-top" hidden />
        <div ref={host} className="log-view" tabIndex={0} role="log" aria-live="off" aria-label={t.title} aria-describedby={`log-keys-${runId}`} />
        <p id={`log-keys-${runId}`} hidden>{t.keysHint}</p>
        <SpokenLine range={current} read={read} />
        <Minimap runId={runId} total={state.total} trouble={(state.levels?.ERROR ?? 0) + (state.levels?.WARNING ?? 0)} hits={hits.numbers} seen={seenPart} onGo={goTo} />
        {state.shown === 0 && state.failed === null && (
          <p className="log-empty">{isFiltered ? t.noMatch : final ? t.emptyFinal : t.empty}</p>
        )}
        {range && <Selection range={range} read={read} link={link} onOpen={() => setOpened(range.from)} onClear={() => {
          if (parts.current) parts.current.view.selected = null
          parts.current?.view.invalidate()
          setRange(null)
          setCurrent(null)
          anchor(null)
        }} />}
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
