/** What stands in the address of the calendar, and the span of time it asks for. Pure. */
import { daysFrom, isDate, isZone, localIn, monthDays, plusDays, plusMonths, weekStart } from './zone'

export interface ScheduleSearch {
  view?: string | undefined
  /** A date; today without one. */
  at?: string | undefined
  zone?: string | undefined
  job?: string | undefined
  tag?: string | undefined
  connector?: string | undefined
  state?: string | undefined
  /** `show`: what is switched off, too. */
  disabled?: string | undefined
}

export const VIEWS = ['agenda', 'day', 'week', 'month'] as const
export type View = (typeof VIEWS)[number]

/** The view that is asked for; the agenda is the usual one where there is little room, and stands in for the week there. */
export function viewOf(search: ScheduleSearch, narrow: boolean): View {
  const view = VIEWS.find((each) => each === search.view) ?? (narrow ? 'agenda' : 'week')
  return narrow && view === 'week' ? 'agenda' : view
}

/** The zone days are cut by: the chosen one, else the one times are shown in everywhere. */
export function zoneOf(search: ScheduleSearch, preferred: string | undefined): string {
  return search.zone && isZone(search.zone) ? search.zone : (preferred ?? localZone())
}

export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

export function dateOf(search: ScheduleSearch, now: number, zone: string): string {
  return isDate(search.at) ? search.at : localIn(now, zone).date
}

/** The dates a view shows. An agenda begins with its date, a week with the first day of weeks. */
export function datesOf(view: View, date: string, first: number): string[] {
  switch (view) {
    case 'agenda':
      return daysFrom(date, 7)
    case 'day':
      return [date]
    case 'week':
      return daysFrom(weekStart(date, first), 7)
    case 'month':
      return monthDays(date, first)
  }
}

/** The date one step further, or back. */
export function step(view: View, date: string, by: 1 | -1): string {
  return view === 'month' ? plusMonths(date, by) : plusDays(date, by * (view === 'day' ? 1 : 7))
}
