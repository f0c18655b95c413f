/**
 * The steps of a job over its last runs: which of them is flaky shows at a glance. One tab stop; arrow keys move from
 * cell to cell, Enter opens the run at that step.
 */
import { useQueries } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { queries } from '../api/queries'
import type { JobDetail, RunDocument, StepStatus } from '../api/types'
import { drawnStatus } from '../ui/drawn'
import { Panel } from '../ui/parts'
import { Glyph } from '../ui/Status'
import { everyZone, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import css from './job.module.css'
import { t } from './jobWords'

const COLUMNS = 30

interface Cell {
  run: string
  index: number
  status: StepStatus
}

export function StepGrid({ job }: { job: JobDetail }) {
  const navigate = useNavigate()
  const table = useRef<HTMLTableElement>(null)
  const [at, setAt] = useState<[row: number, column: number]>([0, 0])
  const runs = job.runs.filter((run) => run.status !== 'SKIPPED').slice(0, COLUMNS).toReversed()
  const documents = useQueries({ queries: runs.map((run) => queries.run(run.id)) })
  const byRun = new Map<string, RunDocument>(documents.flatMap((query) => (query.data ? [[query.data.run.id, query.data] as const] : [])))
  const names = [...new Set([...job.steps.map((step) => step.name), ...[...byRun.values()].flatMap((document) => document.steps.map((step) => step.name))])]
  const cell = (run: string, name: string): Cell | null => {
    const last = byRun.get(run)?.steps.findLast((step) => step.name === name)
    return last ? { run, index: last.index, status: drawnStatus(last.status, last.reason) } : null
  }
  const onKey = (event: React.KeyboardEvent) => {
    const by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key]
    if (!by) return
    event.preventDefault()
    const next: [number, number] = [Math.min(names.length - 1, Math.max(0, at[0] + by[0]!)), Math.min(runs.length - 1, Math.max(0, at[1] + by[1]!))]
    setAt(next)
    table.current?.querySelector<HTMLElement>(`[data-cell="${next[0]},${next[1]}"]`)?.focus()
  }
  return (
    <Panel title={t.grid} actions={<span className={`muted ${css.gridHint}`}>{t.gridHint}</span>}>
      <div className={css.gridBox} tabIndex={-1}>
        <table ref={table} className={css.grid} aria-label={t.grid} onKeyDown={onKey}>
          <thead>
            <tr>
              <td />
              {runs.map((run) => (
                <th key={run.id} scope="col" title={everyZone(toMillis(run.started_at ?? run.queued_at) ?? 0)}>
                  <Glyph status={run.status} /><span className="unseen">{run.id} {run.status}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name, row) => (
              <tr key={name}>
                <th scope="row" className="mono">{name}</th>
                {runs.map((run, column) => {
                  const found = cell(run.id, name)
                  return (
                    <td key={run.id}>
                      <button
                        type="button"
                        className={`${css.cell} ${found ? ui[found.status] : ''}`}
                        data-cell={`${row},${column}`}
                        tabIndex={at[0] === row && at[1] === column ? 0 : -1}
                        aria-label={t.gridCell(name, run.id, found?.status ?? '–')}
                        title={`${name} · ${found?.status ?? '–'}`}
                        onFocus={() => setAt([row, column])}
                        onClick={() => void navigate({ to: '/runs/$id', params: { id: run.id }, search: found ? { step: String(found.index) } : {} })}
                      >
                        {found && <Glyph status={found.status} />}
                      </button>
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
