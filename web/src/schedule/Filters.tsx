/** The filters of the calendar and the zone its days are cut by. All of it stands in the address; on a narrow screen it folds away. */
import { Funnel } from 'lucide-react'
import { useState } from 'react'
import type { Connector } from '../connectors/connectors'
import type { JobCard, RunStatus } from '../api/types'
import { Button } from '../ui/Button'
import ui from '../ui/ui.module.css'
import type { Calendar } from './calendar'
import css from './schedule.module.css'
import { localZone, type ScheduleSearch } from './search'
import { t } from './words'

const STATES: RunStatus[] = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED']

interface Props {
  search: ScheduleSearch
  zone: string
  calendar: Calendar | undefined
  jobs: JobCard[]
  connectors: Connector[]
  choose: (what: Partial<ScheduleSearch>) => void
  clear: (() => void) | undefined
}

export function Filters({ search, zone, calendar, jobs, connectors, choose, clear }: Props) {
  const [open, setOpen] = useState(false)
  const set = [search.job, search.tag, search.connector, search.state, search.disabled].filter((each) => each !== undefined).length
  const tags = [...new Set(jobs.flatMap((job) => job.tags))].sort()
  const zones = [...new Set([localZone(), 'UTC', zone, ...(calendar?.jobs ?? []).map((row) => row.timezone)])]
  const ids = [...new Set([...jobs.filter((job) => job.schedule !== null).map((job) => job.id), ...(calendar?.jobs ?? []).map((row) => row.id), ...(calendar?.runs ?? []).map((run) => run.job_id)])].sort()
  const same = (name: keyof ScheduleSearch) => (value: string) => choose({ [name]: value || undefined })
  return (
    <div className={css.filters} data-open={open}>
      <Button kind="quiet" className={css.toggle} icon={<Funnel size={14} aria-hidden />} aria-expanded={open} onClick={() => setOpen(!open)}>{t.filters(set)}</Button>
      <Choose label={t.job} any={t.anyJob} value={search.job} options={ids} onChange={same('job')} />
      <Choose label={t.tag} any={t.anyTag} value={search.tag} options={tags} onChange={same('tag')} />
      {connectors.length > 0 && <Choose label={t.connector} any={t.anyConnector} value={search.connector} options={connectors.map((each) => each.name)} onChange={same('connector')} />}
      <Choose label={t.state} any={t.anyState} value={search.state} options={['planned', 'lost', ...STATES]} names={{ planned: t.planned, lost: t.lost }} onChange={same('state')} />
      <label className={css.check}>
        <input type="checkbox" checked={search.disabled === 'show'} onChange={(event) => choose({ disabled: event.target.checked ? 'show' : undefined })} />
        {t.disabled}
      </label>
      {clear && <button type="button" className={ui.linkButton} onClick={clear}>{t.clear}</button>}
      <span className="grow" />
      <label className={css.check}>
        <span className="muted">{t.zone}</span>
        <select aria-label={t.zone} value={zone} onChange={(event) => choose({ zone: event.target.value })}>
          {zones.map((each) => <option key={each} value={each}>{each === localZone() ? t.local(each) : each}</option>)}
        </select>
      </label>
    </div>
  )
}

function Choose({ label, any, value, options, names = {}, onChange }: { label: string; any: string; value: string | undefined; options: string[]; names?: Record<string, string>; onChange: (value: string) => void }) {
  return (
    <select aria-label={label} value={value ?? ''} onChange={(event) => onChange(event.target.value)} data-set={value !== undefined}>
      <option value="">{any}</option>
      {options.map((each) => <option key={each} value={each}>{names[each] ?? each}</option>)}
      {value !== undefined && !options.includes(value) && <option value={value}>{names[value] ?? value}</option>}
    </select>
  )
}
