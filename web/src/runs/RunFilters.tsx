/** What the list of runs is narrowed to: every choice stands in the address, and every one that is set can be taken back by a chip. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Funnel, X } from 'lucide-react'
import { useState } from 'react'
import { queries } from '../api/queries'
import type { RunStatus } from '../api/types'
import { Button } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { TimeFilter, TypedFilter } from '../ui/filters'
import { Glyph } from '../ui/Status'
import { shortInstant, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { personIn, toggled, type RunsSearch } from './filter'
import css from './runs.module.css'
import { t } from './words'

const STATUSES: RunStatus[] = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED']
const TRIGGERS = ['cron', 'user', 'api', 'cli', 'job']

export function RunFilters({ filter }: { filter: RunsSearch }) {
  const navigate = useNavigate({ from: '/runs' })
  const jobs = useQuery(queries.jobs())
  const [jobText, setJobText] = useState('')
  /** On a narrow screen all but the states fold away. */
  const [open, setOpen] = useState(false)
  /** How often everything was cleared: what was only about to be chosen goes too. */
  const [cleared, setCleared] = useState(0)
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
    <div className={css.filters} data-open={open}>
      <div className={css.states} role="group" aria-label={t.status}>
        {STATUSES.map((status) => (
          <button key={status} type="button" className={`${css.state} ${ui[status]}`} aria-pressed={chosenStates.includes(status)} onClick={() => set({ status: toggled(filter.status, status) })}>
            <Glyph status={status} />{status}
          </button>
        ))}
      </div>
      <Button kind="quiet" className={css.filtersToggle} icon={<Funnel size={14} aria-hidden />} aria-expanded={open} onClick={() => setOpen(!open)}>{t.filters}</Button>
      <div className={css.filterRow}>
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
      {(person || filter.trigger === 'user') && <TypedFilter label={t.person} placeholder={t.personHint} narrow value={person} onChange={(name) => set({ trigger: name ? `user:${name}` : 'user' })} />}
      <TimeFilter key={cleared} range={filter.range} from={filter.from} to={filter.to} onChange={set} />
      <TypedFilter label={t.text} placeholder={t.textHint} value={filter.q ?? ''} onChange={(text) => set({ q: text || undefined })} />
      <TypedFilter label={t.atLeast} placeholder={`≥ … ${t.seconds}`} number narrow value={filter.min_seconds ?? ''} onChange={(text) => set({ min_seconds: Number(text) > 0 ? text : undefined })} />
      </div>
      {chips.map(([key, words, clear]) => (
        <button key={key} type="button" className={css.chip} aria-label={`${t.clear}: ${words}`} onClick={clear}><span className="mono">{words}</span><X size={12} aria-hidden /></button>
      ))}
      {isFiltered && <button type="button" className={ui.linkButton} onClick={() => { setCleared(cleared + 1); void navigate({ search: {} }) }}>{t.clear}</button>}
    </div>
  )
}
