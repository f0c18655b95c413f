/** Who is told of what: transports, the ordered routes, and what became of every message. */
import { useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useMay } from '../api/permissions'
import { t as common } from '../app/words'
import { MuteList } from '../mutes/MuteTag'
import { useTitle } from '../ui/hooks'
import { Empty, Skeleton } from '../ui/parts'
import { Tabs } from '../ui/Tabs'
import ui from '../ui/ui.module.css'
import { Transports } from './Transports'
import { t } from './words'

const Routes = lazy(() => import('./Routes').then((module) => ({ default: module.Routes })))
const Deliveries = lazy(() => import('./Deliveries').then((module) => ({ default: module.Deliveries })))

const TABS = ['transports', 'routes', 'deliveries'] as const
type TabId = (typeof TABS)[number]

export function AlertsPage() {
  const { tab: asked } = useParams({ strict: false }) as { tab?: string }
  const tab: TabId = TABS.find((each) => each === asked) ?? 'transports'
  useTitle(tab === 'transports' ? t.title : `${t.tabs[tab]} · ${t.title}`)
  const allowed = useMay()('settings:notifications')
  return (
    <div className={ui.page}>
      <header className={ui.head}><h1>{t.title}</h1></header>
      {allowed && <Tabs label={t.tabsLabel} current={tab} tabs={TABS.map((each) => ({ id: each, label: t.tabs[each], to: '/alerts/$tab', params: { tab: each } }))} />}
      <div className={ui.body}>
        {allowed ? (
          <Suspense fallback={<Skeleton pending />}>
            <MuteList />
            {tab === 'transports' && <Transports />}
            {tab === 'routes' && <Routes />}
            {tab === 'deliveries' && <Deliveries />}
          </Suspense>
        ) : <Empty title={common.noPermission}><span><code>settings:notifications</code></span><span>{common.noPermissionHint}</span></Empty>}
      </div>
    </div>
  )
}
