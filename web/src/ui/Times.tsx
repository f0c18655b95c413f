/** Instants and lengths on screen, always by the server's clock and in the zone the person chose. */
import { createContext, useContext } from 'react'
import { useNow, usePreference } from './hooks'
import { duration, everyZone, relative, shortInstant, stopwatch, toMillis } from './time'
import { t } from './words'

/**
 * Whether instants stand alone here, as among the facts of a run and in dialogs: then each takes the focus and shows the other zones
 * (`zones.ts`). In rows they do not: a stop at each would be in the way of those who use the keyboard.
 */
export const Single = createContext(false)

const stop = (isSingle: boolean) => (isSingle ? 0 : undefined)

/** A distance such as `2 h ago`; the tooltip has the instant in every zone that matters. */
export function Ago({ at, zone }: { at: string | null | undefined; zone?: string | null | undefined }) {
  const now = useNow(5_000)
  const isSingle = useContext(Single)
  const ms = toMillis(at)
  if (ms === null) return <>–</>
  return <time dateTime={at!} tabIndex={stop(isSingle)} title={everyZone(ms, zone, t.local)}>{relative(ms, now, t)}</time>
}

/** An instant in the chosen zone; the tooltip has the others. */
export function At({ at, zone }: { at: string | null | undefined; zone?: string | null | undefined }) {
  usePreference('zone')
  const isSingle = useContext(Single)
  const ms = toMillis(at)
  if (ms === null) return <>–</>
  return <time dateTime={at!} tabIndex={stop(isSingle)} title={everyZone(ms, zone, t.local)}>{shortInstant(ms, zone)}</time>
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
