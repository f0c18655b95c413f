/** What the server tells of notifications, and the requests about them. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString, request } from '../api/http'
import type {
  AlertEvent, AlertRouteBody, AlertRoutes, DeliveryDetail, DeliveryOutcome, DeliveryPage, DeliveryResent, MessagePreview, PreviewBody, SecretWish, SimulateBody, Simulation, Transport, TransportKind, TransportList,
  TransportTest,
} from '../api/wire'

export type {
  AlertEvent as EventName, AlertRoute as Route, AlertRoutes as RoutesDocument, AlertSeverity as Severity, Delivery, DeliveryDetail, DeliveryOutcome, DeliveryPage, MessagePreview, QuietHours, SecretState, SecretWish,
  Simulation, Transport, TransportKind, TransportList as TransportsDocument, TransportTest as TestAnswer,
} from '../api/wire'

/** A transport as the form writes it. */
export interface TransportBody {
  kind: TransportKind
  enabled?: boolean
  settings: Record<string, unknown>
  secrets: Record<string, SecretWish>
}

export const EVENTS = ['failed', 'no_success', 'long_run', 'recovered', 'succeeded', 'canceled', 'skipped'] as const satisfies AlertEvent[]
export const OUTCOMES: DeliveryOutcome[] = ['PENDING', 'SENDING', 'SENT', 'FAILED']

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
  test: (name: string, to: string) => http.post<TransportTest>(`${root}/transports/${of(name)}/test`, to ? { to } : {}),
  testUnsaved: (body: { name?: string; to?: string } & TransportBody) => http.post<TransportTest>(`${root}/transport-tests`, body),
  preview: (body: PreviewBody) => http.post<MessagePreview>(`${root}/previews`, body),
  putRoutes: (routes: AlertRouteBody[], etag: string) => http.put<AlertRoutes>(`${root}/routes`, { routes }, { ifMatch: etag }),
  simulate: (body: SimulateBody) => http.post<Simulation>(`${root}/routes/simulate`, body),
  resend: (id: string) => http.post<DeliveryResent>(`${root}/deliveries/${of(id)}/resend`),
}

export const alertQueries = {
  transports: () => queryOptions({ queryKey: ['transports'], queryFn: ({ signal }) => http.get<TransportList>(`${root}/transports`, signal) }),
  routes: () =>
    queryOptions({
      queryKey: ['routes'],
      queryFn: async ({ signal }) => {
        const { data, etag } = await request<AlertRoutes>('GET', `${root}/routes`, { signal })
        return { ...data, etag: data.etag || etag! }
      },
    }),
  deliveries: (filter: DeliveryFilter) =>
    queryOptions({ queryKey: ['deliveries', filter], queryFn: ({ signal }) => http.get<DeliveryPage>(`${root}/deliveries${queryString({ limit: 50, ...filter })}`, signal), staleTime: 0 }),
  delivery: (id: string) => queryOptions({ queryKey: ['deliveries', 'one', id], queryFn: ({ signal }) => http.get<DeliveryDetail>(`${root}/deliveries/${of(id)}`, signal) }),
}
