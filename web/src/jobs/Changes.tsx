/** Who changed a job and when; each version side by side with what is now, and the way back to it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { api } from '../api/client'
import { isMissing } from '../api/http'
import { queries, queryClient } from '../api/queries'
import type { JobDetail } from '../api/types'
import { Button } from '../ui/Button'
import { DataTable } from '../ui/DataTable'
import { ConfirmDialog } from '../ui/Dialog'
import { Empty, Panel, Skeleton } from '../ui/parts'
import { InlineProblem, ProblemPanel } from '../ui/Problem'
import { Ago, At } from '../ui/Times'
import { useJobRights } from './actions'
import { sideBySide } from './diff'
import css from './job.module.css'
import { t } from './jobWords'

export function Changes({ job }: { job: JobDetail }) {
  const { version } = useSearch({ from: '/shell/jobs/$id' })
  const chosen = version === undefined ? null : Number(version)
  const { data, error, isPending } = useQuery(queries.versions(job.id))
  const rights = useJobRights(job.id)
  const [restoring, setRestoring] = useState<number | null>(null)
  const restore = useMutation({
    mutationFn: async (to: number) => {
      const source = await api.source(job.id)
      await api.restore(job.id, to, source.etag)
      await Promise.all(['job', 'source', 'versions'].map((key) => queryClient.invalidateQueries({ queryKey: [key, job.id] })))
    },
    onSuccess: () => setRestoring(null),
  })
  if (isMissing(error)) return <Empty title={t.noVersions} />
  const newest = data?.versions[0]?.version
  return (
    <>
      {error && <ProblemPanel error={error} />}
      <Skeleton pending={isPending} rows={2} />
      {data?.versions.length === 0 && <Empty title={t.noChanges} />}
      {data && data.versions.length > 0 && (
        <Panel title={t.tabs.changes}>
          <DataTable
            label={t.tabs.changes}
            rows={data.versions}
            rowKey={(each) => String(each.version)}
            rowProps={(each) => ({ 'data-version': each.version })}
            columns={[
              { id: 'version', head: t.version, cell: (each) => <strong>{each.version}</strong> },
              { id: 'at', head: t.at, cell: (each) => <><At at={each.at} /> <span className="muted"><Ago at={each.at} /></span></> },
              { id: 'by', head: t.by, cell: (each) => each.by },
              { id: 'change', head: t.change, cell: (each) => each.change },
              {
                id: 'actions', head: <span className="unseen">{t.diff}</span>, breaks: true, cell: (each) => each.version === newest ? <span className="muted">{t.current}</span> : (
                  <span className={css.versionActions}>
                    <Link to="/jobs/$id" params={{ id: job.id }} search={{ tab: 'changes', version: String(each.version) }}>{t.show}</Link>
                    {rights.edit && <Button onClick={() => setRestoring(each.version)}>{t.restore}</Button>}
                  </span>
                ),
              },
            ]}
          />
        </Panel>
      )}
      {chosen !== null && Number.isInteger(chosen) && <Diff job={job.id} from={chosen} />}
      {restoring !== null && (
        <ConfirmDialog title={t.restoreTitle(restoring)} confirm={t.restore} action={restore} onConfirm={() => restore.mutate(restoring)} close={() => setRestoring(null)}>
          <p>{t.restoreHint}</p>
        </ConfirmDialog>
      )}
    </>
  )
}

function Diff({ job, from }: { job: string; from: number }) {
  const { data, error } = useQuery({ queryKey: ['versions', job, 'diff', from], queryFn: ({ signal }) => api.diff(job, from, null, signal), retry: false })
  return (
    <Panel title={t.diffTo(from)}>
      <p className={css.pad}><InlineProblem error={error} /></p>
      {data && <DiffTable unified={data.unified} label={t.diffTo(from)} />}
    </Panel>
  )
}

export function DiffTable({ unified, label }: { unified: string; label: string }) {
  const rows = useMemo(() => sideBySide(unified), [unified])
  if (rows.length === 0) return <p className={`muted ${css.pad}`}>{t.same}</p>
  return (
    <div className={css.diffBox} tabIndex={0} role="region" aria-label={label}>
      <table className={css.diff}>
        <tbody>
          {rows.map((row, i) => row.kind === 'hunk' ? <tr key={i}><td colSpan={2} className={css.hunk}>{row.left}</td></tr> : (
            <tr key={i}>
              <td className={row.kind === 'change' && row.left !== null ? css.removed : undefined}>{row.left}</td>
              <td className={row.kind === 'change' && row.right !== null ? css.added : undefined}>{row.right}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
