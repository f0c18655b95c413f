/** The history, newest first. Filters and the place in the list live in the address. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { http } from '../api/http'
import { optional, queries } from '../api/queries'
import type { RunStatus } from '../api/types'
import { Combobox } from '../ui/Combobox'
import { useTitle } from '../ui/hooks'
import { Button } from '../ui/Button'
import { Empty, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { toggled, type RunsSearch } from './filter'
import css from './runs.module.css'
import { RunsTable } from './RunsTable'
import { t } from './words'

const STATUSES: RunStatus[] = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED']
const TRIGGERS = ['cron', 'user', 'api', 'cli', 'job']
const RANGES = ['15m', '1h', '24h', '7d', '30d', '90d']
const TYPING_MS = 350

export function RunsPage() {
  useTitle(t.title)
  const filter = useSearch({ from: '/shell/runs' })
  const navigate = useNavigate({ from: '/runs' })
  const jobs = useQuery(queries.jobs())
  const { data, error, isPending, refetch } = useQuery(queries.runs(filter))
  const retention = useQuery({ queryKey: ['retention'], queryFn: ({ signal }) => optional(http.get<{ policy: { history_days: number | null } }>('admin/jobs/retention', signal)) })
  const days = retention.data?.policy.history_days ?? undefined
  const isFiltered = Object.entries(filter).some(([key, value]) => key !== 'before' && value)
  // A change of filter begins at the newest run again.
  const choose = (key: keyof RunsSearch, value: string | undefined) => void navigate({ search: ({ before: _, ...rest }) => ({ ...rest, [key]: value }), replace: true })
  const chosenJobs = filter.job?.split(',') ?? []
  const chosenStates = filter.status?.split(',') ?? []
  const [jobText, setJobText] = useState('')
  const list = useRef<HTMLDivElement>(null)
  const fresh = useFresh(list, data?.runs[0]?.id, data?.runs.map((run) => run.id) ?? [])

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <h1>{t.title}</h1>
        <span className="grow" />
        {filter.before && <Link to="/runs" search={({ before: _, ...rest }) => rest} className={ui.button}>{t.newest}</Link>}
        {data?.next && <Link to="/runs" search={(old) => ({ ...old, before: data.next! })} className={ui.button}>{t.older}</Link>}
      </header>
      <div className={css.filters}>
        <div className={css.states} role="group" aria-label={t.status}>
          {STATUSES.map((status) => (
            <button key={status} type="button" className={`${css.state} ${ui[status]}`} aria-pressed={chosenStates.includes(status)} onClick={() => choose('status', toggled(filter.status, status))}>
              <Glyph status={status} />{status}
            </button>
          ))}
        </div>
        <span className={css.filterJob}>
          <Combobox
            aria-label={t.job}
            placeholder={t.allJobs}
            value={jobText}
            options={(jobs.data?.jobs ?? []).filter((job) => !chosenJobs.includes(job.id)).map((job) => ({ value: job.id, words: job.tags.join(' ') }))}
            onChange={(id) => {
              setJobText('')
              choose('job', toggled(filter.job, id))
            }}
          />
        </span>
        <select aria-label={t.trigger} value={filter.trigger ?? ''} onChange={(event) => choose('trigger', event.target.value || undefined)}>
          <option value="">{t.anyTrigger}</option>
          {TRIGGERS.map((each) => <option key={each} value={each}>{t.triggers[each]}</option>)}
          {filter.trigger && !TRIGGERS.includes(filter.trigger) && <option value={filter.trigger}>{filter.trigger}</option>}
        </select>
        <select aria-label={t.time} value={filter.range ?? ''} onChange={(event) => choose('range', event.target.value || undefined)}>
          <option value="">{t.anyTime}</option>
          {RANGES.map((each) => <option key={each} value={each}>{t.ranges[each]}</option>)}
        </select>
        <TypedFilter label={t.text} placeholder={t.textHint} value={filter.q ?? ''} onChange={(text) => choose('q', text || undefined)} />
        <TypedFilter label={t.atLeast} placeholder={`≥ … ${t.seconds}`} narrow value={filter.min_seconds ?? ''} onChange={(text) => choose('min_seconds', Number(text) > 0 ? text : undefined)} />
        {chosenJobs.map((id) => (
          <button key={id} type="button" className={css.chip} aria-label={`${t.clear}: ${id}`} onClick={() => choose('job', toggled(filter.job, id))}><span className="mono">{id}</span><X size={12} aria-hidden /></button>
        ))}
        {isFiltered && <button type="button" className={ui.linkButton} onClick={() => void navigate({ search: {} })}>{t.clear}</button>}
      </div>
      <div ref={list} className={ui.body}>
        {fresh > 0 && <button type="button" className={`${ui.button} ${ui.primary} ${css.fresh}`} onClick={() => list.current?.scrollTo({ top: 0 })}>{t.fresh(fresh)}</button>}
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
        {data && data.runs.length > 0 && <section className={ui.panel}><RunsTable runs={data.runs} /></section>}
        {data?.runs.length === 0 && (isFiltered ? <Empty title={t.none}><Button onClick={() => void navigate({ search: {} })}>{t.clear}</Button></Empty> : <Empty title={t.noneYet}><span>{t.noneHint}</span></Empty>)}
        {data?.next && data.runs.length > 15 && (
          <div><Link to="/runs" search={(old) => ({ ...old, before: data.next! })} className={ui.button}>{t.older}</Link></div>
        )}
        {data && !data.next && data.runs.length > 0 && days !== undefined && <p className="muted">{t.pruned(days)}</p>}
      </div>
    </div>
  )
}

/** How many runs came in above while the reader was further down. */
function useFresh(list: React.RefObject<HTMLDivElement | null>, newest: string | undefined, ids: string[]): number {
  const [seen, setSeen] = useState<string | undefined>(newest)
  useEffect(() => {
    const body = list.current
    if (!body) return
    const look = () => {
      if (body.scrollTop < 40) setSeen(newest)
    }
    look()
    body.addEventListener('scroll', look, { passive: true })
    return () => body.removeEventListener('scroll', look)
  }, [list, newest])
  return seen === undefined ? 0 : ids.filter((id) => id > seen).length
}

/** A box whose text counts a moment after the last key. */
function TypedFilter({ label, placeholder, value, onChange, narrow = false }: { label: string; placeholder: string; value: string; onChange: (text: string) => void; narrow?: boolean }) {
  const [text, setText] = useState(value)
  const [known, setKnown] = useState(value)
  const timer = useRef(0)
  if (value !== known) {
    setKnown(value)
    setText(value)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <input
      type="search"
      className={narrow ? css.short : css.text}
      inputMode={narrow ? 'decimal' : undefined}
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => {
        const next = event.target.value
        setText(next)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => onChange(next), TYPING_MS) as unknown as number
      }}
    />
  )
}
