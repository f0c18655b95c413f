/** One job of the catalogue: the nine pieces an operator needs to decide, and the actions. */
import { Link } from '@tanstack/react-router'
import { CalendarClock, Clock } from 'lucide-react'
import { memo } from 'react'
import type { JobCard as Job } from '../api/types'
import { MuteTag } from '../mutes/MuteTag'
import { Tag } from '../ui/parts'
import { Ago } from '../ui/Times'
import { CancelButton, EditLink, EnabledSwitch, JobMenu, RunButton, useJobRights } from './actions'
import { isInternal } from './filter'
import { barsOf, type History } from './history'
import { HistoryBars } from './HistoryBars'
import css from './jobs.module.css'
import { LastRunBadge, Running, Warnings } from './pieces'
import { plain } from './quarantine'
import { t } from './words'

interface Props {
  job: Job
  history: History | undefined
  selected: boolean
  /** Undefined while nothing is being selected. */
  onSelect: ((id: string, selected: boolean) => void) | undefined
}

export const JobCard = memo(function JobCard({ job, history, selected, onSelect }: Props) {
  const rights = useJobRights(job.id)
  const last = job.last_run
  return (
    <article className={css.card} aria-labelledby={`job-${job.id}`} data-job={job.id}>
      <div className={css.what}>
        <div className={css.title}>
          {onSelect && <input type="checkbox" aria-label={t.selectOf(job.id)} checked={selected} onChange={(event) => onSelect(job.id, event.target.checked)} />}
          <h2 id={`job-${job.id}`}>
            <Link to="/jobs/$id" params={{ id: job.id }} className="mono" data-act="open">{job.id}</Link>
          </h2>
          <LastRunBadge job={job} />
          <MuteTag kind="job" name={job.id} />
          {isInternal(job) && !job.tags.includes('internal') && <Tag>{t.internal}</Tag>}
          {job.tags.map((tag) => <Link key={tag} to="/jobs" search={{ tag }} className={css.tag} aria-label={`${t.facets.tag} ${tag}`}>{tag}</Link>)}
        </div>
        {plain(job.description) && <p className="muted">{plain(job.description)}</p>}
        <div className={css.meta}>
          {job.valid && <span><Clock size={12} aria-hidden /> <code>{job.schedule ?? t.manual}</code>{job.schedule && job.timezone && ` ${job.timezone}`}</span>}
          {job.schedule && (
            <span>
              <CalendarClock size={12} aria-hidden />{' '}
              {job.next_run_at ? <>{t.next} <Ago at={job.next_run_at} zone={job.timezone} /></> : t.noFire}
            </span>
          )}
          {!job.active_run_id && <span>{last ? <>{t.last} <Ago at={last.finished_at ?? last.started_at ?? last.queued_at} zone={job.timezone} /></> : t.never}</span>}
          {job.valid && <span>{t.steps(job.step_count)}</span>}
          <HistoryBars job={job.id} bars={barsOf(job, history)} medianMs={history?.medianMs ?? null} />
        </div>
        {job.active_run_id && <Running job={job} run={last?.id === job.active_run_id ? last : null} />}
        <Warnings job={job} />
      </div>
      <div className={css.actions}>
        <EnabledSwitch job={job} />
        {rights.run && <RunButton job={job} />}
        {job.active_run_id && rights.run && <CancelButton runId={job.active_run_id} jobId={job.id} />}
        {rights.edit && <EditLink id={job.id} />}
        <JobMenu job={job} />
      </div>
    </article>
  )
})
