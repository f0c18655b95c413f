/** The ordered list of routes as one edits it: moving, reading lists from text, telling a route in a line. Pure. */
import type { AlertRouteBody } from '../api/wire'
import type { Route } from './api'

export function emptyRoute(name: string): Route {
  return { name, enabled: true, jobs: [], tags: [], events: [], min_severity: null, recipients: [], continue: false, quiet_hours: null, group_seconds: null }
}

/** The list with one taken from `from` and put before what then stands at `to`; itself when that is no change. */
export function moved<T>(list: T[], from: number, to: number): T[] {
  if (from === to || from < 0 || from >= list.length || to < 0 || to >= list.length) return list
  const next = [...list]
  const [one] = next.splice(from, 1)
  next.splice(to, 0, one!)
  return next
}

/** Words of a text, separated by commas or spaces; each once. */
export function words(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))]
}

/** A name nobody else in the list has. */
export function freshName(taken: string[], base: string): string {
  if (!taken.includes(base)) return base
  for (let n = 2; ; n++) if (!taken.includes(`${base}-${n}`)) return `${base}-${n}`
}

/** A route without what says nothing, as the server takes it. */
export function toSend(route: Route): AlertRouteBody {
  return Object.fromEntries(Object.entries(route).filter(([, value]) => value !== null)) as unknown as AlertRouteBody
}

/** Findings such as `/2/recipients` of a list, by route. */
export function errorsByRoute(problems: { pointer?: string; message: string }[]): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const { pointer, message } of problems) {
    const index = Number(pointer?.split('/').find((part) => /^\d+$/.test(part)) ?? -1)
    found.set(index, [...(found.get(index) ?? []), message])
  }
  return found
}
