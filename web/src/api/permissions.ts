/**
 * What the person may do, to leave out what the server would refuse. The server decides again on every request.
 * A server that tells no permissions knows one kind of person, who may do everything. Pure but for the hook.
 */
import { useQuery } from '@tanstack/react-query'
import { queries } from './queries'

export interface Me {
  user: string
  display_name?: string | null
  source?: string
  permissions?: string[]
  must_change_password?: boolean
}

export type Permission = 'superuser' | 'job:*' | `job:${string}` | 'settings:jobs' | 'settings:notifications'

/** Whether the person holds the permission, by itself or through a wider one. */
export function may(me: Me | undefined, permission: Permission): boolean {
  const held = me?.permissions
  if (!held || held.includes('superuser') || held.includes(permission)) return true
  return permission.startsWith('job:') && held.includes('job:*')
}

/** Whether the person may see any job at all. */
export function mayAnyJob(me: Me | undefined): boolean {
  const held = me?.permissions
  return !held || held.some((each) => each === 'superuser' || each === 'settings:jobs' || each.startsWith('job:'))
}

/** Whether the person may see the runs of any job; whoever edits jobs sees the jobs alone. */
export function mayAnyRun(me: Me | undefined): boolean {
  const held = me?.permissions
  return !held || held.some((each) => each === 'superuser' || each.startsWith('job:'))
}

/** The question for the person who is signed in. */
export function useMay(): (permission: Permission) => boolean {
  const { data } = useQuery(queries.me())
  return (permission) => may(data, permission)
}
