/** What an attempt used, as facts to read: known figures first and in their units, whatever else was recorded as it is. */
import { count } from '../i18n'
import { t } from './words'
import { duration } from '../ui/time'

export interface UsageFact {
  name: string
  value: string
  /** The whole of a value that is shown cut short. */
  full?: string
}

type Known = [key: string, name: string, show: (n: number) => string]

const known: Known[] = [
  ['peak_memory_bytes', t.memory, bytes],
  ['cpu_ms', t.cpu, milliseconds],
  ['wall_ms', t.wall, milliseconds],
  ['host_calls', t.hostCalls, count],
  ['rows_in', t.rowsIn, count],
  ['rows_out', t.rowsOut, count],
]

export function usageFacts(usage: Record<string, unknown>): UsageFact[] {
  const { component_sha256: digest, ...rest } = usage
  const facts: UsageFact[] = []
  for (const [key, name, show] of known) {
    const value = rest[key]
    if (typeof value !== 'number') continue
    facts.push({ name, value: show(value) })
    delete rest[key]
  }
  if (typeof digest === 'string') facts.push({ name: t.component, value: digest.slice(0, 12), full: digest })
  for (const [name, value] of Object.entries(rest)) facts.push({ name, value: typeof value === 'string' ? value : JSON.stringify(value) })
  return facts
}

/** Decimal units: `640 bytes`, `218 kB`, `18.4 MB`. */
export function bytes(n: number): string {
  if (n < 1e3) return `${n} ${t.bytes}`
  if (n < 1e6) return `${Math.floor(n / 1e3)} kB`
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(1)} GB`
}

/** A call of a component often takes less than a millisecond. */
function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : duration(ms)
}
