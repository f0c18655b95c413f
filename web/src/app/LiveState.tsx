/** What the frame says of the server: how live the page is, the scheduler, a pause, an upgrade. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { http } from '../api/http'
import { useMay } from '../api/permissions'
import { optional, queries } from '../api/queries'
import { hub } from '../live/hub'
import { useLiveStatus } from '../ui/hooks'
import { clock } from '../ui/time'
import { At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import css from './shell.module.css'
import { t } from './words'

export function LivePill() {
  const status = useLiveStatus()
  const words =
    status.state === 'live' ? t.live
    : status.state === 'connecting' ? t.connecting
    : status.state === 'signed-out' ? t.signedOut
    : status.state === 'polling' ? t.polling(status.everyMs / 1000)
    : t.offline(clock(status.since).slice(0, 5))
  const dot = <span className={css.dot} data-state={status.state} aria-hidden="true" />
  const text = <span className={css.label}>{words}</span>
  const lost = status.state === 'offline' || status.state === 'polling'
  return (
    <span role="status" className={css.pill} data-live={status.state}>
      {lost ? <button type="button" onClick={() => hub.retry()} title={`${status.state === 'offline' ? t.offlineHint : ''} ${t.reconnect}.`.trim()}>{dot}{text}</button>
        : <span title={`${words} · ${t.liveHint}`}>{dot}{text}</span>}
    </span>
  )
}

export function SchedulerState() {
  const { data } = useQuery(queries.scheduler())
  if (!data) return null
  const state = data.paused_by ? 'paused' : data.scheduler
  return (
    <Link to="/health" className={css.pill} title={t.replica(data.replica)} data-scheduler={state}>
      <span className={css.dot} data-state={state} aria-hidden="true" />
      <span className={css.label}>{t.scheduler(state)}</span>
    </Link>
  )
}

/** What everybody has to know, whichever page is open. The page never reloads by itself: somebody may be typing. */
export function Banners() {
  const status = useLiveStatus()
  const { data: scheduler } = useQuery(queries.scheduler())
  const version = status.state === 'live' ? status.version : null
  const [first, setFirst] = useState(version)
  const [chunkGone, setChunkGone] = useState(false)
  if (first === null && version !== null) setFirst(version)
  useEffect(() => {
    const gone = () => setChunkGone(true)
    addEventListener('nomaflow:upgraded', gone)
    return () => removeEventListener('nomaflow:upgraded', gone)
  }, [])
  const upgraded = chunkGone || (first !== null && version !== null && first !== version)
  return (
    <>
      {upgraded && (
        <p className={css.banner} role="status">
          {t.upgraded} <button type="button" className={ui.linkButton} onClick={() => location.reload()}>{t.reloadPage}</button>
        </p>
      )}
      <Failing />
      {scheduler?.paused_by && (
        <p className={`${css.banner} ${css.paused}`} role="status">
          <strong>{t.paused(scheduler.paused_by)}</strong> {scheduler.pause_reason && <>{scheduler.pause_reason} · </>}{t.pausedHint} <Link to="/health">{t.health}</Link>
        </p>
      )}
      {scheduler?.maintenance?.filter((window) => window.state === 'active').map((window) => (
        <p key={window.id} className={`${css.banner} ${css.paused}`} role="status">
          <strong>{t.maintenance} <At at={window.to} />.</strong> {window.reason && <>{window.reason} · </>}{t.pausedHint} <Link to="/schedule">{t.schedule}</Link>
        </p>
      ))}
    </>
  )
}

/** A silent alert system is worse than none: those who can mend a transport are told on every page. */
function Failing() {
  const allowed = useMay()('settings:notifications')
  const { data } = useQuery({ queryKey: ['transports'], queryFn: ({ signal }) => optional(http.get<{ transports: { name: string; failing: boolean }[] }>('admin/notifications/transports', signal)), enabled: allowed })
  const failing = allowed ? (data?.transports.filter((each) => each.failing) ?? []) : []
  if (failing.length === 0) return null
  return (
    <p className={`${css.banner} ${css.paused}`} role="status">
      <strong>{t.alertsFail(failing.map((each) => each.name).join(', '))}</strong> {t.alertsFailHint} <Link to="/alerts">{t.alerts}</Link>
    </p>
  )
}
