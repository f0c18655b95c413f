/** What the list of runs is narrowed to: every choice stands in the address, and every one that is set can be taken back by a chip. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { queries } from '../api/queries'
import type { RunStatus } from '../api/types'
import { Combobox } from '../ui/Combobox'
import { Glyph } from '../ui/Status'
import { shortInstant, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { fromInput, personIn, toggled, toInput, type RunsSearch } from './filter'
import css from './runs.module.css'
import { t } from './words'

const STATUSES: RunStatus[] = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED']
const TRIGGERS = ['cron', 'user', 'api', 'cli', 'job']
const RANGES = ['15m', '1h', '24h', '7d', '30d', '90d']
const CUSTOM = 'custom'
const TYPING_MS = 350

export function RunFilters({ filter }: { filter: RunsSearch }) {
  const navigate = useNavigate({ from: '/runs' })
  const jobs = useQuery(queries.jobs())
  const [jobText, setJobText] = useState('')
  const [isCustom, setIsCustom] = useState(false)
  // A change of filter begins at the newest run again.
  const set = (values: Partial<RunsSearch>) => void navigate({ search: ({ before: _, ...rest }) => ({ ...rest, ...values }), replace: true })
  const chosenJobs = filter.job?.split(',') ?? []
  const chosenStates = filter.status?.split(',') ?? []
  const chosenTags = filter.tag?.split(',') ?? []
  const tags = [...new Set((jobs.data?.jobs ?? []).flatMap((job) => job.tags))].sort()
  const person = personIn(filter.trigger)
  const hasSpan = filter.from !== undefined || filter.to !== undefined
  const isFiltered = Object.entries(filter).some(([key, value]) => key !== 'before' && value)
  const at = (instant: string | undefined) => (instant === undefined ? '…' : shortInstant(toMillis(instant) ?? 0))
  const chips: [key: string, words: string, clear: () => void][] = [
    ...chosenJobs.map((id): [string, string, () => void] => [`job ${id}`, id, () => set({ job: toggled(filter.job, id) })]),
    ...chosenTags.map((tag): [string, string, () => void] => [`tag ${tag}`, `${t.tag}: ${tag}`, () => set({ tag: toggled(filter.tag, tag) })]),
    ...(person ? [['person', `${t.person}: ${person}`, () => set({ trigger: undefined })] as [string, string, () => void]] : []),
    ...(hasSpan ? [['span', `${at(filter.from)} – ${at(filter.to)}`, () => set({ from: undefined, to: undefined })] as [string, string, () => void]] : []),
  ]
  return (
    <div className={css.filters}>
      <div className={css.states} role="group" aria-label={t.status}>
        {STATUSES.map((status) => (
          <button key={status} type="button" className={`${css.state} ${ui[status]}`} aria-pressed={chosenStates.includes(status)} onClick={() => set({ status: toggled(filter.status, status) })}>
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
            set({ job: toggled(filter.job, id) })
          }}
        />
      </span>
      {(tags.length > 0 || chosenTags.length > 0) && (
        <select aria-label={t.tag} value="" onChange={(event) => set({ tag: toggled(filter.tag, event.target.value) })}>
          <option value="">{t.anyTag}</option>
          {tags.filter((tag) => !chosenTags.includes(tag)).map((tag) => <option key={tag} value={tag}>{tag}</option>)}
        </select>
      )}
      <select aria-label={t.trigger} value={person ? 'user' : (filter.trigger ?? '')} onChange={(event) => set({ trigger: event.target.value || undefined })}>
        <option value="">{t.anyTrigger}</option>
        {TRIGGERS.map((each) => <option key={each} value={each}>{t.triggers[each]}</option>)}
        {filter.trigger && !person && !TRIGGERS.includes(filter.trigger) && <option value={filter.trigger}>{filter.trigger}</option>}
      </select>
      {(person || filter.trigger === 'user') && <TypedFilter label={t.person} placeholder={t.personHint} narrow value={person} onChange={(name) => set({ trigger: name.trim() ? `user:${name.trim()}` : 'user' })} />}
      <select
        aria-label={t.time}
        value={hasSpan || isCustom ? CUSTOM : (filter.range ?? '')}
        onChange={(event) => {
          setIsCustom(event.target.value === CUSTOM)
          set({ range: event.target.value === CUSTOM ? undefined : event.target.value || undefined, from: undefined, to: undefined })
        }}
      >
        <option value="">{t.anyTime}</option>
        {RANGES.map((each) => <option key={each} value={each}>{t.ranges[each]}</option>)}
        <option value={CUSTOM}>{t.custom}</option>
      </select>
      {(hasSpan || isCustom) && (
        <span className={css.span}>
          <input type="datetime-local" aria-label={t.from} value={toInput(filter.from)} onChange={(event) => set({ from: fromInput(event.target.value), range: undefined })} />
          <span aria-hidden="true">–</span>
          <input type="datetime-local" aria-label={t.to} value={toInput(filter.to)} onChange={(event) => set({ to: fromInput(event.target.value), range: undefined })} />
        </span>
      )}
      <TypedFilter label={t.text} placeholder={t.textHint} value={filter.q ?? ''} onChange={(text) => set({ q: text || undefined })} />
      <TypedFilter label={t.atLeast} placeholder={`≥ … ${t.seconds}`} number narrow value={filter.min_seconds ?? ''} onChange={(text) => set({ min_seconds: Number(text) > 0 ? text : undefined })} />
      {chips.map(([key, words, clear]) => (
        <button key={key} type="button" className={css.chip} aria-label={`${t.clear}: ${words}`} onClick={clear}><span className="mono">{words}</span><X size={12} aria-hidden /></button>
      ))}
      {isFiltered && <button type="button" className={ui.linkButton} onClick={() => { setIsCustom(false); void navigate({ search: {} }) }}>{t.clear}</button>}
    </div>
  )
}

interface TypedProps {
  label: string
  placeholder: string
  value: string
  onChange: (text: string) => void
  narrow?: boolean
  number?: boolean
}

/** A box whose text counts a moment after the last key. */
function TypedFilter({ label, placeholder, value, onChange, narrow = false, number = false }: TypedProps) {
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
      inputMode={number ? 'decimal' : undefined}
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
