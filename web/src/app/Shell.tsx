/** The frame of every page: where one can go, how live the page is, who is signed in, and the layers over it. */
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { ChevronsLeft, ChevronsRight, Ellipsis, Search, User } from 'lucide-react'
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from 'react'
import { queries } from '../api/queries'
import { usePreference } from '../ui/hooks'
import { Menu } from '../ui/Menu'
import { again } from './again'
import { Banners, LivePill, SchedulerState } from './LiveState'
import { Mark } from './Mark'
import { places } from './places'
import { choices } from './preferences'
import css from './shell.module.css'
import { holdShortcuts, useShortcuts } from './shortcuts'
import { syncPreferences } from './sync'
import { t } from './words'

const Palette = lazy(() => import('./Palette').then((module) => ({ default: module.Palette })))
const KeySheet = lazy(() => import('./KeySheet').then((module) => ({ default: module.KeySheet })))
const Account = lazy(() => import('./Account').then((module) => ({ default: module.Account })))
const SignInAgain = lazy(() => import('./SignIn').then((module) => ({ default: module.SignInAgain })))

type Layer = 'palette' | 'keys' | 'account' | null

/** How many entries the bar at the bottom of a narrow screen has room for beside `More`. */
const IN_BAR = 3

export function Shell() {
  const { data: me } = useQuery(queries.me())
  const navigate = useNavigate()
  const [layer, setLayer] = useState<Layer>(null)
  const [rail, setRail] = usePreference('rail')
  const signedOut = useSyncExternalStore(again.subscribe, again.snapshot)
  const shown = places(me)
  const close = () => setLayer(null)

  useEffect(() => syncPreferences(() => location.reload()), [])
  useEffect(() => (layer ? holdShortcuts() : undefined), [layer])
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
      event.preventDefault()
      setLayer((old) => (old === 'palette' ? null : 'palette'))
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  useShortcuts([
    { keys: '?', words: t.showKeys, act: () => setLayer('keys') },
    ...shown.map((place) => ({ keys: `g ${place.key}`, words: t.go(place.label), act: () => void navigate({ to: place.to }) })),
  ])

  return (
    <div className={css.shell} data-rail={rail}>
      <a className={css.skip} href="#content" onClick={skipToContent}>{t.skip}</a>
      <nav className={css.rail} aria-label={t.main}>
        <span className={css.brand}><Mark /><span className={css.label}>{t.product}</span></span>
        <button type="button" className={`${css.entry} ${css.find}`} title={t.searchHint} aria-keyshortcuts="Control+K" onClick={() => setLayer('palette')}>
          <Search size={16} aria-hidden /><span className={css.label}>{t.search}</span><kbd aria-hidden="true">Ctrl K</kbd>
        </button>
        {shown.map((place, i) => (
          <Link key={place.to} to={place.to} className={`${css.entry} ${i < IN_BAR ? '' : css.notInBar}`} aria-label={place.label} title={rail === 'narrow' ? place.label : undefined}>
            <place.icon size={16} aria-hidden /><span className={css.label}>{place.label}</span>
          </Link>
        ))}
        <span className={css.onlyInBar}>
          <Menu
            label={t.more}
            className={css.entry}
            items={[
              ...shown.slice(IN_BAR).map((place) => ({ label: place.label, icon: <place.icon size={15} />, act: () => void navigate({ to: place.to }) })),
              { label: t.account, icon: <User size={15} />, act: () => setLayer('account') },
            ]}
          >
            <Ellipsis size={16} aria-hidden /><span className={css.label}>{t.more}</span>
          </Menu>
        </span>
        <div className={css.foot}>
          <LivePill />
          <SchedulerState />
          <ZoneChoice />
          <button type="button" className={css.entry} aria-label={`${t.account}: ${me?.user ?? ''}`} onClick={() => setLayer('account')}>
            <User size={16} aria-hidden /><span className={css.label}>{me?.display_name || me?.user}</span>
          </button>
          <button type="button" className={css.entry} aria-label={rail === 'wide' ? t.narrow : t.wide} title={rail === 'wide' ? t.narrow : t.wide} onClick={() => setRail(rail === 'wide' ? 'narrow' : 'wide')}>
            {rail === 'wide' ? <ChevronsLeft size={16} aria-hidden /> : <ChevronsRight size={16} aria-hidden />}
            <span className={css.label}>{t.narrow}</span>
          </button>
        </div>
      </nav>
      <main id="content" tabIndex={-1} className={css.main}>
        <Banners />
        <div className={css.outlet}><Outlet /></div>
      </main>
      <Suspense>
        {layer === 'palette' && <Palette close={close} />}
        {layer === 'keys' && <KeySheet close={close} />}
        {layer === 'account' && <Account close={close} />}
        {signedOut && <SignInAgain />}
      </Suspense>
    </div>
  )
}

/** By hand: a plain fragment would resolve against the document's base and leave the page. */
function skipToContent(event: React.MouseEvent): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

function ZoneChoice() {
  const [zone, setZone] = usePreference('zone')
  return (
    <label className={css.zone}>
      <span>{t.zoneLabel}</span>
      <select value={zone} onChange={(event) => setZone(event.target.value as typeof zone)}>
        {choices('zone').map((each) => <option key={each} value={each}>{t.zone[each]}</option>)}
      </select>
    </label>
  )
}
