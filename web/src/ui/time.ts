/**
 * Times as words. Pure functions plus the measured difference between the server's clock and this machine's;
 * relative times never trust the local clock alone.
 */

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

/** A length in milliseconds: `640 ms`, `8.0 s`, `4m 36s`, `2h 05m`, `3d 4h`. */
export function duration(ms: number): string {
  if (ms < 0) return '0 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
  const hours = Math.floor(minutes / 60)
  return `${Math.floor(hours / 24)}d ${hours % 24}h`
}

/** A running length at one-second steps: `00:02:14`. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

/** Distance to an instant in the largest whole unit: `in 14 min`, `2 h ago`, `now`. */
export function relative(at: number, now: number, words: { now: string; justNow: string; ahead: (x: string) => string; ago: (x: string) => string }): string {
  const distance = Math.abs(at - now)
  if (distance < 5_000) return at > now ? words.now : words.justNow
  const seconds = Math.floor(distance / 1000)
  const text =
    seconds < 60 ? `${seconds} s`
    : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
    : seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`
  return at > now ? words.ahead(text) : words.ago(text)
}

const dayAndTime = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', hour12: false })
const timeOnly = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })

/** `22 Nov, 02:30:00` in the viewer's zone. */
export function shortInstant(ms: number): string {
  return dayAndTime.format(ms)
}

/** `02:30:00` in the viewer's zone. */
export function clock(ms: number): string {
  return timeOnly.format(ms)
}

/** The instant in the viewer's zone, in UTC and, when it is known, in the job's zone: for a tooltip. */
export function everyZone(ms: number, jobZone?: string | null): string {
  const lines = [`${full.format(ms)} (local)`, `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} (UTC)`]
  if (jobZone) {
    try {
      const zoned = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', hour12: false, timeZone: jobZone })
      lines.push(`${zoned.format(ms)} (${jobZone})`)
    } catch {
      // A zone this browser does not know: the other two lines are still right.
    }
  }
  return lines.join('\n')
}
