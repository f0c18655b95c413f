/** Everything that is set: one's own looks, sessions and tokens; for administrators accounts, secrets, the server, its history. */
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { lazy, Suspense, type ComponentType } from 'react'
import { may, mayAnyJob, type Me } from '../api/permissions'
import { queries } from '../api/queries'
import { Appearance } from '../app/Account'
import { t as common } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Empty, Panel, Skeleton } from '../ui/parts'
import { Tabs } from '../ui/Tabs'
import ui from '../ui/ui.module.css'
import css from './settings.module.css'
import { t } from './words'

type TabId = keyof typeof t.tabs

const everybody = () => true
const superuser = (me: Me | undefined) => may(me, 'superuser')

const TABS: { id: TabId; visible: (me: Me | undefined) => boolean; page: ComponentType }[] = [
  { id: 'appearance', visible: everybody, page: Looks },
  { id: 'sessions', visible: everybody, page: lazy(() => import('./Sessions').then((module) => ({ default: module.Sessions }))) },
  { id: 'tokens', visible: everybody, page: lazy(() => import('./Tokens').then((module) => ({ default: module.Tokens }))) },
  { id: 'users', visible: superuser, page: lazy(() => import('./Users').then((module) => ({ default: module.Users }))) },
  { id: 'secrets', visible: superuser, page: lazy(() => import('./Secrets').then((module) => ({ default: module.Secrets }))) },
  { id: 'server', visible: superuser, page: lazy(() => import('./Server').then((module) => ({ default: module.Server }))) },
  { id: 'history', visible: mayAnyJob, page: lazy(() => import('./History').then((module) => ({ default: module.History }))) },
  { id: 'transfer', visible: superuser, page: lazy(() => import('./Transfer').then((module) => ({ default: module.Transfer }))) },
  { id: 'backup', visible: superuser, page: lazy(() => import('./Backup').then((module) => ({ default: module.Backup }))) },
  { id: 'audit', visible: superuser, page: lazy(() => import('./Audit').then((module) => ({ default: module.Audit }))) },
  { id: 'about', visible: everybody, page: lazy(() => import('./About').then((module) => ({ default: module.About }))) },
]

export function SettingsPage() {
  const { tab: asked } = useParams({ strict: false }) as { tab?: string }
  const { data: me } = useQuery(queries.me())
  const shown = TABS.filter((each) => each.visible(me))
  const known = TABS.find((each) => each.id === asked) ?? TABS[0]!
  const isAllowed = shown.includes(known)
  useTitle(`${t.tabs[known.id]} · ${t.title}`)
  return (
    <div className={ui.page}>
      <header className={ui.head}><h1>{t.title}</h1></header>
      <Tabs label={t.tabsLabel} current={known.id} tabs={shown.map(({ id }) => ({ id, label: t.tabs[id], to: '/settings/$tab', params: { tab: id } }))} />
      <div className={ui.body}>
        {isAllowed ? <Suspense fallback={<Skeleton pending />}><known.page /></Suspense> : <Empty title={common.noPermission}><span>{common.noPermissionHint}</span></Empty>}
      </div>
    </div>
  )
}

function Looks() {
  return (
    <Panel title={t.tabs.appearance}>
      <div className={css.form}>
        <Appearance />
        <p className="muted">{t.appearanceHint}</p>
      </div>
    </Panel>
  )
}
