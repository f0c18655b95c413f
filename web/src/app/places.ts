/** The pages one can go to and who may see them: for the rail, the palette and the shortcuts. */
import { Activity, Bell, CalendarDays, Database, HeartPulse, ListChecks, Plug, Settings, TextSearch, type LucideIcon } from 'lucide-react'
import { may, mayAnyJob, mayAnyRun, type Me } from '../api/permissions'
import { t } from './words'

export interface Place {
  to: '/jobs' | '/runs' | '/logs' | '/schedule' | '/plugins' | '/connectors' | '/alerts' | '/health' | '/settings'
  label: string
  icon: LucideIcon
  /** The second key after `g`. */
  key: string
  visible: (me: Me | undefined) => boolean
}

const everybody = () => true

const PLACES: Place[] = [
  { to: '/jobs', label: t.jobs, icon: ListChecks, key: 'j', visible: everybody },
  { to: '/runs', label: t.runs, icon: Activity, key: 'r', visible: everybody },
  { to: '/logs', label: t.logs, icon: TextSearch, key: 'l', visible: mayAnyRun },
  { to: '/schedule', label: t.schedule, icon: CalendarDays, key: 's', visible: mayAnyJob },
  { to: '/plugins', label: t.plugins, icon: Plug, key: 'p', visible: mayAnyJob },
  { to: '/connectors', label: t.connectors, icon: Database, key: 'c', visible: mayAnyJob },
  { to: '/alerts', label: t.alerts, icon: Bell, key: 'a', visible: (me) => may(me, 'settings:notifications') },
  { to: '/health', label: t.health, icon: HeartPulse, key: 'h', visible: everybody },
  { to: '/settings', label: t.settings, icon: Settings, key: 'e', visible: everybody },
]

export function places(me: Me | undefined): Place[] {
  return PLACES.filter((place) => place.visible(me))
}
