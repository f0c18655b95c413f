/** One step of a run in full: the chosen attempt with its times, rows, error, input, output and usage. */
import { Link } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { isFinal, type StepRun } from '../api/types'
import type { Progress } from '../live/protocol'
import { count } from '../i18n'
import { t } from './words'
import { useNow } from '../ui/hooks'
import { Ago, At } from '../ui/Times'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/Copy'
import { Fact, Json } from '../ui/parts'
import { Badge } from '../ui/Status'
import { duration, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import { ProgressBar } from './ProgressBar'
import css from './runs.module.css'
import type { Row } from './timeline'
import { usageFacts } from './usage'
import { drawnStatus } from '../ui/drawn'

interface Props {
  row: Row
  /** The attempt that is looked at; null is the last. */
  attempt: number | null
  onAttempt: (attempt: number) => void
  progress: Record<string, Progress> | undefined
  close: () => void
}

export function StepDetail({ row, attempt, onAttempt, progress, close }: Props) {
  const step = row.attempts.find((each) => each.attempt === attempt) ?? row.latest
  return (
    <section className={css.detail} aria-label={row.name}>
      <div className={css.detailHead}>
        <h2 className="mono">{row.name || t.unnamed(row.index + 1)}</h2>
        <span className="muted mono">{row.type}</span>
        {row.attempts.length > 1 && (
          <select aria-label={t.attempt} value={step?.attempt} onChange={(event) => onAttempt(Number(event.target.value))}>
            {row.attempts.map((each) => (
              <option key={each.attempt} value={each.attempt}>{`${t.attempt} ${each.attempt}: ${each.status}`}</option>
            ))}
          </select>
        )}
        <span className="grow" />
        <Button icon={<X size={14} aria-hidden />} aria-label={t.close} onClick={close} />
      </div>
      {step ? <Attempt step={step} progress={progress?.[`${step.index}/${step.attempt}`]} /> : <p className="muted">{t.nothing}</p>}
    </section>
  )
}

function Attempt({ step, progress }: { step: StepRun; progress: Progress | undefined }) {
  const running = step.status === 'RUNNING'
  const now = useNow(running ? 1000 : 0)
  const start = toMillis(step.started_at)
  const end = toMillis(step.finished_at) ?? (running ? now : null)
  return (
    <>
      <dl className={ui.facts}>
        <Fact name={t.status}><Badge status={drawnStatus(step.status, step.reason)} /></Fact>
        <Fact name={t.started}><At at={step.started_at} /></Fact>
        <Fact name={t.duration}>{start === null || end === null ? '–' : duration(end - start)}</Fact>
        <Fact name={t.rows}>{count(step.rows_affected)}</Fact>
        {step.retry_at && !step.started_at && <Fact name={t.retryAt}><Ago at={step.retry_at} /></Fact>}
        {step.reason && <Fact name={t.reason}>{step.reason}</Fact>}
      </dl>
      {running && progress && <ProgressBar progress={progress} label={t.progress(step.name)} />}
      {step.error && (
        <div className={ui.problem}>
          <h2>{t.error}: <span className="mono">{step.error.kind}</span></h2>
          <p>
            {step.error.message} {/^(component|there is no component|the plugin|Python module) /.test(step.error.message) && <Link to="/plugins">{t.toPlugins}</Link>}{' '}
            <CopyButton small text={[`${step.error.kind}: ${step.error.message}`, step.error.detail].filter(Boolean).join('\n')} label={t.copyError} />
          </p>
          {step.error.detail && <details><summary>{t.detail}</summary><Json value={step.error.detail} /></details>}
        </div>
      )}
      <Snapshot title={t.input} value={step.input} final={isFinal(step.status)} />
      <Snapshot title={t.output} value={step.output} final={isFinal(step.status)} />
      {step.usage && <Usage usage={step.usage} />}
    </>
  )
}

function Snapshot({ title, value, final }: { title: string; value: unknown; final: boolean }) {
  const nothing = value === undefined || value === null
  return (
    <details open={!nothing} className={css.snapshot}>
      <summary>{title}</summary>
      {nothing ? <p className="muted">{final ? t.nothing : t.later}</p> : <Json value={value} />}
    </details>
  )
}

function Usage({ usage }: { usage: Record<string, unknown> }) {
  return (
    <details open className={css.snapshot}>
      <summary>{t.usage}</summary>
      <dl className={ui.facts}>
        {usageFacts(usage).map(({ name, value, full }) => <Fact key={name} name={name}>{full ? <span className="mono" title={full}>{value}</span> : value}</Fact>)}
      </dl>
    </details>
  )
}
