/** Every setting of the process that answers: what counts, who said so, and the variable that would say otherwise. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { DataTable, type Column } from '../ui/DataTable'
import { Empty, Skeleton, Tag } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { settingQueries, type Setting } from './api'
import { t as s } from './settingWords'
import css from './settings.module.css'
import { t } from './words'

const SettingDialog = lazy(() => import('./SettingDialog').then((module) => ({ default: module.SettingDialog })))

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="muted">{t.none}</span>
  return <code className={css.value}>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
}

const columns = (change: (key: string) => void): Column<Setting>[] => [
  { id: 'key', head: t.key, breaks: true, cell: (row) => <code className={row.source === 'default' ? undefined : css.changed}>{row.key}</code> },
  { id: 'value', head: t.setting, cell: (row) => <><Value value={row.value} />{row.next !== null && <small className={css.next} data-next={String(row.next)}> {s.next(String(row.next))}</small>}</> },
  { id: 'source', head: t.comesFrom, cell: (row) => <><Tag>{t.origins[row.source] ?? row.source}</Tag> {row.from && <span className="muted">{row.from}</span>}{row.source === 'env' && <small className="muted"> {t.locked(row.env)}</small>}</> },
  { id: 'env', head: t.variable, breaks: true, cell: (row) => <code className="muted">{row.env}</code> },
  { id: 'restart', head: '', cell: (row) => (row.changeable ? <button type="button" className={ui.linkButton} aria-label={s.change(row.key)} title={t.restart} onClick={() => change(row.key)}>{s.edit}</button> : row.restart ? <small className="muted">{t.restart}</small> : null) },
]

export function Server() {
  const { data, error, isPending, refetch } = useQuery(settingQueries.values())
  const { q = '', set } = useSearch({ strict: false }) as { q?: string; set?: string }
  const navigate = useNavigate()
  const [changing, setChanging] = useState<string | null>(null)
  const chosen = data?.find((row) => row.key === changing)
  const go = (search: Record<string, string | undefined>) => void navigate({ to: '/settings/$tab', params: { tab: 'server' }, search: { q: q || undefined, set, ...search }, replace: true })
  const rows = data?.filter((row) => `${row.key} ${row.env}`.toLowerCase().includes(q.toLowerCase()) && (set !== 'yes' || row.source !== 'default')) ?? []
  return (
    <>
      <p className="muted">{t.settingsHint}</p>
      <div className={css.bar}>
        <input type="search" aria-label={t.find} placeholder={t.find} value={q} onChange={(event) => go({ q: event.target.value || undefined })} />
        <label className={css.check}><input type="checkbox" checked={set === 'yes'} onChange={(event) => go({ set: event.target.checked ? 'yes' : undefined })} />{t.changedOnly}</label>
      </div>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {rows.length > 0 && <section className={ui.panel}><DataTable label={t.tabs.server} columns={columns(setChanging)} rows={rows} rowKey={(row) => row.key} /></section>}
      {chosen && <Suspense><SettingDialog setting={chosen} close={() => setChanging(null)} /></Suspense>}
      {data && rows.length === 0 && <Empty title={t.noSetting} />}
    </>
  )
}
