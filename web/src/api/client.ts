/**
 * The one place that talks HTTP to the server. Addresses are relative to the document's base, so the page works under any path.
 * Invariant: every failure is an `ApiError`; a 401 is also announced to the session, which leads to the sign-in page.
 */
import { t } from '../i18n'
import type {
  JobDetail, JobsDocument, LogPage, Problem, ReloadReport, RunAccepted, RunDocument, RunRequest, RunsPage,
} from './types'

/** The RFC 9457 problem document, extensions included. */
export interface ProblemDocument {
  type?: string
  title?: string
  status?: number
  detail?: string
  hint?: string
  run_id?: string
  active_run_id?: string
  problems?: Problem[]
  [extension: string]: unknown
}

/** A request that did not succeed; `status` 0 means that the server did not answer. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly problem: ProblemDocument, readonly request: string) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.name = 'ApiError'
  }
}

let onSignedOut: () => void = () => {}

/** Registers what happens when the server says that nobody is signed in. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler
}

/** The absolute address of a server path such as `admin/jobs`, below the page's base path. */
export function endpoint(path: string): string {
  return new URL(path, document.baseURI).href
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const request = `${method} /${path}`
  const init: RequestInit = { method, credentials: 'same-origin', headers: { accept: 'application/json' } }
  if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { accept: 'application/json', 'content-type': 'application/json' }
  }
  if (signal) init.signal = signal
  let response: Response
  try {
    response = await fetch(endpoint(path), init)
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, { title: t.problem.notReached, detail: String(cause) }, request)
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  const problem = await readProblem(response)
  if (response.status === 401 && path !== 'auth/login' && path !== 'auth/me') onSignedOut()
  throw new ApiError(response.status, problem, request)
}

async function readProblem(response: Response): Promise<ProblemDocument> {
  try {
    const value: unknown = await response.json()
    if (value !== null && typeof value === 'object') return value as ProblemDocument
  } catch {
    // Not JSON: a proxy's page, most likely. The status line is all there is to show.
  }
  return { title: response.statusText || `HTTP ${response.status}`, status: response.status }
}

export interface RunsFilter {
  job?: string | undefined
  status?: string | undefined
  before?: string | undefined
}

const id = encodeURIComponent

export const api = {
  signIn: (token: string) => call<{ user: string }>('POST', 'auth/login', { token }),
  signOut: () => call<unknown>('POST', 'auth/logout', {}),
  me: () => call<{ user: string }>('GET', 'auth/me'),
  jobs: (signal?: AbortSignal) => call<JobsDocument>('GET', 'admin/jobs', undefined, signal),
  job: (job: string, signal?: AbortSignal) => call<JobDetail>('GET', `admin/jobs/${id(job)}`, undefined, signal),
  runJob: (job: string, request: RunRequest) => call<RunAccepted>('POST', `admin/jobs/${id(job)}/run`, request),
  runs: (filter: RunsFilter, limit: number, signal?: AbortSignal) => {
    const query = new URLSearchParams({ limit: String(limit) })
    for (const [key, value] of Object.entries(filter)) if (value) query.set(key, value)
    return call<RunsPage>('GET', `admin/jobs/runs?${query}`, undefined, signal)
  },
  run: (run: string, signal?: AbortSignal) => call<RunDocument>('GET', `admin/jobs/runs/${id(run)}`, undefined, signal),
  log: (run: string, from: number, limit: number, signal?: AbortSignal) =>
    call<LogPage>('GET', `admin/jobs/runs/${id(run)}/logs?from=${from}&limit=${limit}`, undefined, signal),
  cancel: (run: string) => call<{ run_id: string; canceled_by: string }>('POST', `admin/jobs/runs/${id(run)}/cancel`, {}),
  reload: () => call<ReloadReport>('POST', 'admin/reload', {}),
}
