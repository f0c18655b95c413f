/** What a test came to, stage by stage; those after a failure are shown as not reached. */
import { DataTable } from '../ui/DataTable'
import { Glyph } from '../ui/Status'
import { duration } from '../ui/time'
import { stagesOf, type TestReport } from './connectors'
import css from './connectors.module.css'
import { t } from './words'

export function Report({ dialect, report }: { dialect: string | null; report: TestReport }) {
  const failed = report.stages.find((stage) => !stage.ok)
  return (
    <div className={css.report} role="status">
      <p data-test={report.ok ? 'passed' : 'failed'}>
        <strong>{failed ? t.failedAt(t.stages[failed.name] ?? failed.name) : t.passed(duration(report.ms))}</strong>
        {report.server_version && <> {t.version} <span className="mono">{report.server_version}</span></>}
        {report.encrypted !== null && <span className="muted"> · {t.encrypted}: {report.encrypted ? t.yes : t.no}</span>}
      </p>
      <DataTable
        label={t.testTitle}
        rows={stagesOf({ dialect }, report)}
        rowKey={(stage) => stage.name}
        rowProps={(stage) => ({ 'data-stage': stage.name, 'data-ok': stage.ok === null ? 'not-reached' : stage.ok })}
        columns={[
          { id: 'stage', head: t.stage, cell: (stage) => <span className={css.stage}><Glyph status={stage.ok === null ? 'PENDING' : stage.ok ? 'SUCCEEDED' : 'FAILED'} /><span>{t.stages[stage.name] ?? stage.name}</span></span> },
          { id: 'outcome', head: t.outcome, cell: (stage) => (stage.ok === null ? <span className="muted">{t.notReached}</span> : stage.ok ? t.works : <span className={css.bad}>{t.fails}</span>) },
          { id: 'detail', head: t.detail, breaks: true, cell: (stage) => stage.ok !== null && <span className="mono">{stage.detail}</span> },
          { id: 'took', head: t.took, number: true, cell: (stage) => stage.ok !== null && (stage.ms === 0 ? '' : stage.ms < 1 ? '< 1 ms' : duration(stage.ms)) },
        ]}
      />
    </div>
  )
}
