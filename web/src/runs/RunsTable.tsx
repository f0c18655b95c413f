/** Runs as a table; two lines each on a narrow screen. Running rows count up by themselves. */
import { Link } from '@tanstack/react-router'
import { isFinal, type RunSummary } from '../api/types'
import { count } from '../i18n'
import { t } from '../i18n/legacy'
import { useNow } from '../ui/hooks'
import { At } from '../ui/Times'
import { Badge } from '../ui/Status'
import { duration, stopwatch, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'

export function RunsTable({ runs, showJob = true }: { runs: RunSummary[]; showJob?: boolean }) {
  return (
    <table className={`${ui.table} ${ui.stacks}`}>
      <thead>
        <tr>
          <th>{t.runs.status}</th>
          <th>{t.runs.id}</th>
          {showJob && <th>{t.runs.job}</th>}
          <th>{t.runs.trigger}</th>
          <th>{t.runs.started}</th>
          <th className={ui.number}>{t.runs.duration}</th>
          <th className={ui.number}>{t.runs.steps}</th>
          <th className={ui.number}>{t.runs.rows}</th>
          <th>{t.runs.reason}</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.id} data-run={run.id}>
            <td><Badge status={run.status} /></td>
            <td><Link to="/runs/$id" params={{ id: run.id }} className="mono">{run.id}</Link></td>
            {showJob && <td className={ui.break}><Link to="/jobs/$id" params={{ id: run.job_id }} className="mono">{run.job_id}</Link></td>}
            <td>{run.triggered_by}</td>
            <td className={ui.nowrap}><At at={run.started_at ?? run.queued_at} /></td>
            <td className={ui.number}><Elapsed run={run} /></td>
            <td className={ui.number} data-label={t.runs.steps}>{run.steps_done} / {run.step_count}</td>
            <td className={ui.number} data-label={t.runs.rows}>{count(run.rows_affected)}</td>
            <td>{run.reason ?? run.error}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** How long a run took, or takes. */
export function Elapsed({ run }: { run: RunSummary }) {
  const running = !isFinal(run.status)
  const now = useNow(running && run.started_at ? 1000 : 0)
  const start = toMillis(run.started_at)
  if (start === null) return <>–</>
  if (running) return <span className="mono">{stopwatch(now - start)}</span>
  const end = toMillis(run.finished_at)
  return <>{end === null ? '–' : duration(end - start)}</>
}
