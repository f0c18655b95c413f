/**
 * Days by the clock of a time zone: when they begin, how many hours they have, which week and month they are in. A date is
 * `2026-11-23`, an instant milliseconds since the epoch. Pure.
 */
import { locale } from '../i18n'

const HOUR = 3_600_000
export const MINUTE = 60_000

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string): Intl.DateTimeFormat {
  let known = formats.get(zone)
  if (!known) {
    known = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' })
    formats.set(zone, known)
  }
  return known
}

/** Whether this browser knows the zone. */
export function isZone(zone: string): boolean {
  try {
    format(zone)
    return true
  } catch {
    return false
  }
}

export interface Local {
  date: string
  /** Minutes since midnight by the clock on the wall. */
  minute: number
}

export function localIn(ms: number, zone: string): Local {
  const part: Record<string, string> = {}
  for (const { type, value } of format(zone).formatToParts(ms)) part[type] = value
  return { date: `${part.year}-${part.month}-${part.day}`, minute: Number(part.hour) * 60 + Number(part.minute) + Number(part.second) / 60 }
}

const utc = (date: string) => Date.parse(`${date}T00:00:00Z`)

/** Whether the text is a date that exists. */
export function isDate(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(utc(text)) && new Date(utc(text)).toISOString().startsWith(text)
}

/** The first instant of a date. Where the clock leaves out midnight it is the instant it goes on at. */
export function startOf(date: string, zone: string): number {
  // Offsets are from -12 to +14 hours, in quarters: the day begins in between, where the date changes.
  let [before, after] = [utc(date) - 15 * HOUR, utc(date) + 13 * HOUR]
  while (after - before > MINUTE) {
    const middle = Math.round((before + after) / 2 / MINUTE) * MINUTE
    if (localIn(middle, zone).date < date) before = middle
    else after = middle
  }
  return after
}

export function plusDays(date: string, n: number): string {
  return new Date(utc(date) + n * 24 * HOUR).toISOString().slice(0, 10)
}

/** 23 or 25 on the days on which the clocks change. */
export function hoursOf(date: string, zone: string): number {
  return (startOf(plusDays(date, 1), zone) - startOf(date, zone)) / HOUR
}

/** 1 is Monday, 7 is Sunday: the day that weeks begin with where the person lives. */
export function firstWeekday(region = typeof navigator === 'undefined' ? locale : navigator.language): number {
  try {
    const known = new Intl.Locale(region) as Intl.Locale & { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } }
    return (known.getWeekInfo?.() ?? known.weekInfo)?.firstDay ?? 1
  } catch {
    return 1
  }
}

/** The date its week begins with. */
export function weekStart(date: string, first: number): string {
  const weekday = new Date(utc(date)).getUTCDay()
  return plusDays(date, -((weekday - first + 7) % 7))
}

export function daysFrom(date: string, n: number): string[] {
  return Array.from({ length: n }, (_, i) => plusDays(date, i))
}

/** The whole weeks that a month is in: four to six of them. */
export function monthDays(date: string, first: number): string[] {
  const begin = weekStart(`${date.slice(0, 7)}-01`, first)
  const next = plusMonths(date, 1)
  const days = daysFrom(begin, 42)
  return days.slice(0, 7 * Math.ceil(days.filter((day) => day < next).length / 7))
}

/** The first date of the month that many months on. */
export function plusMonths(date: string, n: number): string {
  const [year, month] = date.split('-').map(Number)
  return new Date(Date.UTC(year!, month! - 1 + n, 1)).toISOString().slice(0, 10)
}

/** `02:30`, with seconds only where there are any. */
export function hourMinute(ms: number, zone: string): string {
  const { minute } = localIn(ms, zone)
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  const seconds = Math.round((minute % 1) * 60)
  return `${two(minute / 60)}:${two(minute % 60)}${seconds > 0 ? `:${two(seconds)}` : ''}`
}

const shapes = {
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  long: { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' },
  month: { month: 'long', year: 'numeric' },
  weekday: { weekday: 'short' },
  number: { day: 'numeric' },
} as const
const names = new Map<string, Intl.DateTimeFormat>()

/** A date in words: `Mon 23 Nov`, `November 2026`. */
export function dateName(date: string, shape: keyof typeof shapes): string {
  let known = names.get(shape)
  if (!known) names.set(shape, (known = new Intl.DateTimeFormat(locale, { ...shapes[shape], timeZone: 'UTC' })))
  return known.format(utc(date))
}
