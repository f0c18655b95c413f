/**
 * The one place that talks HTTP to the server. Addresses are relative to the document's base, so the page works under any
 * path. An access token that has expired is renewed on the way. Invariant: every failure is an `ApiError`; a 401 is also
 * announced to the session, which leads to the sign-in page.
 */
import { t } from '../ui/words'
import { signedFetch } from './refresh'
import type { Problem } from './types'

/** The RFC 9457 problem document, extensions included. */
export interface ProblemDocument {
  type?: string
  title?: string
  status?: number
  detail?: string
  hint?: string
  /** The permission that is missing, in a 403. */
  needs?: string
  request_id?: string
  active_run_id?: string
  problems?: Problem[]
  [extension: string]: unknown
}

/** A request that did not succeed; `status` 0 means that the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: ProblemDocument,
    readonly request: string,
    readonly requestId: string | null = null,
    /** Seconds after which the server wants to be asked again. */
    readonly retryAfter: number | null = null,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.name = 'ApiError'
  }

  /** Whether the problem's type ends with this name, for example `stale`. */
  is(name: string): boolean {
    return new RegExp(`[:/]${name}$|^${name}$`).test(this.problem.type ?? '')
  }
}

/** The server has no such address: an older server, or a part of it that is not built in. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 405 || error.status === 501)
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

export interface CallOptions {
  body?: unknown
  /** A file in place of a JSON body. */
  file?: Blob
  signal?: AbortSignal | undefined
  /** The revision that the change is meant for; the server refuses when it has another. */
  ifMatch?: string | null | undefined
  /** Makes a repeated POST do its work once. */
  idempotencyKey?: string
  /** Reads the answer; for numbers that the browser's own reading would round. */
  parse?: (text: string) => unknown
}

export interface Answer<T> {
  data: T
  etag: string | null
}

/** What begins, renews or ends a session, or needs none: there a 401 says what it says. */
const UNSIGNED = /^auth\/(login|refresh|logout|providers)$/

/** One request. The paths under `auth/` that ask who is there answer 401 without ending the session. */
export async function request<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const name = `${method} /${path}`
  const headers: Record<string, string> = { accept: 'application/json' }
  const init: RequestInit = { method, credentials: 'same-origin', headers }
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body)
    headers['content-type'] = 'application/json'
  }
  if (options.file) {
    init.body = options.file
    headers['content-type'] = options.file.type || 'application/octet-stream'
  }
  if (options.ifMatch) headers['if-match'] = options.ifMatch
  if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey
  if (options.signal) init.signal = options.signal
  let response: Response
  try {
    response = await (UNSIGNED.test(path) ? fetch : signedFetch)(endpoint(path), init)
  } catch (cause) {
    if (options.signal?.aborted) throw cause
    throw new ApiError(0, { title: t.notReached, detail: String(cause) }, name)
  }
  if (response.ok) {
    const data = response.status === 204 ? undefined : options.parse ? options.parse(await response.text()) : await response.json()
    return { data: data as T, etag: response.headers.get('etag') }
  }
  const problem = await readProblem(response, options.parse)
  if (response.status === 401 && !/^auth\/(login|me|password)$/.test(path)) onSignedOut()
  const wait = Number(response.headers.get('retry-after'))
  throw new ApiError(response.status, problem, name, problem.request_id ?? response.headers.get('x-request-id'), wait > 0 ? wait : null)
}

async function readProblem(response: Response, parse: (text: string) => unknown = JSON.parse): Promise<ProblemDocument> {
  try {
    const value: unknown = parse(await response.text())
    if (value !== null && typeof value === 'object') return value as ProblemDocument
  } catch {
    // Not JSON: a proxy's page, most likely. The status line is all there is to show.
  }
  return { title: response.statusText || `HTTP ${response.status}`, status: response.status }
}

const only = async <T>(answer: Promise<Answer<T>>) => (await answer).data

/** The methods; each answers with the body. For an `ETag` call `request`. */
export const http = {
  get: <T>(path: string, signal?: AbortSignal) => only(request<T>('GET', path, { signal })),
  post: <T>(path: string, body: unknown = {}, options: CallOptions = {}) => only(request<T>('POST', path, { ...options, body })),
  put: <T>(path: string, body: unknown, options: CallOptions = {}) => only(request<T>('PUT', path, { ...options, body })),
  patch: <T>(path: string, body: unknown, options: CallOptions = {}) => only(request<T>('PATCH', path, { ...options, body })),
  delete: <T>(path: string, options: CallOptions = {}) => only(request<T>('DELETE', path, options)),
}

/** `?a=1&b=2` of what is set; nothing when nothing is. */
export function queryString(values: Record<string, string | number | boolean | null | undefined>): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== '') query.set(key, String(value))
  return query.size > 0 ? `?${query}` : ''
}

/**
 * Lets the browser download an address. A link alone would meet an access token that has expired: nothing renews it there.
 * @throws ApiError when nobody is signed in any more.
 */
export async function download(path: string): Promise<void> {
  await request('GET', 'auth/me')
  const link = document.createElement('a')
  link.href = endpoint(path)
  link.download = ''
  link.click()
}

let drawn = 0

/** A key nobody else uses; `crypto.randomUUID` is withheld over plain HTTP, `getRandomValues` is not. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return `${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}-${++drawn}`
}
