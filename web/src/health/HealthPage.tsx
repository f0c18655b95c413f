/** Whether schedules fire, who fires them, what is wrong, and the switch that pauses them all. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { LifeBuoy, RotateCcw } from 'lucide-react'
import { api } from '../api/client'
import { download } from '../api/http'
import { mayAnyJob, useMay } from '../api/permissions'
import { optional, queries } from '../api/queries'
import type { RunsFilter, StepStatus } from '../api/types'
import { lazy, Suspense, useState } from 'react'
import { ActionButton, Button } from '../ui/Button'
import { useTitle } from '../ui/hooks'
import { Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import { Ago, At, Single } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { RunsTable } from '../runs/RunsTable'
import { Checks } from './Checks'
import css from './health.module.css'
import { healthQueries, lastLoss, nextFire, told, verdictOf, type Health, type Verdict } from './health'
import { PauseButton } from './Pause'
import { Replicas } from './Replicas'
import { t } from './words'

const Accuracy = lazy(() => import('./Accuracy').then((module) => ({ default: module.Accuracy })))
const BulkRunsDialog = lazy(() => import('../runs/BulkRuns').then((module) => ({ default: module.BulkRunsDialog })))
const LoadPanel = lazy(() => import('./Load').then((module) => ({ default: module.LoadPanel })))
const LIKE: Record<Verdict, StepStatus> = { good: 'SUCCEEDED', paused: 'QUEUED', idle: 'SKIPPED', bad: 'FAILED' }
/** The reason of a run that ended with its process. */
const LOST = 'lost in restart'
/** Lost runs that are looked at for those of the last time. */
const LOOKED_AT = 100

export function HealthPage() {
  useTitle(t.title)
  const may = useMay()
  const { data: health, error, isPending, refetch } = useQuery(healthQueries.health())
  return (
    <div className={ui.page}>
      <header className={ui.head}><h1>{t.title}</h1><span className="grow" />{may('superuser') && <BundleButton />}{health && <PauseButton health={health} />}</header>
      <div className={ui.body}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
        {health && (
          <>
            <Sentence health={health} />
            {health.problems.length > 0 && (
              <section className={ui.problem} aria-label={t.problems}>
                <h2>{t.problems}</h2>
                <ul>{told(health, 'problems', t.remarks).map((problem) => <li key={problem}>{problem}</li>)}</ul>
              </section>
            )}
            {health.notes.length > 0 && <Panel title={t.notes}><ul className={css.notes}>{told(health, 'notes', t.remarks).map((note) => <li key={note}>{note}</li>)}</ul></Panel>}
            <Checks health={health} />
            <Replicas health={health} />
            <Lost />
            {may('job:*') && <Suspense><LoadPanel /><Accuracy /></Suspense>}
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
      <Single value={true}><p>
        {health.paused_by ? <>{t.pausedBy(health.paused_by)} {t.since} <At at={health.paused_at} />{scheduler.data?.pause_reason && <> · {scheduler.data.pause_reason}</>}</>
          : health.lease ? <>{t.heldBy(health.lease.holder)}{holder && <> ({t.up.toLowerCase()} <At at={holder.started_at} />)</>}</> : t.nobody}
        {' · '}{t.armed(health.jobs)}
        {health.runs_in_flight !== null && <> · <Link to="/runs" search={{ status: 'RUNNING,QUEUED' }}>{t.inFlight(health.runs_in_flight)}</Link></>}
        {next && !health.paused_by && <> · {t.nextFire} <Ago at={next.at} /> (<Link to="/jobs/$id" params={{ id: next.id }}><span className="mono">{next.id}</span></Link>)</>}
      </p></Single>
    </section>
  )
}

/** One file for somebody who helps from afar. */
function BundleButton() {
  const save = useMutation({ mutationFn: () => download('admin/diagnostics') })
  return <ActionButton icon={<LifeBuoy size={13} aria-hidden />} action={save} waiting={t.bundling} done={t.bundled} title={t.bundleHint} onClick={() => save.mutate()}>{t.bundle}</ActionButton>
}

/** Runs that ended with their process, the last time one did: nobody did that on purpose. */
function Lost() {
  const may = useMay()
  const [again, setAgain] = useState<{ filter: RunsFilter; only: string[] } | null>(null)
  const { data: me } = useQuery(queries.me())
  const { data } = useQuery({ queryKey: ['health', 'lost'], queryFn: ({ signal }) => optional(api.runs({ q: LOST, status: 'FAILED' }, LOOKED_AT, signal)), enabled: mayAnyJob(me) })
  const runs = lastLoss(data?.runs.filter((run) => run.reason?.includes(LOST)) ?? [])
  if (runs.length === 0) return null
  const mine = runs.filter((run) => may(`job:${run.job_id}`))
  const queued = runs.map((run) => run.queued_at).sort()
  // Those that are shown, whatever is lost meanwhile; `to` is the first instant that is not looked at.
  const filter = { q: LOST, status: 'FAILED', from: queued[0]!, to: new Date(Date.parse(queued.at(-1)!) + 1000).toISOString() }
  return (
    <Panel title={<>{t.lost} <span className="muted">{runs.length}</span></>} actions={<>{mine.length > 0 && <Button icon={<RotateCcw size={13} aria-hidden />} onClick={() => setAgain({ filter, only: runs.map((run) => run.id) })}>{t.lostAgain}</Button>}<Link to="/runs" search={{ q: LOST, status: 'FAILED' }}>{t.lostMore}</Link></>}>
      <p className={ui.lead}>{t.lostHint}</p>
      <RunsTable runs={runs} />
      {again && <Suspense><BulkRunsDialog action="replay" filter={again.filter} only={again.only} words={t.lostWords} close={() => setAgain(null)} /></Suspense>}
    </Panel>
  )
}
