/** One job: what it does, how its last runs went, when it fires and why, its text and its changes. */
import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { ShieldAlert } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { isMissing } from '../api/http'
import { queries } from '../api/queries'
import type { JobDetail } from '../api/types'
import { MuteButton, MuteTag } from '../mutes/MuteTag'
import { useTitle } from '../ui/hooks'
import { Empty, Panel, Skeleton, Tag } from '../ui/parts'
import { ProblemList, ProblemPanel } from '../ui/Problem'
import { Tabs } from '../ui/Tabs'
import { At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { RunsTable } from '../runs/RunsTable'
import { t as common } from '../app/words'
import { CancelButton, EditLink, EnabledSwitch, JobMenu, QUARANTINE, RunButton, useJobRights } from './actions'
import css from './job.module.css'
import { t } from './jobWords'
import { DurationChart } from './DurationChart'
import { Overview } from './Overview'
import { LastRunBadge, Running } from './pieces'
import { noteOf } from './quarantine'

const Schedules = lazy(() => import('./Schedules').then((module) => ({ default: module.Schedules })))
const Definition = lazy(() => import('./Definition').then((module) => ({ default: module.Definition })))
const Changes = lazy(() => import('./Changes').then((module) => ({ default: module.Changes })))

const TABS = ['overview', 'runs', 'schedules', 'definition', 'changes'] as const
type TabId = (typeof TABS)[number]

export function JobPage() {
  const { id } = useParams({ from: '/shell/jobs/$id' })
  const { tab: asked } = useSearch({ from: '/shell/jobs/$id' })
  const tab: TabId = TABS.find((each) => each === asked) ?? 'overview'
  useTitle(id)
  const { data: job, error, isPending, refetch } = useQuery(queries.job(id))
  const rights = useJobRights(id)
  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <Link to="/jobs">{common.jobs}</Link>
        <span className="muted" aria-hidden="true">/</span>
        <h1 className="mono">{id}</h1>
        {job && <LastRunBadge job={job} />}
        <MuteTag kind="job" name={id} />
        {job && <span className={css.headTags}>{job.tags.map((tag) => <Tag key={tag}>{tag}</Tag>)}</span>}
        <span className="grow" />
        {job && <EnabledSwitch job={job} />}
        {job && rights.run && <RunButton job={job} primary />}
        {job?.active_run_id && rights.run && <CancelButton runId={job.active_run_id} jobId={job.id} />}
        {job && rights.edit && <EditLink id={id} />}
        {job && <MuteButton kind="job" name={id} />}
        {job && <JobMenu job={job} />}
      </header>
      {job && <Tabs label={t.tabsLabel} current={tab} tabs={TABS.map((each) => ({ id: each, label: t.tabs[each], to: '/jobs/$id', params: { id }, search: each === 'overview' ? {} : { tab: each } }))} />}
      <div className={ui.body}>
        {error && (isMissing(error) ? <Gone id={id} /> : <ProblemPanel error={error} retry={() => void refetch()} />)}
        <Skeleton pending={isPending} />
        {job && <Suspense fallback={<Skeleton pending />}><Content job={job} tab={tab} /></Suspense>}
      </div>
    </div>
  )
}

function Content({ job, tab }: { job: JobDetail; tab: TabId }) {
  return (
    <>
      {job.active_run_id && <div className={css.running}><Running job={job} run={job.last_run?.id === job.active_run_id ? job.last_run : null} /></div>}
      {noteOf(job.description) !== null && job.tags.includes(QUARANTINE) && <p className={css.quarantine} role="status"><ShieldAlert size={15} aria-hidden /> {t.quarantined} {noteOf(job.description)}</p>}
      {job.problems.length > 0 && (
        <section className={ui.problem} aria-label={t.problems}>
          <h2>{t.problems}</h2>
          <ProblemList problems={job.problems} />
        </section>
      )}
      {tab === 'overview' && <Overview job={job} />}
      {tab === 'runs' && (
        <Panel title={t.tabs.runs} actions={<Link to="/runs" search={{ job: job.id }}>{t.allRuns}</Link>}>
          {job.runs.length === 0 ? <Empty title={t.noRuns} /> : <RunsTable runs={job.runs} showJob={false} />}
        </Panel>
      )}
      {tab === 'schedules' && <Schedules job={job} />}
      {tab === 'definition' && <Definition job={job} />}
      {tab === 'changes' && <Changes job={job} />}
    </>
  )
}

/** A job that was removed still shows what it did. */
function Gone({ id }: { id: string }) {
  const { data } = useQuery(queries.runs({ job: id }))
  const versions = useQuery(queries.versions(id))
  return (
    <>
      <Empty title={t.gone}>{data && data.runs.length > 0 ? t.goneHint : <Link to="/jobs">{common.toJobs}</Link>}</Empty>
      <DurationChart job={id} alertMinutes={null} />
      {data && data.runs.length > 0 && <Panel title={t.tabs.runs} actions={data.next && <Link to="/runs" search={{ job: id }}>{t.allRuns}</Link>}><RunsTable runs={data.runs} showJob={false} /></Panel>}
      {versions.data && versions.data.versions.length > 0 && (
        <Panel title={t.tabs.changes}>
          <ul className={css.goneVersions}>{versions.data.versions.map((each) => <li key={each.version}>{t.version} {each.version} · {each.change} · {each.by} · <At at={each.at} /></li>)}</ul>
        </Panel>
      )}
    </>
  )
}
