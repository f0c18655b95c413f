/** The audit trail: filters in the address, the chain verified on demand, everything as a file. Nothing here writes. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Download, ShieldCheck } from 'lucide-react'
import { useState } from 'react'
import { download } from '../api/http'
import type { StepStatus } from '../api/types'
import { ActionButton, Button } from '../ui/Button'
import { CopyButton } from '../ui/Copy'
import { DataTable, type Column } from '../ui/DataTable'
import { TimeFilter, TypedFilter } from '../ui/filters'
import { Empty, Json, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import { At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { AUDIT_OUTCOMES, settingQueries, settings, type AuditEntry, type AuditFilter } from './api'
import css from './settings.module.css'
import { t } from './words'

const LIKE: Record<AuditEntry['outcome'], StepStatus> = { begun: 'RUNNING', done: 'SUCCEEDED', failed: 'FAILED', refused: 'CANCELED' }

const columns: Column<AuditEntry>[] = [
  { id: 'at', head: t.time, cell: (row) => <span className={ui.nowrap}><At at={row.at} /></span> },
  { id: 'user', head: t.user, cell: (row) => <strong>{row.user || '–'}</strong> },
  { id: 'action', head: t.action, breaks: true, cell: (row) => <code>{row.action}</code> },
  { id: 'object', head: t.object, cell: (row) => row.object && <span className="mono">{row.object}</span> },
  { id: 'outcome', head: t.outcome, cell: (row) => <span className={`${ui.badge} ${ui[LIKE[row.outcome]]}`}><Glyph status={LIKE[row.outcome]} />{t.outcomes[row.outcome] ?? row.outcome}</span> },
  { id: 'source', head: t.by_, cell: (row) => <>{row.source} <span className="muted">{row.address}</span></> },
  { id: 'detail', head: t.detail, breaks: true, cell: (row) => (Object.keys(row.detail).length > 0 ? <details className={css.detail}><summary>{t.detail} <span className="unseen">{row.seq}</span></summary><Json value={row.detail} /></details> : null) },
]

export function Audit() {
  const filter = useSearch({ strict: false }) as AuditFilter
  const navigate = useNavigate()
  const [cleared, setCleared] = useState(0)
  const go = (next: AuditFilter) => void navigate({ to: '/settings/$tab', params: { tab: 'audit' }, search: next as Record<string, string | undefined>, replace: true })
  const choose = (key: keyof AuditFilter, value: string) => go({ ...filter, cursor: undefined, [key]: value || undefined })
  const { data, error, isPending, refetch } = useQuery(settingQueries.audit(filter))
  const save = useMutation({ mutationFn: () => download('admin/audit/export') })
  const verify = useMutation({ mutationFn: settings.verify })
  const isFiltered = Object.values(filter).some(Boolean)
  return (
    <>
      <p className="muted">{t.auditHint}</p>
      <div className={css.bar}>
        <TypedFilter label={t.user} value={filter.user ?? ''} onChange={(text) => choose('user', text)} />
        <TypedFilter label={t.action} placeholder={t.actionHint} value={filter.action ?? ''} onChange={(text) => choose('action', text)} />
        <TypedFilter label={t.object} value={filter.object ?? ''} onChange={(text) => choose('object', text)} />
        <select aria-label={t.outcome} value={filter.outcome ?? ''} onChange={(event) => choose('outcome', event.target.value)}>
          <option value="">{t.anyOutcome}</option>
          {AUDIT_OUTCOMES.map((each) => <option key={each} value={each}>{t.outcomes[each]}</option>)}
        </select>
        <TimeFilter key={cleared} range={filter.range} from={filter.from} to={filter.to} onChange={(span) => go({ ...filter, cursor: undefined, ...span })} />
        {isFiltered && <button type="button" className={ui.linkButton} onClick={() => { setCleared(cleared + 1); go({}) }}>{t.clear}</button>}
        <span className="grow" />
        <ActionButton icon={<ShieldCheck size={14} aria-hidden />} action={verify} waiting={t.verifying} onClick={() => verify.mutate()}>{t.verify}</ActionButton>
        <ActionButton icon={<Download size={14} aria-hidden />} action={save} waiting={t.exporting} onClick={() => save.mutate()}>{t.exportAudit}</ActionButton>
      </div>
      {verify.data && !verify.isPending && (
        <div role="status" className={verify.data.ok ? ui.panel : ui.problem} data-verified={verify.data.ok}>
          <div className={css.pad}>
            <strong className={verify.data.ok ? css.good : css.bad}>{verify.data.ok ? t.intact(verify.data.entries) : <>{t.broken(verify.data.broken_at ?? 0)} {verify.data.why}</>}</strong>
            <span>{t.lastHash} <code className={css.hash}>{verify.data.last.seq}:{verify.data.last.hash}</code> <CopyButton small text={`${verify.data.last.seq}:${verify.data.last.hash}`} /></span>
          </div>
        </div>
      )}
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && data.entries.length > 0 && <section className={ui.panel}><DataTable label={t.tabs.audit} columns={columns} rows={data.entries} rowKey={(row) => String(row.seq)} /></section>}
      {data?.entries.length === 0 && <Empty title={t.noEntries}>{isFiltered && <Button onClick={() => go({})}>{t.clear}</Button>}</Empty>}
      <div className={css.bar}>
        {filter.cursor && <Button onClick={() => go({ ...filter, cursor: undefined })}>{t.newest}</Button>}
        {data?.next_cursor && <Button onClick={() => go({ ...filter, cursor: data.next_cursor! })}>{t.older}</Button>}
      </div>
    </>
  )
}
