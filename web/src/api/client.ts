/** The requests about jobs, runs and their logs. Those of other pages stand in the folders of those pages. */
import { parseExact } from '../editor/exact'
import { freshKey, http, queryString, request } from './http'
import type { Me } from './permissions'
import type {
  GivenInput, JobDetail, JobsDocument, JobStats, LogCounts, LogDensity, LogPage, LogSearch, RecentRun, ReloadReport, RunAccepted, RunDocument, RunPlot, RunRequest, RunsFilter, RunsPage, Saved, SlotsPage, SourceDocument, VersionsDocument, WhyDocument,
} from './types'

export { ApiError, endpoint, isMissing, type ProblemDocument } from './http'

const id = encodeURIComponent

/** A document with values of jobs and runs: whole numbers keep all their digits. */
const exact = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await request<T>('GET', path, { signal, parse: parseExact })).data

/** Which lines of a log, as the server reads it. */
export interface LogFilter {
  level?: string
  step?: string
  attempt?: number
  origin?: 'steps' | 'run'
}

export const api = {
  me: () => http.get<Me>('auth/me'),

  jobs: (signal?: AbortSignal) => http.get<JobsDocument>('admin/jobs', signal),
  /** The last runs of every job, oldest first. */
  recent: (signal?: AbortSignal) => http.get<{ jobs: { id: string; recent: RecentRun[] }[] }>('admin/jobs?recent=20', signal),
  job: (job: string, signal?: AbortSignal) => exact<JobDetail>(`admin/jobs/${id(job)}`, signal),
  reload: () => http.post<ReloadReport>('admin/reload'),
  runJob: (job: string, body: RunRequest) => http.post<RunAccepted>(`admin/jobs/${id(job)}/run`, body, { idempotencyKey: freshKey() }),
  patchJob: (job: string, change: { enabled?: boolean; tags?: string[]; description?: string; schedules?: Record<string, { enabled: boolean }> }, ifMatch?: string | null) =>
    http.patch<Saved>(`admin/jobs/${id(job)}`, change, { ifMatch }),
  source: async (job: string, signal?: AbortSignal): Promise<SourceDocument> => {
    const { data, etag } = await request<SourceDocument>('GET', `admin/jobs/${id(job)}/source`, { signal, parse: parseExact })
    return { ...data, etag: data.etag ?? etag }
  },
  versions: (job: string, signal?: AbortSignal) => http.get<VersionsDocument>(`admin/jobs/${id(job)}/versions`, signal),
  diff: (job: string, from: number, to: number | null, signal?: AbortSignal) =>
    http.get<{ unified: string }>(`admin/jobs/${id(job)}/diff${queryString({ from, to })}`, signal),
  restore: (job: string, version: number, ifMatch: string | null) => http.post<Saved>(`admin/jobs/${id(job)}/restore`, { version }, { ifMatch }),
  slots: (job: string, limit: number, signal?: AbortSignal) => http.get<SlotsPage>(`admin/jobs/${id(job)}/slots?limit=${limit}`, signal),
  why: (job: string, at: string, signal?: AbortSignal) => http.get<WhyDocument>(`admin/jobs/${id(job)}/why${queryString({ at })}`, signal),

  stats: (job: string, before: string | null, signal?: AbortSignal) => http.get<JobStats>(`admin/jobs/${id(job)}/stats${queryString({ before })}`, signal),
  inputs: (job: string, signal?: AbortSignal) => exact<{ inputs: GivenInput[] }>(`admin/jobs/${id(job)}/inputs`, signal),
  plot: (filter: RunsFilter, signal?: AbortSignal) => http.get<RunPlot>(`admin/jobs/runs/plot${queryString({ ...filter })}`, signal),
  runsFile: (filter: RunsFilter, format: 'csv' | 'ndjson') => `admin/jobs/runs/export.${format}${queryString({ ...filter })}`,

  runs: (filter: RunsFilter, limit: number, signal?: AbortSignal) => http.get<RunsPage>(`admin/jobs/runs${queryString({ limit, ...filter })}`, signal),
  run: (run: string, signal?: AbortSignal) => exact<RunDocument>(`admin/jobs/runs/${id(run)}`, signal),
  cancel: (run: string) => http.post<{ run_id: string; canceled_by: string }>(`admin/jobs/runs/${id(run)}/cancel`),
  replay: (run: string, body: { from_step?: string; definition?: 'stored' | 'current' }) =>
    http.post<RunAccepted>(`admin/jobs/runs/${id(run)}/replay`, body, { idempotencyKey: freshKey() }),
  definition: (run: string, signal?: AbortSignal) => http.get<unknown>(`admin/jobs/runs/${id(run)}/definition`, signal),

  log: (run: string, from: number, limit: number, signal?: AbortSignal) => http.get<LogPage>(`admin/jobs/runs/${id(run)}/logs${queryString({ from, limit })}`, signal),
  /** Lines of spans such as `10-16,40`. */
  logLines: (run: string, lines: string, signal?: AbortSignal) => http.get<LogPage>(`admin/jobs/runs/${id(run)}/logs${queryString({ lines })}`, signal),
  logDensity: (run: string, parts: number, signal?: AbortSignal) => http.get<LogDensity>(`admin/jobs/runs/${id(run)}/logs/density${queryString({ parts })}`, signal),
  logCounts: (run: string, signal?: AbortSignal) => http.get<LogCounts>(`admin/jobs/runs/${id(run)}/logs/counts`, signal),
  logSearch: (run: string, query: LogFilter & { q?: string; regex?: boolean; case?: boolean; from?: number | undefined }, signal?: AbortSignal) =>
    http.get<LogSearch>(`admin/jobs/runs/${id(run)}/logs/search${queryString({ ...query, regex: query.regex || undefined, case: query.case || undefined })}`, signal),
  logDownload: (run: string, format: 'txt' | 'ndjson', more: LogFilter & { gzip?: true; inline?: true } = {}) => `admin/jobs/runs/${id(run)}/logs/download${queryString({ format, ...more })}`,

  scheduler: (signal?: AbortSignal) => http.get<SchedulerState>('admin/scheduler', signal),
}

/** What the shell shows of the scheduler; the health page reads more of the same document. */
export interface SchedulerState {
  scheduler: 'active' | 'standby' | 'error' | 'disabled' | string
  replica: string
  scheduler_enabled: boolean
  paused_by: string | null
  paused_at: string | null
  pause_reason: string | null
  /** The processes of the store. */
  replicas?: { owner: string }[]
  /** Windows that are not over, by their beginning. */
  maintenance?: Maintenance[]
}

/** A span of time in which no schedule fires. */
export interface Maintenance {
  id: string
  from: string
  to: string
  reason: string
  created_by: string
  created_at: string
  state: 'planned' | 'active' | 'over'
}
