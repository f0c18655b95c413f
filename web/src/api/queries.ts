/** The documents the pages read, as queries. Fresh until an event says otherwise: nothing here polls. */
import { QueryClient, queryOptions, skipToken } from '@tanstack/react-query'
import { same } from '../editor/exact'
import { Journal } from '../live/journal'
import type { Progress } from '../live/protocol'
import { reduceJob, reduceJobs, reduceRun, reduceRuns } from '../live/reducer'
import { api, ApiError, isMissing } from './client'
import { asked, type RunsSearch } from '../runs/filter'
import { serverNow } from '../ui/time'

export const RUNS_PER_PAGE = 50

export const journal = new Journal()

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Infinity,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      networkMode: 'always',
      retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
    },
    mutations: { networkMode: 'always', retry: false },
  },
})

/** What has numbers that the browser cannot hold must not be mixed with what was read before, value by value. */
const whole = { structuralSharing: (before: unknown, now: unknown) => (same(before, now) ? before : now) }

export const queries = {
  me: () => queryOptions({ queryKey: ['me'], queryFn: () => api.me(), gcTime: Infinity }),
  jobs: () => queryOptions({ queryKey: ['jobs'], queryFn: ({ signal }) => journal.during(() => api.jobs(signal), reduceJobs) }),
  job: (id: string) => queryOptions({ ...whole, queryKey: ['job', id], queryFn: ({ signal }) => journal.during(() => api.job(id, signal), reduceJob) }),
  runs: (filter: RunsSearch) =>
    queryOptions({
      queryKey: ['runs', filter],
      queryFn: ({ signal }) => journal.during(() => api.runs(asked(filter, serverNow()), RUNS_PER_PAGE, signal), (page, event) => reduceRuns(page, event, filter)),
    }),
  run: (id: string) => queryOptions({ ...whole, queryKey: ['run', id], queryFn: ({ signal }) => journal.during(() => api.run(id, signal), reduceRun) }),
  /** The last runs of every job, for the bars; the events then tell of newer ones. */
  recent: () => queryOptions({ queryKey: ['recent'], queryFn: ({ signal }) => api.recent(signal), staleTime: 60_000 }),
  source: (id: string) => queryOptions({ ...whole, queryKey: ['source', id], queryFn: ({ signal }) => api.source(id, signal), retry: false }),
  versions: (id: string) => queryOptions({ queryKey: ['versions', id], queryFn: ({ signal }) => api.versions(id, signal), retry: false }),
  /** With a run: the times of steps are those before it. */
  stats: (id: string, before: string | null = null) => queryOptions({ queryKey: ['stats', id, before], queryFn: ({ signal }) => optional(api.stats(id, before, signal)), staleTime: 30_000 }),
  inputs: (id: string) => queryOptions({ ...whole, queryKey: ['inputs', id], queryFn: ({ signal }) => optional(api.inputs(id, signal)), staleTime: 10_000 }),
  slots: (id: string) => queryOptions({ queryKey: ['slots', id], queryFn: ({ signal }) => api.slots(id, 30, signal) }),
  logCounts: (id: string) => queryOptions({ queryKey: ['log-counts', id], queryFn: ({ signal }) => optional(api.logCounts(id, signal)) }),
  scheduler: () => queryOptions({ queryKey: ['scheduler'], queryFn: ({ signal }) => optional(api.scheduler(signal)) }),
  /** Filled by events only, keyed by step and attempt. */
  progress: (id: string) => queryOptions<Record<string, Progress>>({ queryKey: ['progress', id], queryFn: skipToken }),
}

/** What a server may lack: null in place of "there is no such address". */
export async function optional<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (isMissing(error) || (error instanceof ApiError && error.status === 403)) return null
    throw error
  }
}
