/** The bar over the log: search, filters with their counts, columns, download, follow. */
import { ArrowDownToLine, CaseSensitive, ChevronDown, ChevronUp, Columns3, Download, Regex } from 'lucide-react'
import type { RefObject } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import type { LogCounts, LogLevel } from '../api/types'
import { Button } from '../ui/Button'
import { Menu } from '../ui/Menu'
import type { Columns, TimeMode } from './columns'
import type { LineFilter } from './selection'
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
  filter: LineFilter
  onFilter: (filter: LineFilter) => void
  steps: string[]
  counts: LogCounts['by_level'] | null
  status: string
  columns: Columns
  onColumns: (columns: Columns) => void
  follow: boolean
  onFollow: (follow: boolean) => void
}

export function LogTools(props: Props) {
  const { query, onQuery, hits, hit, onMove, filter, onFilter, columns, onColumns, follow } = props
  const marked = (on: boolean, name: string) => (on ? t.shownItem(name) : name)
  const download = (format: 'txt' | 'ndjson', filtered: boolean) => () => location.assign(endpoint(api.logDownload(props.runId, format, filtered ? filterParams(filter) : {})))
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
        </>
      )}
      <span className="muted" role="status">{props.status}</span>
      {props.counts && props.counts.filter(({ level, count }) => count > 0 && (level === 'ERROR' || level === 'WARNING')).toReversed().map(({ level, count }) => (
        <button key={level} type="button" className={`log-count log-count-${level}`} aria-pressed={filter.lowest === level} onClick={() => onFilter({ ...filter, lowest: filter.lowest === level ? 'DEBUG' : level })}>
          {t.counts(level, count)}
        </button>
      ))}
      <span className="grow" />
      {props.steps.length > 1 && (
        <select aria-label={t.step} value={filter.step ?? ''} onChange={(event) => onFilter({ ...filter, step: event.target.value || null })}>
          <option value="">{t.allSteps}</option>
          {props.steps.map((each) => <option key={each} value={each}>{each}</option>)}
        </select>
      )}
      <select aria-label={t.level} value={filter.lowest} onChange={(event) => onFilter({ ...filter, lowest: event.target.value as LogLevel })}>
        {LEVELS.map((each) => <option key={each} value={each}>{t.levels[each]}</option>)}
      </select>
      <Menu
        label={t.view}
        icon={<Columns3 size={14} aria-hidden />}
        items={[
          { label: marked(columns.wrap, t.columns.wrap), act: () => onColumns({ ...columns, wrap: !columns.wrap }) },
          { label: marked(columns.number, t.columns.number), act: () => onColumns({ ...columns, number: !columns.number }) },
          { label: marked(columns.level, t.columns.level), act: () => onColumns({ ...columns, level: !columns.level }) },
          { label: marked(columns.step, t.columns.step), act: () => onColumns({ ...columns, step: !columns.step }) },
          ...TIMES.map((time) => ({ label: marked(columns.time === time, t.times[time]), act: () => onColumns({ ...columns, time }) })),
        ]}
      />
      <Menu
        label={t.download}
        icon={<Download size={14} aria-hidden />}
        items={[
          { label: t.whole, act: download('txt', false) },
          { label: t.wholeNdjson, act: download('ndjson', false) },
          (filter.lowest !== 'DEBUG' || filter.step !== null) && { label: t.filtered, act: download('txt', true) },
          { label: t.plainTab, act: () => void window.open(endpoint(api.logDownload(props.runId, 'txt', filterParams(filter))), '_blank', 'noopener') },
        ]}
      />
      <Button icon={<ArrowDownToLine size={14} aria-hidden />} aria-pressed={follow} onClick={() => props.onFollow(!follow)}>{follow ? t.following : t.follow}</Button>
    </div>
  )
}
