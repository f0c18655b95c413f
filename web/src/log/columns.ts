/** Which columns of the log are shown and how its times are written; kept in this browser. Pure but for the storage. */

export type TimeMode = 'clock' | 'start' | 'previous' | 'off'

export interface Columns {
  number: boolean
  time: TimeMode
  level: boolean
  step: boolean
  wrap: boolean
}

const DEFAULT: Columns = { number: true, time: 'clock', level: true, step: true, wrap: false }
const KEY = 'nomaflow.log'

export function storedColumns(): Columns {
  try {
    return { ...DEFAULT, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Columns>) }
  } catch {
    return DEFAULT
  }
}

export function storeColumns(columns: Columns): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(columns))
  } catch {
    // The choice then lasts as long as the page.
  }
}

/** `+0.034`, `+12.500`, `+2:03.100`: a length of time beside a line. */
export function delta(ms: number): string {
  const seconds = Math.abs(ms) / 1000
  const sign = ms < 0 ? '−' : '+'
  if (seconds < 60) return `${sign}${seconds.toFixed(3)}`
  return `${sign}${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(3).padStart(6, '0')}`
}
