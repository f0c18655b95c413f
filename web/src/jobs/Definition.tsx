/** The exact text of a job as the server holds it, to read, copy and download. */
import { useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { endpoint, isMissing } from '../api/http'
import { queries } from '../api/queries'
import type { JobDetail } from '../api/types'
import { CopyButton } from '../ui/Copy'
import { Json, Panel, Skeleton, Tag } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import css from './job.module.css'
import { t } from './jobWords'

export function Definition({ job }: { job: JobDetail }) {
  const { data, error, isPending } = useQuery(queries.source(job.id))
  if (isMissing(error)) return <Panel title={t.tabs.definition}><p className={`muted ${css.pad}`}>{t.noSource}</p><Json value={{ ...job, runs: undefined, last_run: undefined, active_run_id: undefined }} /></Panel>
  return (
    <>
      {error && <ProblemPanel error={error} />}
      <Skeleton pending={isPending} rows={2} />
      {data && (
        <Panel
          title={<>{t.definitionOf} <code className="muted">{data.path}</code> {data.vendor && <Tag>{t.vendor}</Tag>}</>}
          actions={
            <>
              <CopyButton text={data.text} />
              <a className={ui.button} href={endpoint(`admin/jobs/${encodeURIComponent(job.id)}/export`)} download={`${job.id}.toml`}><Download size={14} aria-hidden />{t.download}</a>
            </>
          }
        >
          <pre className={css.text} tabIndex={0} aria-label={t.definitionOf}>{data.text}</pre>
        </Panel>
      )}
      {data?.local && <Panel title={t.overlay}><pre className={css.text} tabIndex={0} aria-label={t.overlay}>{data.local}</pre></Panel>}
    </>
  )
}
