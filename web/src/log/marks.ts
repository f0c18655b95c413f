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

export interface Bar {
  part: number
  /** Of the longest bar, from 0 to 1; one line among thousands can still be seen. */
  share: number
}

/** The parts with any, by how many they have: in proportion to the logarithm, so that few do not vanish beside many. */
export function bars(counts: readonly number[]): Bar[] {
  const most = Math.log1p(Math.max(0, ...counts))
  return counts.flatMap((count, part) => (count > 0 ? [{ part, share: Math.log1p(count) / most }] : []))
}
