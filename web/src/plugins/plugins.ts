/** The documents about plugins. */
import { queryOptions } from '@tanstack/react-query'
import { http } from '../api/http'
import { optional } from '../api/queries'
import type { StepStatus } from '../api/types'
import type { Grants } from './grants'
import type { Callable } from './schema'

export interface PluginUse {
  job: string
  step: string
  callable: string
}

export interface Plugin {
  name: string
  app: string
  kind: 'component' | 'python'
  path: string
  digest: string | null
  size: number
  /** Who put it there, `file` for whoever changed the folder; null where nobody knows. */
  installed_by: string | null
  state: 'loaded' | 'compiling' | 'blocked' | 'failed'
  error: string | null
  /** What it asks for beyond what was approved; its calls fail until that is empty. */
  unapproved?: string[]
  callables: Callable[]
  grants: Grants
  used_by: PluginUse[]
}

export interface PluginsDocument {
  plugins: Plugin[]
  problems: string[]
}

const COMPILING_MS = 2000

/** Null where the person may not see any. Read again while one is being compiled: no event tells when that is done. */
export const pluginsQuery = () =>
  queryOptions({
    queryKey: ['plugins'],
    queryFn: ({ signal }) => optional(http.get<PluginsDocument>('admin/plugins', signal)),
    refetchInterval: ({ state }) => (state.data?.plugins?.some((plugin) => plugin.state === 'compiling') ? COMPILING_MS : false),
  })

/** The state of a file in the shapes of states. */
export const SHAPES: Record<Plugin['state'], StepStatus> = { loaded: 'SUCCEEDED', compiling: 'RUNNING', blocked: 'QUEUED', failed: 'FAILED' }

export interface JobUse {
  job: string
  steps: string[]
}

/** Uses by job, in their order. */
export function byJob(uses: PluginUse[]): JobUse[] {
  const jobs = new Map<string, string[]>()
  for (const { job, step } of uses) jobs.set(job, [...(jobs.get(job) ?? []), step])
  return [...jobs].map(([job, steps]) => ({ job, steps }))
}
