/** Mutes: alerts of a job, or along a route, that nobody wants until an instant. The documents about them, and their words. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { http } from '../api/http'
import { optional, queryClient } from '../api/queries'
import type { Mute, MuteList } from '../api/wire'
import { manyEn, manyFr, pick } from '../i18n'
import { useNow } from '../ui/hooks'
import { toMillis } from '../ui/time'

export type { Mute } from '../api/wire'

const ADDRESS = 'admin/notifications/mutes'

/** Nobody is told when somebody else mutes: asked again every minute. */
export const mutesQuery = () => queryOptions({ queryKey: ['mutes'], queryFn: ({ signal }) => optional(http.get<MuteList>(ADDRESS, signal)), refetchInterval: 60_000 })

const fresh = () => queryClient.invalidateQueries({ queryKey: ['mutes'] })

export async function mute(kind: Mute['kind'], name: string, minutes: number, reason: string): Promise<void> {
  await http.post(ADDRESS, { kind, name, minutes, reason })
  await fresh()
}

export async function unmute(kind: Mute['kind'], name: string): Promise<void> {
  await http.post(`${ADDRESS}/end`, { kind, name })
  await fresh()
}

/** Those that hold at an instant. */
export function holding(mutes: Mute[], now: number): Mute[] {
  return mutes.filter((each) => (toMillis(each.until) ?? 0) > now)
}

/** The mutes that hold now; they end on the screen when they end. */
export function useMutes(): Mute[] {
  const { data } = useQuery(mutesQuery())
  const now = useNow(30_000)
  return holding(data?.mutes ?? [], now)
}

export const SPANS = [30, 60, 240, 1440, 10080] as const

const en = {
  muted: 'muted', until: 'until', by: (who: string) => `by ${who}`, reason: 'Reason', reasonHint: 'Why nobody has to hear of it, for those who wonder.', held: (n: number) => `${manyEn(n, 'message', 'messages')} held back`, mute: 'Mute alerts', end: 'End the mute', ending: 'Ending…', title: (name: string) => `Mute ${name}`, span: 'For', muting: 'Muting…', hint: 'Runs go on and are recorded; nobody is told of them. It ends by itself.', list: 'Muted now', kinds: { job: 'Job', route: 'Route' }, tag: (name: string) => `Alerts of ${name} are muted`,
  spans: { 30: '30 minutes', 60: '1 hour', 240: '4 hours', 1440: '1 day', 10080: '1 week' } as Record<number, string>,
}

const fr: typeof en = {
  muted: 'en sourdine', until: 'jusqu’à', by: (who) => `par ${who}`, reason: 'Raison', reasonHint: 'Pourquoi personne n’a à en entendre parler.', held: (n) => `${manyFr(n, 'message retenu', 'messages retenus')}`, mute: 'Mettre en sourdine', end: 'Lever la sourdine', ending: 'Levée…', title: (name) => `Mettre ${name} en sourdine`, span: 'Pendant', muting: 'Mise en sourdine…', hint: 'Les exécutions continuent et sont enregistrées ; personne n’en est prévenu. Cela finit tout seul.', list: 'En sourdine', kinds: { job: 'Job', route: 'Route' }, tag: (name) => `Les alertes de ${name} sont en sourdine`,
  spans: { 30: '30 minutes', 60: '1 heure', 240: '4 heures', 1440: '1 jour', 10080: '1 semaine' },
}

export const m = pick(en, fr)
