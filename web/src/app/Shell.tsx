/** The frame of every page: where one can go, how live the page is, the theme, the person. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { Activity, ListChecks, LogOut } from 'lucide-react'
import { useState } from 'react'
import { queries } from '../api/queries'
import { t } from '../i18n'
import { hub } from '../live/hub'
import { useLiveStatus } from '../ui/hooks'
import { InlineProblem } from '../ui/parts'
import { clock } from '../ui/time'
import ui from '../ui/ui.module.css'
import { signOut } from './session'
import css from './shell.module.css'
import { setTheme, storedTheme, type Theme } from './theme'

export function Shell() {
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#content" onClick={skipToContent}>{t.nav.skip}</a>
      <nav className={css.rail} aria-label={t.nav.main}>
        <span className={css.brand}><Mark />{t.product}</span>
        <Link to="/jobs"><ListChecks size={16} aria-hidden />{t.nav.jobs}</Link>
        <Link to="/runs"><Activity size={16} aria-hidden />{t.nav.runs}</Link>
        <div className={css.foot}>
          <LivePill />
          <ThemeChoice />
          <Person />
        </div>
      </nav>
      <main id="content" tabIndex={-1} className={css.main}>
        <NewVersion />
        <div className={css.outlet}><Outlet /></div>
      </main>
    </div>
  )
}

/** By hand: a plain fragment would resolve against the document's base and leave the page. */
function skipToContent(event: React.MouseEvent): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

export function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 32 32" aria-hidden="true" className={css.mark}>
      <rect width="32" height="32" rx="7" />
      <path d="M5 17h5l3-9 6 16 3-7h5" />
    </svg>
  )
}

function LivePill() {
  const status = useLiveStatus()
  const lost = status.state === 'offline'
  const words =
    status.state === 'live' ? t.live.live
    : status.state === 'connecting' ? t.live.connecting
    : status.state === 'signed-out' ? t.live.signedOut
    : t.live.offline(clock(status.since).slice(0, 5))
  const dot = <span className={css.dot} data-state={status.state} aria-hidden="true" />
  return (
    <span role="status" className={css.pill} data-live={status.state}>
      {lost ? <button type="button" onClick={() => hub.retry()} title={`${t.live.hintOffline} ${t.live.retry}.`}>{dot}{words}</button>
        : <span title={t.live.hint}>{dot}{words}</span>}
    </span>
  )
}

/** The page never reloads by itself: somebody may be typing. */
function NewVersion() {
  const status = useLiveStatus()
  const version = status.state === 'live' ? status.version : null
  const [first, setFirst] = useState(version)
  if (first === null && version !== null) setFirst(version)
  if (first === null || version === null || first === version) return null
  return (
    <p className={css.banner} role="status">
      {t.newVersion} <button type="button" className={ui.linkButton} onClick={() => location.reload()}>{t.reloadPage}</button>
    </p>
  )
}

function ThemeChoice() {
  const [theme, choose] = useState<Theme>(storedTheme)
  return (
    <select
      className={css.theme}
      aria-label={t.theme.label}
      value={theme}
      onChange={(event) => {
        const next = event.target.value as Theme
        setTheme(next)
        choose(next)
      }}
    >
      <option value="system">{t.theme.system}</option>
      <option value="light">{t.theme.light}</option>
      <option value="dark">{t.theme.dark}</option>
    </select>
  )
}

function Person() {
  const { data } = useQuery(queries.me())
  const navigate = useNavigate()
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => navigate({ to: '/login', search: {} }) })
  return (
    <span className={css.person}>
      <span className={css.name} title={data?.user}>{data?.user}</span>
      <button type="button" aria-label={t.nav.signOut} title={t.nav.signOut} disabled={leave.isPending} onClick={() => leave.mutate()}>
        <LogOut size={15} aria-hidden />
      </button>
      <InlineProblem error={leave.error} />
    </span>
  )
}
