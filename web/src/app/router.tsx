/**
 * The routes and the types of what stands in their addresses. Every page is a chunk of its own. Values in addresses are
 * plain text: `?tag=etl&state=FAILED`.
 */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link, Outlet, redirect } from '@tanstack/react-router'
import { ApiError } from '../api/client'
import { queries, queryClient } from '../api/queries'
import { Empty } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { askToSignInAgain } from './again'
import { onSessionEnd, startLive } from './session'
import { Shell } from './Shell'
import { t } from './words'

type Search = Record<string, string | undefined>

/** The search values of these names that are set; whatever else stands in the address is dropped. */
function keep<N extends string>(...names: N[]) {
  return (search: Record<string, unknown>): { [K in N]?: string | undefined } => {
    const kept: Search = {}
    for (const name of names) if (typeof search[name] === 'string' && search[name] !== '') kept[name] = search[name]
    return kept as { [K in N]?: string | undefined }
  }
}

/** Every search value, for pages that look after their own. */
function anything(search: Record<string, unknown>): Search {
  return Object.fromEntries(Object.entries(search).flatMap(([key, value]) => (typeof value === 'string' && value !== '' ? [[key, value]] : [])))
}

const root = createRootRoute({
  component: Outlet,
  errorComponent: ({ error, reset }) => <div className={ui.body}><ProblemPanel error={error} retry={reset} /></div>,
  notFoundComponent: () => <Empty title={t.notFound}><Link to="/jobs">{t.toJobs}</Link></Empty>,
})

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: lazyRouteComponent(() => import('./SignIn'), 'SignIn'),
  validateSearch: (search: Record<string, unknown>): { to?: string | undefined; provider?: string | undefined; problem?: string | undefined; signed_out?: string | undefined } => {
    const { to, ...why } = keep('to', 'provider', 'problem', 'signed_out')(search)
    // Back to a page of ours only: one slash, never two, never a scheme. Said even when it is nothing: what is left out
    // here would be taken from the address as it is.
    return { ...why, to: to && /^\/(?![/\\])/.test(to) ? to : undefined }
  },
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      const me = await queryClient.ensureQueryData(queries.me())
      // A one-time password opens nothing but its own change.
      if (me.must_change_password) throw redirect({ to: '/login', search: { to: location.href } })
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) throw redirect({ to: '/login', search: { to: location.href } })
      throw error
    }
    startLive()
  },
})

const index = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/jobs', search: {} })
  },
})

const jobs = createRoute({
  getParentRoute: () => shell,
  path: '/jobs',
  component: lazyRouteComponent(() => import('../jobs/JobsPage'), 'JobsPage'),
  validateSearch: keep('q', 'state', 'tag', 'enabled', 'kind', 'app', 'internal', 'sort'),
})
const newJob = createRoute({
  getParentRoute: () => shell,
  path: '/jobs/new',
  component: lazyRouteComponent(() => import('../editor/EditorPage'), 'EditorPage'),
  validateSearch: anything,
})
const job = createRoute({
  getParentRoute: () => shell,
  path: '/jobs/$id',
  component: lazyRouteComponent(() => import('../jobs/JobPage'), 'JobPage'),
  validateSearch: keep('tab', 'status', 'version', 'at'),
})
const editJob = createRoute({
  getParentRoute: () => shell,
  path: '/jobs/$id/edit',
  component: lazyRouteComponent(() => import('../editor/EditorPage'), 'EditorPage'),
  validateSearch: anything,
})
const runs = createRoute({
  getParentRoute: () => shell,
  path: '/runs',
  component: lazyRouteComponent(() => import('../runs/RunsPage'), 'RunsPage'),
  validateSearch: keep('job', 'status', 'tag', 'trigger', 'from', 'to', 'range', 'q', 'min_seconds', 'before'),
})
const run = createRoute({
  getParentRoute: () => shell,
  path: '/runs/$id',
  component: lazyRouteComponent(() => import('../runs/RunPage'), 'RunPage'),
  validateSearch: keep('step', 'attempt', 'compare', 'view', 'q', 'how', 'only', 'level', 'log', 'try', 'by'),
})
const logs = createRoute({
  getParentRoute: () => shell,
  path: '/logs',
  component: lazyRouteComponent(() => import('../search/SearchPage'), 'SearchPage'),
  validateSearch: keep('q', 'job', 'level', 'range', 'from', 'to'),
})
const schedule = createRoute({
  getParentRoute: () => shell,
  path: '/schedule',
  component: lazyRouteComponent(() => import('../schedule/SchedulePage'), 'SchedulePage'),
  validateSearch: anything,
})

const pluginsPage = lazyRouteComponent(() => import('../plugins/PluginsPage'), 'PluginsPage')
const plugins = createRoute({ getParentRoute: () => shell, path: '/plugins', component: pluginsPage, validateSearch: anything })
const plugin = createRoute({ getParentRoute: () => shell, path: '/plugins/$name', component: pluginsPage, validateSearch: anything })

const connectorsPage = lazyRouteComponent(() => import('../connectors/ConnectorsPage'), 'ConnectorsPage')
const connectors = createRoute({ getParentRoute: () => shell, path: '/connectors', component: connectorsPage, validateSearch: anything })
const connector = createRoute({ getParentRoute: () => shell, path: '/connectors/$name', component: connectorsPage, validateSearch: anything })

const alertsPage = lazyRouteComponent(() => import('../alerts/AlertsPage'), 'AlertsPage')
const alerts = createRoute({ getParentRoute: () => shell, path: '/alerts', component: alertsPage, validateSearch: anything })
const alertsTab = createRoute({ getParentRoute: () => shell, path: '/alerts/$tab', component: alertsPage, validateSearch: anything })

const health = createRoute({
  getParentRoute: () => shell,
  path: '/health',
  component: lazyRouteComponent(() => import('../health/HealthPage'), 'HealthPage'),
  validateSearch: anything,
})

const settingsPage = lazyRouteComponent(() => import('../settings/SettingsPage'), 'SettingsPage')
const settings = createRoute({ getParentRoute: () => shell, path: '/settings', component: settingsPage, validateSearch: anything })
const settingsTab = createRoute({ getParentRoute: () => shell, path: '/settings/$tab', component: settingsPage, validateSearch: anything })

const pages = [index, jobs, newJob, job, editJob, runs, run, logs, schedule, plugins, plugin, connectors, connector, alerts, alertsTab, health, settings, settingsTab] as const

export const router = createRouter({
  routeTree: root.addChildren([login, shell.addChildren(pages)]),
  basepath: new URL(document.baseURI).pathname,
  scrollRestoration: true,
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const query = new URLSearchParams()
    for (const [key, value] of Object.entries(search)) if (value !== undefined && value !== null && value !== '') query.set(key, String(value))
    return query.size > 0 ? `?${query}` : ''
  },
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

onSessionEnd(() => {
  const { pathname, href } = router.state.location
  if (pathname === '/login') return
  void router.navigate({ to: '/login', search: { to: href } })
}, askToSignInAgain)

// A chunk of the page that was replaced by an upgrade is gone: the shell then says that there is a new version.
addEventListener('vite:preloadError', () => dispatchEvent(new Event('nomaflow:upgraded')))
