/** What can be wrong, each thing with its state in a word and a shape, since when it is so, and what to do. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { http } from '../api/http'
import { useMay } from '../api/permissions'
import { optional } from '../api/queries'
import { number } from '../i18n'
import { bytes } from '../runs/usage'
import { useLiveStatus } from '../ui/hooks'
import { Panel } from '../ui/parts'
import { Glyph } from '../ui/Status'
import { Ago, At, Single } from '../ui/Times'
import ui from '../ui/ui.module.css'
import type { TransportsDocument } from '../alerts/api'
import css from './health.module.css'
import type { Check, Health } from './health'
import { t } from './words'

type State = Check['state']
const LIKE = { ok: 'SUCCEEDED', look: 'QUEUED', bad: 'FAILED' } as const

/** A clock that is further off than this is worth a word. */
const SKEW_MS = 5_000

function Row({ id, name, state, since, children }: { id: string; name: string; state: State; since?: string; children: ReactNode }) {
  return (
    <tr data-check={state} data-check-name={id}>
      <th scope="row">{name}</th>
      <td><span className={`${ui.badge} ${ui[LIKE[state]]}`}><Glyph status={LIKE[state]} />{t[state]}</span>{since && <span className={css.since}>{t.so} <Single value={true}><At at={since} /></Single></span>}</td>
      <td className={ui.break}>{children}</td>
    </tr>
  )
}

/** What the server looked at, in the words of the page; what a server of another version looked at, in the server's. */
function Told({ check, health }: { check: Check; health: Health }) {
  const figure = check.figure ?? 0
  const names = check.names.length > 0 && <span className="mono">{check.names.join(', ')}</span>
  const ok = check.state === 'ok'
  switch (check.name) {
    case 'store':
      return <>{health.store.ok ? t.storeOk(health.store.dialect, figure < 10 ? number(Math.round(figure * 10) / 10) : String(Math.round(figure))) : t.storeBad(health.store.dialect)}{health.store.ok && !ok && <> {t.storeSlow}</>}{health.store.pool_size !== undefined && <> {t.pool(health.store.pool_idle ?? 0, health.store.pool_size, health.store.pool_waiting ?? 0)}</>}</>
    case 'scheduler':
      return <>{health.scheduler === 'error' ? t.schedulerError : health.lease ? t.schedulerOk(health.lease.holder, health.lease.term) : t.schedulerNone} {!health.scheduler_enabled && health.lease && t.schedulerOff}</>
    case 'schedules':
      return <>{t.schedulesOk(figure)} <Link to="/schedule">{t.toSchedule}</Link></>
    case 'catalogue':
      return ok ? <>{t.catalogueOk(health.jobs)}</> : <>{t.catalogueBad(health.invalid_jobs)} {names} <Link to="/jobs" search={{ state: 'invalid' }}>{t.toInvalid}</Link></>
    case 'plugins':
      return ok ? <>{t.pluginsOk}</> : <>{t.pluginsBad(figure)} {names} <Link to="/plugins">{t.toPlugins}</Link></>
    case 'versions':
      return <>{ok ? t.versionsOk(check.names[0] ?? health.version) : t.versionsBad(check.names.join(', '))}</>
    case 'clocks':
      return ok ? <>{t.clocksOk}</> : <>{t.clocksBad(Math.round(figure))} {names}</>
    case 'disk':
      return <>{check.figure === null ? t.diskUnknown : ok ? t.diskOk(bytes(figure)) : t.diskBad(bytes(figure))}</>
    case 'streams':
      return <>{t.streamsOk(figure)}</>
    case 'backup':
      return <>{check.at ? <>{t.backupLast} <Ago at={check.at} />{!ok && <>. {t.backupOld}</>}</> : t.backupNone} · {check.export_at ? <>{t.exportLast} <Ago at={check.export_at} /></> : t.exportNone}</>
    default:
      check.name satisfies never
      return <>{check.text}{check.advice && <> {check.advice}</>}</>
  }
}

export function Checks({ health }: { health: Health }) {
  const live = useLiveStatus()
  const may = useMay()
  const tellsAlerts = may('settings:notifications')
  const transports = useQuery({ queryKey: ['transports'], queryFn: ({ signal }) => optional(http.get<TransportsDocument>('admin/notifications/transports', signal)), enabled: tellsAlerts })
  const known = transports.data?.transports
  const failing = known?.filter((each) => each.failing) ?? []
  const skew = live.state === 'live' ? Math.abs(live.skewMs) : null
  return (
    <Panel title={t.checks}>
      <table className={`${ui.table} ${ui.stacks} ${css.checks}`} aria-label={t.checks}>
        <thead><tr><th scope="col">{t.check}</th><th scope="col">{t.state}</th><th scope="col">{t.what}</th></tr></thead>
        <tbody>
          {health.checks.map((check) => (
            <Row key={check.name} id={check.name} name={(t.names[check.name] as string | undefined) ?? check.name} state={check.state} since={check.since}>
              <Told check={check} health={health} /> {check.name === 'backup' && may('superuser') && <Link to="/settings/$tab" params={{ tab: 'backup' }}>{t.toBackup}</Link>}
            </Row>
          ))}
          {known && <Row id="alerts" name={t.alerts} state={failing.length > 0 ? 'bad' : known.length === 0 ? 'look' : 'ok'}>
            {failing.length > 0 ? t.alertsBad(failing.map((each) => each.name).join(', ')) : known.length === 0 ? t.alertsNone : t.alertsOk(known.length)} {(failing.length > 0 || known.length === 0) && <Link to="/alerts">{t.toAlerts}</Link>}
          </Row>}
          <Row id="stream" name={t.stream} state={live.state === 'live' ? 'ok' : 'look'}>{live.state === 'live' ? t.streamOk : t.streamBad}</Row>
          {skew !== null && <Row id="clock" name={t.clock} state={skew > SKEW_MS ? 'look' : 'ok'}>{skew > SKEW_MS ? t.clockBad(Math.round(skew / 1000)) : t.clockOk(Math.round(skew))}</Row>}
        </tbody>
      </table>
    </Panel>
  )
}
