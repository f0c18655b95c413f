/** What can be wrong, each thing with its state in a word and a shape, and what to do. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { http } from '../api/http'
import { useMay } from '../api/permissions'
import { optional } from '../api/queries'
import { useLiveStatus } from '../ui/hooks'
import { Panel } from '../ui/parts'
import { Glyph } from '../ui/Status'
import ui from '../ui/ui.module.css'
import type { TransportsDocument } from '../alerts/api'
import css from './health.module.css'
import { mixedVersions, type Health } from './health'
import { t } from './words'

type State = 'ok' | 'look' | 'bad'
const LIKE = { ok: 'SUCCEEDED', look: 'QUEUED', bad: 'FAILED' } as const

/** A clock that is further off than this is worth a word. */
const SKEW_MS = 5_000

function Check({ name, state, children }: { name: string; state: State; children: ReactNode }) {
  return (
    <tr data-check={state}>
      <th scope="row">{name}</th>
      <td><span className={`${ui.badge} ${ui[LIKE[state]]}`}><Glyph status={LIKE[state]} />{t[state]}</span></td>
      <td className={ui.break}>{children}</td>
    </tr>
  )
}

export function Checks({ health }: { health: Health }) {
  const live = useLiveStatus()
  const tellsAlerts = useMay()('settings:notifications')
  const transports = useQuery({ queryKey: ['transports'], queryFn: ({ signal }) => optional(http.get<TransportsDocument>('admin/notifications/transports', signal)), enabled: tellsAlerts })
  const known = transports.data?.transports
  const failing = known?.filter((each) => each.failing) ?? []
  const versions = mixedVersions(health.replicas)
  const skew = live.state === 'live' ? Math.abs(live.skewMs) : null
  const asked = health.replicas.some((replica) => replica.scheduler_enabled)
  return (
    <Panel title={t.checks}>
      <table className={`${ui.table} ${ui.stacks} ${css.checks}`} aria-label={t.checks}>
        <thead><tr><th scope="col">{t.check}</th><th scope="col">{t.state}</th><th scope="col">{t.what}</th></tr></thead>
        <tbody>
          <Check name={t.store} state={health.store.ok ? 'ok' : 'bad'}>{health.store.ok ? t.storeOk(health.store.dialect) : t.storeBad(health.store.dialect)}{health.store.pool_size !== undefined && <> {t.pool(health.store.pool_idle ?? 0, health.store.pool_size, health.store.pool_waiting ?? 0)}</>}</Check>
          <Check name={t.scheduler} state={health.scheduler === 'error' ? 'bad' : health.lease ? 'ok' : asked ? 'bad' : 'look'}>
            {health.scheduler === 'error' ? t.schedulerError : health.lease ? t.schedulerOk(health.lease.holder, health.lease.term) : t.schedulerNone} {!health.scheduler_enabled && health.lease && t.schedulerOff}
          </Check>
          <Check name={t.catalogue} state={health.invalid_jobs > 0 ? 'bad' : 'ok'}>
            {health.invalid_jobs > 0 ? <>{t.catalogueBad(health.invalid_jobs)} <Link to="/jobs" search={{ state: 'invalid' }}>{t.toInvalid}</Link></> : t.catalogueOk(health.jobs)}
          </Check>
          {health.replicas.length > 0 && <Check name={t.versions} state={versions.length > 0 ? 'look' : 'ok'}>{versions.length > 0 ? t.versionsBad(versions.join(', ')) : t.versionsOk(health.replicas[0]!.version)}</Check>}
          {known && <Check name={t.alerts} state={failing.length > 0 ? 'bad' : known.length === 0 ? 'look' : 'ok'}>
            {failing.length > 0 ? t.alertsBad(failing.map((each) => each.name).join(', ')) : known.length === 0 ? t.alertsNone : t.alertsOk(known.length)} {(failing.length > 0 || known.length === 0) && <Link to="/alerts">{t.toAlerts}</Link>}
          </Check>}
          <Check name={t.stream} state={live.state === 'live' ? 'ok' : 'look'}>{live.state === 'live' ? t.streamOk : t.streamBad}</Check>
          {skew !== null && <Check name={t.clock} state={skew > SKEW_MS ? 'look' : 'ok'}>{skew > SKEW_MS ? t.clockBad(Math.round(skew / 1000)) : t.clockOk(Math.round(skew))}</Check>}
        </tbody>
      </table>
    </Panel>
  )
}
