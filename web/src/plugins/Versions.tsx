/** The versions of a component: what waits for an approval, what was in force, and the way back; and what its calls used. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Check, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import { useMay } from '../api/permissions'
import { number } from '../i18n'
import { ActionButton, Button } from '../ui/Button'
import { DataTable } from '../ui/DataTable'
import { Dialog } from '../ui/Dialog'
import { Fact, Facts, Panel, Tag } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Ago } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { Asks, Foot, ReportView } from './Install'
import type { Plugin } from './plugins'
import css from './versions.module.css'
import { readAgain, usageQuery, versions, versionsQuery, type Consent, type Stats, type Version } from './versions'
import { t } from './words'

/** Jobs that are named one by one. */
const MOST_JOBS = 5

/** That its calls fail until somebody approves what it asks for, with what that is. */
export function Blocked({ plugin }: { plugin: Plugin }) {
  const may = useMay()
  const { data } = useQuery(versionsQuery(plugin.name))
  const approve = useMutation({ mutationFn: () => versions.approve(plugin.name, plugin.digest), onSuccess: readAgain })
  const unapproved = plugin.unapproved ?? []
  if (unapproved.length === 0) return null
  const asked = data?.versions.find((each) => each.in_force)?.asked ?? unapproved
  return (
    <div className={ui.problem} role="alert" data-blocked>
      <h2>{t.states['blocked']}</h2>
      <p>{t.blockedLead}</p>
      <Asks asked={asked} unapproved={unapproved} />
      {may('superuser') ? <div><ActionButton kind="primary" icon={<Check size={14} aria-hidden />} action={approve} waiting={t.approving} onClick={() => approve.mutate()}>{t.approve}</ActionButton></div> : <p className="muted">{t.mayApprove}</p>}
    </div>
  )
}

export function Versions({ plugin }: { plugin: Plugin }) {
  const may = useMay()
  const { data, error, refetch } = useQuery(versionsQuery(plugin.name))
  const [back, setBack] = useState<Version | null>(null)
  if (error) return <ProblemPanel error={error} retry={() => void refetch()} />
  if (!data || data.versions.length === 0) return null
  return (
    <Panel title={t.versions}>
      <DataTable
        label={t.versions}
        rows={data.versions}
        rowKey={(each) => each.digest}
        rowProps={(each) => ({ 'data-version': each.digest.slice(0, 12), 'data-in-force': each.in_force || undefined })}
        columns={[
          { id: 'digest', head: t.digest, cell: (each) => <span className="mono" title={each.digest}>{each.digest.slice(0, 12)}</span> },
          { id: 'since', head: t.since, label: t.since, cell: (each) => <><Ago at={each.installed_at} />, {each.installed_by === 'file' ? t.byHand : each.installed_by}</> },
          { id: 'asks', head: t.asksHead, label: t.asksHead, cell: (each) => (each.asked.length === 0 ? <span className="muted">{t.nothing}</span> : each.asked.map((ask) => t.asksWords[ask] ?? ask).join(', ')) },
          { id: 'approved', head: t.approved, label: t.approved, cell: (each) => <Approval version={each} /> },
          { id: 'pinned', head: t.pinnedBy, label: t.pinnedBy, cell: (each) => <Pinned jobs={each.pinned_by} /> },
          {
            id: 'back',
            head: '',
            cell: (each) =>
              each.in_force ? <Tag>{t.inForce}</Tag> : each.kept ? may('superuser') && <Button icon={<RotateCcw size={14} aria-hidden />} onClick={() => setBack(each)}>{t.rollBack}</Button> : <span className="muted">{t.notKept}</span>,
          },
        ]}
      />
      <p className={`muted ${css.lead}`}>{t.pinLead}</p>
      {back && <RollBack plugin={plugin} version={back} close={() => setBack(null)} />}
    </Panel>
  )
}

/** The jobs that stay with a version, whatever is in force. */
function Pinned({ jobs }: { jobs: string[] }) {
  if (jobs.length === 0) return <span className="muted">{t.nobody}</span>
  return (
    <ul data-pinned={jobs.length}>
      {jobs.slice(0, MOST_JOBS).map((id) => <li key={id}><Link to="/jobs/$id" params={{ id }} className="mono">{id}</Link></li>)}
      {jobs.length > MOST_JOBS && <li className="muted">{t.more(jobs.length - MOST_JOBS)}</li>}
    </ul>
  )
}

function Approval({ version }: { version: Version }) {
  if (version.unapproved.length > 0) return <span className={css.bad}>{t.waits}</span>
  if (version.approved_by === null) return <span className="muted">{t.needsNone}</span>
  return <>{version.approved_by === 'file' ? t.byHand : version.approved_by}, <Ago at={version.approved_at} /></>
}

/** Looked at before it is done, as any installation. */
function RollBack({ plugin, version, close }: { plugin: Plugin; version: Version; close: () => void }) {
  const look = useQuery({ queryKey: ['plugins', 'back', plugin.name, version.digest], queryFn: () => versions.rollBack(plugin.name, version.digest, { dry_run: true }), gcTime: 0 })
  const install = useMutation({ mutationFn: (consent: Consent) => versions.rollBack(plugin.name, version.digest, consent), onSuccess: readAgain })
  const report = install.data ?? look.data
  const looking = { isPending: look.isPending, isSuccess: look.isSuccess, error: look.error }
  return (
    <Dialog title={t.rollBackOf(plugin.name)} close={close} size="wide" foot={<Foot report={report} ready={false} look={looking} install={install} onLook={() => void look.refetch()} onInstall={(consent) => install.mutate(consent)} close={close} />}>
      <p>{t.rollBackLead}</p>
      {report && <ReportView report={report} />}
    </Dialog>
  )
}

/** What its calls used of late. */
export function Usage({ plugin }: { plugin: Plugin }) {
  const { data } = useQuery(usageQuery(plugin.name))
  if (!data) return null
  if (data.all.calls === 0) return <Panel title={t.usage}><p className={css.lead}>{t.noUse}</p></Panel>
  const ms = (value: number) => `${number(Math.round(value * 10) / 10)} ms`
  const mb = (value: number) => `${number(Math.round(value / 1e5) / 10)} MB`
  const facts = (stats: Stats) => (
    <Facts>
      <Fact name={t.runCalls}>{number(stats.calls)}</Fact>
      <Fact name={t.failures}>{number(stats.failed)}</Fact>
      <Fact name={t.traps}>{number(stats.traps)}</Fact>
      <Fact name={t.p50}>{ms(stats.wall_p50_ms)}</Fact>
      <Fact name={t.p95}>{ms(stats.wall_p95_ms)}</Fact>
      <Fact name={t.cpuP50}>{ms(stats.cpu_p50_ms)}</Fact>
      <Fact name={t.peak}>{mb(stats.peak_memory_bytes)}</Fact>
    </Facts>
  )
  return (
    <Panel title={t.usage}>
      <div data-usage={data.all.calls}>{facts(data.all)}</div>
      {data.truncated && <p className={`muted ${css.lead}`}>{t.truncated}</p>}
      {data.versions.length > 1 && (
        <details className={css.lead}>
          <summary>{t.byVersion}</summary>
          {data.versions.map((each) => <section key={each.digest} aria-label={each.digest.slice(0, 12)}><h3 className="mono">{each.digest.slice(0, 12)}</h3>{facts(each.stats)}</section>)}
        </details>
      )}
    </Panel>
  )
}
