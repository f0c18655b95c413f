/** Runs as a table; two lines each on a narrow screen. Running rows count up by themselves; skipped ones in a row fold. */
import { Link, useNavigate } from '@tanstack/react-router'
import { useMutation } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { api } from '../api/client'
import { isFinal, type RunDocument, type RunSummary } from '../api/types'
import { useJobRights } from '../jobs/actions'
import { Menu } from '../ui/Menu'
import { InlineProblem } from '../ui/Problem'
import { Badge } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { columns, useRunColumns, type ColumnName } from './columns'
import { fold } from './fold'
import { useRunKeys } from './keys'
import { t } from './words'

const RunDialog = lazy(() => import('../jobs/RunDialog').then((module) => ({ default: module.RunDialog })))

export function RunsTable({ runs, showJob = true }: { runs: RunSummary[]; showJob?: boolean }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const [again, setAgain] = useState<RunDocument | null>(null)
  const chosen = useRunColumns()[0].filter((name) => showJob || name !== 'job')
  useRunKeys()
  return (
    <>
      <table className={`${ui.table} ${ui.stacks}`} aria-label={t.title}>
        <thead>
          <tr>
            <th scope="col">{t.status}</th>
            <th scope="col">{t.id}</th>
            {chosen.map((name) => <th key={name} scope="col" className={columns[name].className === ui.number ? ui.number : undefined}>{columns[name].head}</th>)}
            <th scope="col"><span className="unseen">{t.actions}</span></th>
          </tr>
        </thead>
        <tbody>
          {fold(runs).map((entry) => {
            if (entry.kind === 'run') return <Row key={entry.run.id} run={entry.run} chosen={chosen} onAgain={setAgain} />
            const first = entry.runs[0]!
            const isOpen = open.has(first.id)
            return [
              <tr key={`${first.id} folded`} data-skipped={entry.runs.length}>
                <td><Badge status="SKIPPED" /></td>
                <td colSpan={chosen.length + 2}>
                  {showJob && <Link to="/jobs/$id" params={{ id: first.job_id }} className="mono">{first.job_id}</Link>} {t.skipped(entry.runs.length, first.reason ?? '')}{' '}
                  <button
                    type="button"
                    className={ui.linkButton}
                    aria-expanded={isOpen}
                    onClick={() => setOpen((old) => {
                      const next = new Set(old)
                      if (!next.delete(first.id)) next.add(first.id)
                      return next
                    })}
                  >
                    {isOpen ? t.fold : t.unfold}
                  </button>
                </td>
              </tr>,
              ...(isOpen ? entry.runs.map((run) => <Row key={run.id} run={run} chosen={chosen} onAgain={setAgain} />) : []),
            ]
          })}
        </tbody>
      </table>
      {again && <Suspense><RunDialog jobId={again.run.job_id} from={again} close={() => setAgain(null)} /></Suspense>}
    </>
  )
}

function Row({ run, chosen, onAgain }: { run: RunSummary; chosen: readonly ColumnName[]; onAgain: (document: RunDocument) => void }) {
  const navigate = useNavigate()
  const rights = useJobRights(run.job_id)
  const cancel = useMutation({ mutationFn: () => api.cancel(run.id) })
  const again = useMutation({ mutationFn: () => api.run(run.id), onSuccess: onAgain })
  const isCanceling = !isFinal(run.status) && (cancel.isPending || cancel.isSuccess)
  return (
    <tr data-run={run.id}>
      <td><Badge status={run.status} />{isCanceling && <> <small className="muted" role="status">{t.canceling}</small></>}</td>
      <td className={ui.nowrap}><Link to="/runs/$id" params={{ id: run.id }} className="mono" data-act="open">{run.id}</Link></td>
      {chosen.map((name) => {
        const { head, className, isNamed, cell, title } = columns[name]
        return <td key={name} className={className} data-column={name} data-label={isNamed ? head : undefined} title={title?.(run)}>{cell(run)}</td>
      })}
      <td className={ui.rowMenu}>
        <Menu
          label={t.actionsOf(run.id)}
          className={`${ui.button} ${ui.quiet} ${ui.icon} ${ui.small}`}
          items={[
            { label: t.openRun, act: () => void navigate({ to: '/runs/$id', params: { id: run.id } }) },
            { label: t.openLog, act: () => void navigate({ to: '/runs/$id', params: { id: run.id }, search: { view: 'log' } }) },
            // Both are always there: what one is about to choose must not go away when the run ends.
            rights.run && { label: t.cancel, disabled: isCanceling || isFinal(run.status), act: () => cancel.mutate() },
            rights.run && { label: t.replay, disabled: !isFinal(run.status), act: () => again.mutate() },
            { label: t.compareSuccess, act: () => void navigate({ to: '/runs/$id', params: { id: run.id }, search: { compare: 'success' } }) },
          ]}
        />
        <InlineProblem error={cancel.error ?? again.error} />
      </td>
    </tr>
  )
}
