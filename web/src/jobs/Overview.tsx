/** What a job does and how its last runs went: facts, steps over runs, lengths. */
import type { JobDetail, StepDefinition } from '../api/types'
import { Fact, Facts, Json, Panel } from '../ui/parts'
import { cronWords } from '../ui/cron'
import { Ago } from '../ui/Times'
import { duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import { DurationChart } from './DurationChart'
import { t } from './jobWords'
import { textOf } from './overrides'
import { plain } from './quarantine'
import { StepGrid } from './StepGrid'

export function Overview({ job }: { job: JobDetail }) {
  const params = Object.entries(job.params)
  const words = job.schedule ? cronWords(job.schedule) : null
  return (
    <>
      <Panel>
        {plain(job.description) && <p className={ui.lead}>{plain(job.description)}</p>}
        <Facts>
          <Fact name={t.schedule}><code>{job.schedule ?? t.manual}</code>{words && <> · {words}</>}</Fact>
          {job.schedule && <Fact name={t.timezone}>{job.timezone ?? 'UTC'}</Fact>}
          {job.schedule && <Fact name={t.nextRun}>{job.next_run_at ? <Ago at={job.next_run_at} zone={job.timezone} /> : t.noFire}</Fact>}
          <Fact name={t.app}>{job.app}</Fact>
          <Fact name={t.logLevel}>{job.log_level}</Fact>
          <Fact name={t.timeout}>{limit(job.timeout_seconds)}</Fact>
          <Fact name={t.retry}>{t.retryWords(job.retry.attempts, job.retry.backoff, job.retry.base_seconds)}</Fact>
          {job.overlap && <Fact name={t.overlap}>{job.overlap}</Fact>}
          <Fact name={t.onRestart}>{job.on_restart}</Fact>
          {job.placement && <Fact name={t.placement}>{job.placement}</Fact>}
          {job.source && <Fact name={t.source}><code>{[job.source.file, job.source.line].filter(Boolean).join(':')}</code></Fact>}
          {params.map(([key, value]) => <Fact key={key} name={<span className="mono">{key}</span>}><code>{textOf(value) || '""'}</code></Fact>)}
        </Facts>
      </Panel>
      {job.runs.length > 0 && <StepGrid job={job} />}
      <DurationChart job={job.id} alertMinutes={job.long_run_minutes ?? null} />
      <Panel title={<>{t.steps} <span className="muted">{job.steps.length}</span></>}>
        <table className={`${ui.table} ${ui.stacks}`} aria-label={t.steps}>
          <thead>
            <tr><th scope="col" className={ui.number}>#</th><th scope="col">{t.name}</th><th scope="col">{t.type}</th><th scope="col">{t.what}</th><th scope="col">{t.timeout}</th><th scope="col">{t.state}</th></tr>
          </thead>
          <tbody>{job.steps.map((step, i) => <StepRow key={step.name} step={step} number={i + 1} />)}</tbody>
        </table>
      </Panel>
    </>
  )
}

function limit(seconds: number | null): string {
  return seconds === null ? t.noLimit : duration(seconds * 1000)
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
            <summary className="muted">{t.arguments}</summary>
            <Json value={step.op_kwargs} />
          </details>
        )}
      </td>
      <td data-label={t.timeout}>{limit(step.timeout_seconds)}</td>
      <td>{step.enabled ? t.enabled : <span className="muted">{t.disabled}</span>}</td>
    </tr>
  )
}
