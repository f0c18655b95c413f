/** What the server tells of notifications, and the requests about them. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString, request } from '../api/http'

export type TransportKind = 'slack' | 'smtp' | 'webhook' | 'teams'

/** A secret is never told, only whether there is one. */
export interface SecretState {
  state: 'set' | 'unset'
  changed_at: string | null
  by: string | null
}

export interface Transport {
  name: string
  kind: TransportKind
  enabled: boolean
  /** Those of `app.toml` are changed there. */
  source: 'file' | 'store'
  settings: Record<string, unknown>
  default_recipient: string | null
  secrets: Record<string, SecretState>
  last_delivery: { id: string; at: string | null; outcome: DeliveryOutcome; attempts: number; error: string | null } | null
  failing: boolean
}

export interface TransportsDocument {
  /** What links in messages begin with. */
  public_url: string | null
  transports: Transport[]
}

export type SecretWish = { keep: true } | { set: string } | { clear: true }

export interface TransportBody {
  kind: TransportKind
  enabled?: boolean
  settings: Record<string, unknown>
  secrets: Record<string, SecretWish>
}

export interface TestAnswer {
  ok: boolean
  answer: string
  ms: number
  trace: string[]
  delivery: string | null
}

export type Severity = 'low' | 'medium' | 'high'

export const EVENTS = ['failed', 'no_success', 'long_run', 'recovered', 'succeeded', 'canceled', 'skipped'] as const
export type EventName = (typeof EVENTS)[number]

export interface QuietHours {
  from: string
  to: string
  timezone: string
  then: 'hold' | 'drop'
  let_through?: Severity
}

export interface Route {
  name: string
  enabled: boolean
  jobs: string[]
  tags: string[]
  events: EventName[]
  min_severity: Severity | null
  recipients: string[]
  continue: boolean
  quiet_hours: QuietHours | null
  group_seconds: number | null
}

export interface RoutesDocument {
  from_file: Route[]
  routes: Route[]
  etag: string
  updated_at: string | null
  updated_by: string | null
}

export interface Simulation {
  severity: Severity
  recipients: { transport: string; recipient: string; route: string | null; hold_until: string | null; group_seconds: number | null; failure: string | null; muted_until: string | null }[]
}

export type DeliveryOutcome = 'PENDING' | 'SENDING' | 'SENT' | 'FAILED'
export const OUTCOMES: DeliveryOutcome[] = ['PENDING', 'SENDING', 'SENT', 'FAILED']

export interface Delivery {
  id: string
  at: string
  event: string
  job_id: string | null
  run_id: string | null
  transport: string
  recipient: string
  route: string | null
  outcome: DeliveryOutcome
  attempts: number
  next_attempt_at: string | null
  finished_at: string | null
  error: string | null
  count: number
  notices: { event: string; job_id: string; run_id: string | null; at: string; text: string }[]
  resend_of: string | null
  requested_by: string | null
}

export interface DeliveryDetail extends Delivery {
  attempt_list: { attempt: number; at: string; ms: number; ok: boolean; answer: string }[]
}

export interface DeliveryFilter {
  transport?: string | undefined
  outcome?: string | undefined
  job?: string | undefined
  cursor?: string | undefined
}

const root = 'admin/notifications'
const of = encodeURIComponent

export const alerts = {
  putTransport: (name: string, body: TransportBody) => http.put<Transport>(`${root}/transports/${of(name)}`, body),
  deleteTransport: (name: string) => http.delete<unknown>(`${root}/transports/${of(name)}`),
  test: (name: string, to: string) => http.post<TestAnswer>(`${root}/transports/${of(name)}/test`, to ? { to } : {}),
  testUnsaved: (body: { name?: string; to?: string } & TransportBody) => http.post<TestAnswer>(`${root}/transport-tests`, body),
  putRoutes: (routes: Route[], etag: string) => http.put<RoutesDocument>(`${root}/routes`, { routes }, { ifMatch: etag }),
  simulate: (body: { job: string; tags?: string[]; event: string }) => http.post<Simulation>(`${root}/routes/simulate`, body),
  resend: (id: string) => http.post<{ id: string }>(`${root}/deliveries/${of(id)}/resend`),
}

export const alertQueries = {
  transports: () => queryOptions({ queryKey: ['transports'], queryFn: ({ signal }) => http.get<TransportsDocument>(`${root}/transports`, signal) }),
  routes: () =>
    queryOptions({
      queryKey: ['routes'],
      queryFn: async ({ signal }) => {
        const { data, etag } = await request<RoutesDocument>('GET', `${root}/routes`, { signal })
        return { ...data, etag: data.etag ?? etag }
      },
    }),
  deliveries: (filter: DeliveryFilter) =>
    queryOptions({ queryKey: ['deliveries', filter], queryFn: ({ signal }) => http.get<{ deliveries: Delivery[]; next_cursor: string | null }>(`${root}/deliveries${queryString({ limit: 50, ...filter })}`, signal), staleTime: 0 }),
  delivery: (id: string) => queryOptions({ queryKey: ['deliveries', 'one', id], queryFn: ({ signal }) => http.get<DeliveryDetail>(`${root}/deliveries/${of(id)}`, signal) }),
}
