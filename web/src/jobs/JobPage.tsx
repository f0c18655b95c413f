/** One job: what is declared, what it does step by step, and how its last runs went. */
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { queries } from '../api/queries'
import type { JobDetail, StepDefinition } from '../api/types'
import { t } from '../i18n/legacy'
import { useTitle } from '../ui/hooks'
import { Ago } from '../ui/Times'
import { Empty, Fact, Json, Skeleton } from '../ui/parts'
import { ProblemList, ProblemPanel } from '../ui/Problem'
import { Badge } from '../ui/Status'
import { duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import { RunsTable } from '../runs/RunsTable'
import { CancelButton, RunButton } from './actions'
import { Enabled } from './JobCard'
import { textOf } from './overrides'

export function JobPage() {
  const { id } = useParams({ from: '/shell/jobs/$id' })
  useTitle(id)
  const { data: job, error, isPending, refetch } = useQuery(queries.job(id))
  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <Link to="/jobs">{t.nav.jobs}</Link>
        <span className="muted" aria-hidden="true">/</span>
        <h1 className="mono">{id}</h1>
        {job && <State job={job} />}
        <span className="grow" />
        {job && <RunButton job={job} primary />}
        {job?.active_run_id && <CancelButton runId={job.active_run_id} jobId={job.id} />}
      </header>
      <div className={ui.body}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
        {job && <Content job={job} />}
      </div>
    </div>
  )
}

function State({ job }: { job: JobDetail }) {
  return (
    <>
      <Enabled enabled={job.enabled} />
      {job.last_run && (
        <Link to="/runs/$id" params={{ id: job.last_run.id }} aria-label={t.jobs.lastRunOf(job.id, job.last_run.status)}>
          <Badge status={job.last_run.status} />
        </Link>
      )}
      {job.tags.map((tag) => <span key={tag} className={ui.tag}>{tag}</span>)}
    </>
  )
}

function Content({ job }: { job: JobDetail }) {
  const params = Object.entries(job.params)
  return (
    <>
      {job.problems.length > 0 && (
        <section className={ui.problem} aria-label={t.problems.title}>
          <h2>{t.problems.title}</h2>
          <ProblemList problems={job.problems} />
        </section>
      )}
      <section className={ui.panel}>
        <h2>{t.job.definition}</h2>
        <dl className={ui.facts}>
          <Fact name={t.job.app}>{job.app}</Fact>
          <Fact name={t.job.schedule}><code>{job.schedule ?? t.jobs.manual}</code></Fact>
          {job.schedule && <Fact name={t.job.timezone}>{job.timezone ?? t.job.utc}</Fact>}
          {job.schedule && <Fact name={t.job.nextRun}>{job.next_run_at ? <Ago at={job.next_run_at} zone={job.timezone} /> : t.jobs.noFire}</Fact>}
          <Fact name={t.job.logLevel}>{job.log_level}</Fact>
          <Fact name={t.job.timeout}>{limit(job.timeout_seconds)}</Fact>
          <Fact name={t.job.retry}>{t.job.retryWords(job.retry.attempts, job.retry.backoff, job.retry.base_seconds)}</Fact>
          {job.source && <Fact name={t.job.source}><code>{t.problems.at(job.source.file, job.source.line, null)}</code></Fact>}
        </dl>
        {job.description && <dl className={ui.facts}><Fact name={t.job.what}>{job.description}</Fact></dl>}
      </section>
      {params.length > 0 && (
        <section className={ui.panel}>
          <h2>{t.job.params}</h2>
          <dl className={ui.facts}>
            {params.map(([key, value]) => <Fact key={key} name={key}><code>{textOf(value) || '""'}</code></Fact>)}
          </dl>
        </section>
      )}
      <section className={ui.panel}>
        <h2>{t.job.steps} <span className="muted">{job.steps.length}</span></h2>
        <table className={`${ui.table} ${ui.stacks}`}>
          <thead>
            <tr><th className={ui.number}>#</th><th>{t.job.name}</th><th>{t.job.type}</th><th>{t.job.what}</th><th>{t.job.timeout}</th><th>{t.job.state}</th></tr>
          </thead>
          <tbody>{job.steps.map((step, i) => <StepRow key={step.name} step={step} number={i + 1} />)}</tbody>
        </table>
      </section>
      <section className={ui.panel}>
        <h2>
          {t.job.runs}
          <span className="grow" />
          <Link to="/runs" search={{ job: job.id }}>{t.job.allRuns}</Link>
        </h2>
        {job.runs.length === 0 ? <Empty title={t.job.noRuns} /> : <RunsTable runs={job.runs} showJob={false} />}
      </section>
    </>
  )
}

function limit(seconds: number | null): string {
  return seconds === null ? t.job.noLimit : duration(seconds * 1000)
}

function StepRow({ step, number }: { step: StepDefinition; number: number }) {
  return (
    <tr>
      <td className={ui.number}>{number}</td>
      <td className="mono">{step.name}</td>
      <td className="mono muted">{step.type}</td>
      <td className={ui.break}>
        {step.summary}
        {Object.keys(step.op_kwargs).length > 0 && (
          <details>
            <summary className="muted">{t.job.arguments}</summary>
            <Json value={step.op_kwargs} />
          </details>
        )}
      </td>
      <td data-label={t.job.timeout}>{limit(step.timeout_seconds)}</td>
      <td>{step.enabled ? t.status.enabled : <span className="muted">{t.status.disabled}</span>}</td>
    </tr>
  )
}
