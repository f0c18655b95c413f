/** Where on the bar beside the log something stands: line numbers as places from 0 to 1, few enough to draw. Pure. */

export interface Mark {
  /** 0 is the first line, 1 the end. */
  at: number
  /** The first line it stands for. */
  line: number
}

export function marks(numbers: readonly number[], total: number, most = 200): Mark[] {
  if (total === 0) return []
  const seen = new Set<number>()
  const out: Mark[] = []
  for (const line of numbers) {
    const slot = Math.min(most - 1, Math.floor((line / total) * most))
    if (seen.has(slot)) continue
    seen.add(slot)
    out.push({ at: slot / most, line })
  }
  return out
}
