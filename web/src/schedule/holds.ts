/** What holds schedules back: maintenance windows and slots that are skipped once. */
import type { Maintenance } from '../api/client'
import { http, queryString } from '../api/http'
import { queryClient } from '../api/queries'
import type { Day } from './calendar'
import { minuteOf } from './layout'
import { localIn } from './zone'

export const holds = {
  skip: (job: string, schedule: string, dueAt: string) => http.post<unknown>(skipOf(job, schedule), { due_at: dueAt }),
  undo: (job: string, schedule: string, dueAt: string) => http.delete<unknown>(`${skipOf(job, schedule)}${queryString({ due_at: dueAt })}`),
  announce: (window: { from?: string | undefined; to: string; zone: string; reason: string }) => http.post<Maintenance>('admin/maintenance', window),
  end: (id: string) => http.delete<unknown>(`admin/maintenance/${encodeURIComponent(id)}`),
}

/** The address of what is skipped once. */
export const skipOf = (job: string, schedule: string) => `admin/jobs/${encodeURIComponent(job)}/schedules/${encodeURIComponent(schedule)}/skip`

/** Everything that says when something fires. */
export const refreshHolds = () => Promise.all(['job', 'jobs', 'schedule', 'scheduler', 'slots'].map((key) => queryClient.invalidateQueries({ queryKey: [key] })))

/** A skip is taken back until so long before its slot is due. */
const LATEST_UNDO_MS = 30_000

export const mayUndo = (dueAt: number, now: number): boolean => dueAt - now > LATEST_UNDO_MS

/** An instant as an input of date and time shows it. */
export function wallOf(ms: number, zone: string): string {
  const { date, minute } = localIn(ms, zone)
  return `${date}T${timeOf(Math.floor(minute))}`
}

/** `02:30`; the end of a day is its last minute, which such an input can show. */
export function timeOf(minute: number): string {
  const within = Math.min(Math.max(0, Math.round(minute)), 24 * 60 - 1)
  return `${String(Math.floor(within / 60)).padStart(2, '0')}:${String(within % 60).padStart(2, '0')}`
}

export interface Stretch {
  window: Maintenance
  top: number
  minutes: number
}

/** Where windows lie in a day of the grid. */
export function stretches(windows: Maintenance[], day: Day, zone: string, axis: 'wall' | 'elapsed'): Stretch[] {
  const height = axis === 'elapsed' ? (day.end - day.start) / 60_000 : 24 * 60
  return windows.flatMap((window) => {
    const [from, to] = [Date.parse(window.from), Date.parse(window.to)]
    if (window.state === 'over' && to <= from) return []
    if (to <= day.start || from >= day.end) return []
    const top = from <= day.start ? 0 : minuteOf(day, from, zone, axis)
    const bottom = to >= day.end ? height : minuteOf(day, to, zone, axis)
    return bottom > top ? [{ window, top, minutes: bottom - top }] : []
  })
}
