/** Whether schedules fire, who fires them, what is wrong, and the switch that pauses them all. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api } from '../api/client'
import { mayAnyJob, useMay } from '../api/permissions'
import { optional, queries } from '../api/queries'
import type { StepStatus } from '../api/types'
import { lazy, Suspense } from 'react'
import { useTitle } from '../ui/hooks'
import { Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { RunsTable } from '../runs/RunsTable'
import { Checks } from './Checks'
import css from './health.module.css'
import { healthQueries, nextFire, verdictOf, type Health, type Verdict } from './health'
import { PauseButton } from './Pause'
import { Replicas } from './Replicas'
import { t } from './words'

const Accuracy = lazy(() => import('./Accuracy').then((module) => ({ default: module.Accuracy })))
const LIKE: Record<Verdict, StepStatus> = { good: 'SUCCEEDED', paused: 'QUEUED', idle: 'SKIPPED', bad: 'FAILED' }
/** The reason of a run that ended with its process. */
const LOST = 'lost in restart'

export function HealthPage() {
  useTitle(t.title)
  const may = useMay()
  const { data: health, error, isPending, refetch } = useQuery(healthQueries.health())
  return (
    <div className={ui.page}>
      <header className={ui.head}><h1>{t.title}</h1><span className="grow" />{health && <PauseButton health={health} />}</header>
      <div className={ui.body}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
        {health && (
          <>
            <Sentence health={health} />
            {health.problems.length > 0 && (
              <section className={ui.problem} aria-label={t.problems}>
                <h2>{t.problems}</h2>
                <ul>{health.problems.map((problem) => <li key={problem}>{problem}</li>)}</ul>
              </section>
            )}
            {health.notes.length > 0 && <Panel title={t.notes}><ul className={css.notes}>{health.notes.map((note) => <li key={note}>{note}</li>)}</ul></Panel>}
            <Checks health={health} />
            <Replicas health={health} />
            <Lost />
            {may('job:*') && <Suspense><Accuracy /></Suspense>}
          </>
        )}
      </div>
    </div>
  )
}

/** Everything in one line, for somebody who has ten seconds. */
function Sentence({ health }: { health: Health }) {
  const { data: me } = useQuery(queries.me())
  const jobs = useQuery({ ...queries.jobs(), enabled: mayAnyJob(me) })
  const scheduler = useQuery(queries.scheduler())
  const verdict = verdictOf(health)
  const next = nextFire(jobs.data?.jobs ?? [])
  const holder = health.replicas.find((replica) => replica.lease)
  return (
    <section className={`${css.sentence} ${ui[LIKE[verdict]]}`} data-verdict={verdict} role="status">
      <p className={css.verdict}><Glyph status={LIKE[verdict]} /><strong>{t.states[verdict]}</strong></p>
      <p>
        {health.paused_by ? <>{t.pausedBy(health.paused_by)} {t.since} <At at={health.paused_at} />{scheduler.data?.pause_reason && <> · {scheduler.data.pause_reason}</>}</>
          : health.lease ? <>{t.heldBy(health.lease.holder)}{holder && <> ({t.up.toLowerCase()} <At at={holder.started_at} />)</>}</> : t.nobody}
        {' · '}{t.armed(health.jobs)}
        {health.runs_in_flight !== null && <> · <Link to="/runs" search={{ status: 'RUNNING,QUEUED' }}>{t.inFlight(health.runs_in_flight)}</Link></>}
        {next && !health.paused_by && <> · {t.nextFire} <Ago at={next.at} /> (<Link to="/jobs/$id" params={{ id: next.id }}><span className="mono">{next.id}</span></Link>)</>}
      </p>
    </section>
  )
}

/** Runs that ended with their process: nobody did that on purpose. */
function Lost() {
  const { data: me } = useQuery(queries.me())
  const { data } = useQuery({ queryKey: ['health', 'lost'], queryFn: ({ signal }) => optional(api.runs({ q: LOST, status: 'FAILED' }, 10, signal)), enabled: mayAnyJob(me) })
  const runs = data?.runs.filter((run) => run.reason?.includes(LOST)) ?? []
  if (runs.length === 0) return null
  return (
    <Panel title={t.lost} actions={<Link to="/runs" search={{ q: LOST, status: 'FAILED' }}>{t.lostMore}</Link>}>
      <p className={ui.lead}>{t.lostHint}</p>
      <RunsTable runs={runs} />
    </Panel>
  )
}
