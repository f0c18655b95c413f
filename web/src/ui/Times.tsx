/** Instants and lengths on screen, always by the server's clock and in the zone the person chose. */
import { useNow, usePreference } from './hooks'
import { duration, everyZone, relative, shortInstant, stopwatch, toMillis } from './time'
import { t } from './words'

/** A distance such as `2 h ago`; the tooltip has the instant in every zone that matters. */
export function Ago({ at, zone }: { at: string | null | undefined; zone?: string | null | undefined }) {
  const now = useNow(5_000)
  const ms = toMillis(at)
  if (ms === null) return <>–</>
  return <time dateTime={at!} title={everyZone(ms, zone, t.local)}>{relative(ms, now, t)}</time>
}

/** An instant in the chosen zone; the tooltip has the others. */
export function At({ at, zone }: { at: string | null | undefined; zone?: string | null | undefined }) {
  usePreference('zone')
  const ms = toMillis(at)
  if (ms === null) return <>–</>
  return <time dateTime={at!} title={everyZone(ms, zone, t.local)}>{shortInstant(ms, zone)}</time>
}

/** How long something took, or takes: without an end it counts up. */
export function Duration({ from, to, running = to === null }: { from: string | null; to: string | null; running?: boolean }) {
  const start = toMillis(from)
  const now = useNow(running && start !== null ? 1000 : 0)
  if (start === null) return <>–</>
  if (running) return <span className="mono">{stopwatch(now - start)}</span>
  const end = toMillis(to)
  return <>{end === null ? '–' : duration(end - start)}</>
}
