/** The routes and the types of what stands in their addresses. */
import { createRootRoute, createRoute, createRouter, Link, Outlet, redirect } from '@tanstack/react-router'
import { ApiError } from '../api/client'
import { queries, queryClient } from '../api/queries'
import type { RunStatus } from '../api/types'
import { t } from '../i18n'
import { JobPage } from '../jobs/JobPage'
import { JobsPage } from '../jobs/JobsPage'
import { RunPage } from '../runs/RunPage'
import { RunsPage, STATUSES } from '../runs/RunsPage'
import { Empty, ProblemPanel } from '../ui/parts'
import ui from '../ui/ui.module.css'
import { onSessionEnd, startLive } from './session'
import { Shell } from './Shell'
import { SignIn } from './SignIn'

const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined)

const root = createRootRoute({
  component: Outlet,
  errorComponent: ({ error, reset }) => <div className={ui.body}><ProblemPanel error={error} retry={reset} /></div>,
  notFoundComponent: () => <Empty title={t.problem.notFound}><Link to="/jobs">{t.problem.toJobs}</Link></Empty>,
})

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: SignIn,
  validateSearch: (search): { to?: string } => {
    const to = text(search.to)
    // Back to a page of ours only: one slash, never two, never a scheme.
    return to && /^\/(?![/\\])/.test(to) ? { to } : {}
  },
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(queries.me())
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
  component: JobsPage,
  validateSearch: (search): { q?: string } => {
    const q = text(search.q)
    return q ? { q } : {}
  },
})

const job = createRoute({ getParentRoute: () => shell, path: '/jobs/$id', component: JobPage })

const runs = createRoute({
  getParentRoute: () => shell,
  path: '/runs',
  component: RunsPage,
  validateSearch: (search): { job?: string; status?: RunStatus; before?: string } => {
    const status = STATUSES.find((each) => each === search.status)
    const [job, before] = [text(search.job), text(search.before)]
    return { ...(job && { job }), ...(status && { status }), ...(before && { before }) }
  },
})

const run = createRoute({
  getParentRoute: () => shell,
  path: '/runs/$id',
  component: RunPage,
  validateSearch: (search): { step?: number } => {
    const step = Number(search.step)
    return search.step !== undefined && Number.isInteger(step) && step >= 0 ? { step } : {}
  },
})

export const router = createRouter({
  routeTree: root.addChildren([login, shell.addChildren([index, jobs, job, runs, run])]),
  basepath: new URL(document.baseURI).pathname,
  scrollRestoration: true,
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
})
