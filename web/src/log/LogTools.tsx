/** The bar over the log: search, filters with their counts, columns, download, follow. */
import { ArrowDownToLine, CaseSensitive, ChevronDown, ChevronUp, Columns3, Download, ListFilter, Maximize2, Minimize2, Regex } from 'lucide-react'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState, type RefObject } from 'react'
import { api } from '../api/client'
import { download, endpoint } from '../api/http'
import type { LogCounts, LogLevel } from '../api/types'
import { Button } from '../ui/Button'
import { Menu } from '../ui/Menu'
import ui from '../ui/ui.module.css'
import type { Columns, TimeMode } from './columns'
import type { Only } from './address'
import { isOpen, type LineFilter } from './selection'
import type { Levels } from './sections'
import { filterParams, type Hits, type Query } from './useSearch'
import { t } from './words'

const LEVELS: LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR']
const TIMES: TimeMode[] = ['clock', 'start', 'previous', 'off']

interface Props {
  runId: string
  searchBox: RefObject<HTMLInputElement | null>
  query: Query
  onQuery: (query: Query) => void
  hits: Hits
  hit: number
  onMove: (by: number) => void
  only: Only
  onOnly: (only: Only) => void
  filter: LineFilter
  onFilter: (filter: LineFilter) => void
  steps: string[]
  attempts: LogCounts['by_step']
  levels: Levels | null
  status: string
  columns: Columns
  onColumns: (columns: Columns) => void
  /** Null: there is nothing to fold. */
  onFold: ((fold: boolean) => void) | null
  follow: boolean
  onFollow: (follow: boolean) => void
  full: boolean
}

const SAID_MS = 5000

/** A text for screen readers: at once, then at most every few seconds, or a live log would never stop talking. */
function useSaid(text: string): string {
  const [said, setSaid] = useState(text)
  const last = useRef(0)
  useEffect(() => {
    const timer = setTimeout(() => {
      last.current = performance.now()
      setSaid(text)
    }, Math.max(0, last.current + SAID_MS - performance.now()))
    return () => clearTimeout(timer)
  }, [text])
  return said
}

/** Steps to filter by; one that was tried more than once also by attempt. */
function choices(steps: string[], attempts: LogCounts['by_step']): { step: string; attempt: number | null }[] {
  return steps.flatMap((step) => {
    const tried = attempts.filter((each) => each.step === step)
    return [{ step, attempt: null }, ...(tried.length > 1 ? tried.map(({ attempt }) => ({ step, attempt })) : [])]
  })
}

export function LogTools(props: Props) {
  const { query, onQuery, hits, hit, onMove, filter, onFilter, columns, onColumns, follow } = props
  const marked = (on: boolean, name: string) => (on ? t.shownItem(name) : name)
  const save = (format: 'txt' | 'ndjson', more = {}) => () => void download(api.logDownload(props.runId, format, more)).catch(() => undefined)
  const said = useSaid(props.status)
  const all = choices(props.steps, props.attempts)
  const chosen = all.findIndex((each) => each.step === filter.step && each.attempt === filter.attempt)
  return (
    <div className="log-tools">
      <span className="log-searchbox">
        <input
          ref={props.searchBox}
          type="search"
          className="log-search"
          aria-label={hits.local ? t.searchLoaded : t.search}
          aria-invalid={hits.invalid || undefined}
          placeholder={t.search}
          value={query.text}
          onChange={(event) => onQuery({ ...query, text: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onMove(event.shiftKey ? -1 : 1)
            else if (event.key === 'Escape' && query.text !== '') {
              event.stopPropagation()
              onQuery({ ...query, text: '' })
            }
          }}
        />
        <Button kind="quiet" icon={<CaseSensitive size={15} aria-hidden />} aria-label={t.case} title={t.case} aria-pressed={query.case} onClick={() => onQuery({ ...query, case: !query.case })} />
        <Button kind="quiet" icon={<Regex size={14} aria-hidden />} aria-label={t.regex} title={t.regex} aria-pressed={query.regex} onClick={() => onQuery({ ...query, regex: !query.regex })} />
      </span>
      {query.text && (
        <>
          <span className="muted" role="status" data-hits={hits.total}>{hits.invalid ? t.badPattern : t.hits(hit + 1, hits.total, hits.truncated)}</span>
          <Button icon={<ChevronUp size={14} aria-hidden />} aria-label={t.previous} disabled={hits.numbers.length === 0} onClick={() => onMove(-1)} />
          <Button icon={<ChevronDown size={14} aria-hidden />} aria-label={t.next} disabled={hits.numbers.length === 0} onClick={() => onMove(1)} />
          <Menu
            label={t.onlyMatches}
            icon={<ListFilter size={14} aria-hidden />}
            className={`${ui.button} ${ui.icon} ${props.only === 'all' ? '' : 'log-on'}`}
            items={(['all', 'matches', 'context'] as const).map((each) => ({ label: marked(props.only === each, t.only[each]), act: () => props.onOnly(each) }))}
          />
        </>
      )}
      <span className="muted" aria-hidden="true">{props.status}</span>
      <span className="unseen" role="status">{said}</span>
      {props.levels && LEVELS.toReversed().filter((level) => level !== 'DEBUG' || props.levels!.DEBUG > 0).map((level) => (
        <button key={level} type="button" className={`log-count log-count-${props.levels![level] > 0 ? level : 'none'}`} aria-pressed={filter.lowest === level} onClick={() => onFilter({ ...filter, lowest: filter.lowest === level ? 'DEBUG' : level })}>
          {t.counts(level, props.levels![level])}
        </button>
      ))}
      <span className="log-right">
      {props.steps.length > 1 && (
        <select aria-label={t.step} value={chosen} onChange={(event) => onFilter({ ...filter, ...(all[Number(event.target.value)] ?? { step: null, attempt: null }) })}>
          <option value={-1}>{t.allSteps}</option>
          {all.map(({ step, attempt }, i) => <option key={`${step} ${attempt}`} value={i}>{attempt === null ? step : t.ofStep(step, attempt)}</option>)}
        </select>
      )}
      <select aria-label={t.level} value={filter.lowest} onChange={(event) => onFilter({ ...filter, lowest: event.target.value as LogLevel })}>
        {LEVELS.map((each) => <option key={each} value={each}>{t.levels[each]}</option>)}
      </select>
      <select aria-label={t.origin} value={filter.origin ?? ''} onChange={(event) => onFilter({ ...filter, origin: (event.target.value || null) as LineFilter['origin'] })}>
        <option value="">{t.origins.all}</option>
        <option value="steps">{t.origins.steps}</option>
        <option value="run">{t.origins.run}</option>
      </select>
      <Menu
        label={t.view}
        icon={<Columns3 size={14} aria-hidden />}
        items={[
          { label: marked(columns.wrap, t.columns.wrap), act: () => onColumns({ ...columns, wrap: !columns.wrap }) },
          { label: marked(columns.number, t.columns.number), act: () => onColumns({ ...columns, number: !columns.number }) },
          { label: marked(columns.level, t.columns.level), act: () => onColumns({ ...columns, level: !columns.level }) },
          { label: marked(columns.step, t.columns.step), act: () => onColumns({ ...columns, step: !columns.step }) },
          props.onFold && { label: t.foldAll, act: () => props.onFold!(true) },
          props.onFold && { label: t.unfoldAll, act: () => props.onFold!(false) },
          ...TIMES.map((time) => ({ label: marked(columns.time === time, t.times[time]), act: () => onColumns({ ...columns, time }) })),
        ]}
      />
      <Menu
        label={t.download}
        icon={<Download size={14} aria-hidden />}
        items={[
          { label: t.whole, act: save('txt') },
          { label: t.wholeGzip, act: save('txt', { gzip: true }) },
          { label: t.wholeNdjson, act: save('ndjson') },
          !isOpen(filter) && { label: t.filtered, act: save('txt', filterParams(filter)) },
          { label: t.plainTab, act: () => void window.open(endpoint(api.logDownload(props.runId, 'txt', { ...filterParams(filter), inline: true })), '_blank', 'noopener') },
        ]}
      />
      <Link to="." search={(old: object) => ({ ...old, view: props.full ? undefined : 'log' })} hash={(old = '') => old} replace className={`${ui.button} ${ui.icon}`} aria-label={props.full ? t.unfull : t.full} title={props.full ? t.unfull : t.full}>
        {props.full ? <Minimize2 size={14} aria-hidden /> : <Maximize2 size={14} aria-hidden />}
      </Link>
      <Button icon={<ArrowDownToLine size={14} aria-hidden />} aria-pressed={follow} onClick={() => props.onFollow(!follow)}>{follow ? t.following : t.follow}</Button>
      </span>
    </div>
  )
}
