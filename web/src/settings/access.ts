/** Permissions as people ask about them: which there are, what they open, why somebody may do something. Pure. */
import type { User } from './api'

/** The permissions that name no job. */
export const PLAIN = ['superuser', 'job:*', 'settings:jobs', 'settings:notifications'] as const

/** Every permission there is to choose from, without those that are held. */
export function choices(jobs: string[], held: string[]): string[] {
  return [...PLAIN, ...jobs.map((id) => `job:${id}`)].filter((each) => !held.includes(each))
}

export const ACTIONS = ['see', 'run', 'edit', 'alerts', 'everything'] as const
export type ActionName = (typeof ACTIONS)[number]

/** Of how many jobs: all, those named, or none. */
export type Reach = 'all' | 'some' | 'none'

/** What these permissions open, page by page. */
export function reach(permissions: string[]): Record<ActionName, Reach> {
  const has = (permission: string) => permissions.includes(permission)
  const all = has('superuser')
  const runs: Reach = all || has('job:*') ? 'all' : permissions.some((each) => each.startsWith('job:')) ? 'some' : 'none'
  const edits: Reach = all || has('settings:jobs') ? 'all' : 'none'
  return { see: edits === 'all' ? 'all' : runs, run: runs, edit: edits, alerts: all || has('settings:notifications') ? 'all' : 'none', everything: all ? 'all' : 'none' }
}

export interface Why {
  permission: string
  /** Granted to the account here, or given by a group of the provider. */
  through: 'granted' | 'group'
}

/** The permissions by which somebody may run a job; none means that they may not. */
export function whyRun(user: Pick<User, 'permissions' | 'permissions_from_groups'>, job: string): Why[] {
  const opens = (permission: string) => permission === 'superuser' || permission === 'job:*' || permission === `job:${job}`
  return [
    ...user.permissions.filter(opens).map((permission): Why => ({ permission, through: 'granted' })),
    ...user.permissions_from_groups.filter(opens).map((permission): Why => ({ permission, through: 'group' })),
  ]
}

/** Whether the account is the only one that may do everything and may sign in. */
export function isLastSuperuser(users: User[], name: string): boolean {
  const may = users.filter((user) => !user.disabled && [...user.permissions, ...user.permissions_from_groups].includes('superuser'))
  return may.length === 1 && may[0]!.name === name
}
