/**
 * Times as words. Pure functions, the chosen zone, and the measured difference between the server's clock and this
 * machine's; relative times never trust the local clock alone.
 */
import { preference } from '../app/preferences'
import { locale } from '../i18n'

let skewMs = 0

/** Records how far the server's clock is ahead of this machine's, in milliseconds. */
export function setSkew(ms: number): void {
  skewMs = ms
}

/** The server's present, in milliseconds since the epoch. */
export function serverNow(): number {
  return Date.now() + skewMs
}

/** Milliseconds since the epoch, or null when there is no instant or it cannot be read. */
export function toMillis(instant: string | null | undefined): number | null {
  if (!instant) return null
  const ms = Date.parse(instant)
  return Number.isNaN(ms) ? null : ms
}

const two = (n: number) => String(n).padStart(2, '0')

/** A length in milliseconds: `640 ms`, `8.0 s`, `4m 36s`, `2h 05m`, `3d 4h`. */
export function duration(ms: number): string {
  if (ms < 0) return '0 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
  const hours = Math.floor(minutes / 60)
  return `${Math.floor(hours / 24)}d ${hours % 24}h`
}

/** A running length at one-second steps: `00:02:14`. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

export interface RelativeWords {
  now: string
  justNow: string
  ahead: (x: string) => string
  ago: (x: string) => string
  days: (n: number) => string
}

/** Distance to an instant in the largest whole unit: `in 14 min`, `2 h ago`, `now`. */
export function relative(at: number, now: number, words: RelativeWords): string {
  const distance = Math.abs(at - now)
  if (distance < 5_000) return at > now ? words.now : words.justNow
  const seconds = Math.floor(distance / 1000)
  const text =
    seconds < 60 ? `${seconds} s`
    : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
    : seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h`
    : words.days(Math.floor(seconds / 86_400))
  return at > now ? words.ahead(text) : words.ago(text)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** A formatter per shape and zone, made once: making one is slow. Undefined for a zone this browser does not know. */
function format(shape: 'short' | 'clock' | 'full' | 'day' | 'date', zone: string | undefined): Intl.DateTimeFormat | undefined {
  const name = `${shape} ${zone ?? ''}`
  const known = formats.get(name)
  if (known) return known
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false } as const
  const shapes = {
    short: { day: '2-digit', month: 'short', ...time },
    clock: time,
    full: { dateStyle: 'medium', timeStyle: 'medium', hour12: false },
    date: { day: 'numeric', month: 'short', year: 'numeric' },
    day: { weekday: 'short', day: 'numeric', month: 'short' },
  } as const
  try {
    const made = new Intl.DateTimeFormat(locale, { ...shapes[shape], ...(zone && { timeZone: zone }) })
    formats.set(name, made)
    return made
  } catch {
    return undefined
  }
}

/** The zone times are shown in: undefined is the viewer's own. `job` needs the job's zone and is local without it. */
export function chosenZone(jobZone?: string | null): string | undefined {
  const choice = preference('zone')
  return choice === 'utc' ? 'UTC' : choice === 'job' && jobZone ? jobZone : undefined
}

/** `22 Nov, 02:30:00` in the chosen zone. */
export function shortInstant(ms: number, jobZone?: string | null): string {
  return (format('short', chosenZone(jobZone)) ?? format('short', undefined)!).format(ms)
}

/** `02:30:00` in the chosen zone. */
export function clock(ms: number, jobZone?: string | null): string {
  return (format('clock', chosenZone(jobZone)) ?? format('clock', undefined)!).format(ms)
}

/** `Mon 23 Nov` in the chosen zone. */
export function day(ms: number, jobZone?: string | null): string {
  return (format('day', chosenZone(jobZone)) ?? format('day', undefined)!).format(ms)
}

/** `23 Nov 2026` in the chosen zone. */
export function shortDay(ms: number): string {
  return (format('date', chosenZone()) ?? format('date', undefined)!).format(ms)
}

/** The instant in the viewer's zone, in UTC and, when it is known, in the job's zone: for a tooltip. */
export function everyZone(ms: number, jobZone?: string | null, local = 'local'): string {
  const lines = [`${format('full', undefined)!.format(ms)} (${local})`, `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} (UTC)`]
  const zoned = jobZone ? format('full', jobZone) : undefined
  if (zoned && jobZone !== 'UTC') lines.push(`${zoned.format(ms)} (${jobZone})`)
  return lines.join('\n')
}
