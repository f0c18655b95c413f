/**
 * The axis of the step timeline: milliseconds to places and back, with long stretches in which nothing ran folded to a mark,
 * and zoomed to a part where somebody asked for it. Pure.
 */

/** Places go from 0 to this. */
export const SCALE = 1000
/** How wide a folded stretch stays. */
const FOLDED = 36
/** A stretch without anything is long when it takes so much of the whole. */
const LONG = 0.2
const SHORTEST_FOLD_MS = 2_000

export interface Fold {
  x: number
  width: number
  ms: number
}

export interface Axis {
  beginMs: number
  endMs: number
  folds: Fold[]
  place(ms: number): number
  at(x: number): number
}

export interface View {
  fold: boolean
  /** The part that is looked at; null is the whole. */
  zoom: [fromMs: number, toMs: number] | null
}

export const WHOLE: View = { fold: false, zoom: null }

interface Piece {
  from: number
  to: number
  isFold: boolean
}

/** The stretches between `begin` and `end` in which nothing of `busy` goes on, that are long. */
function gaps(begin: number, end: number, busy: [number, number][]): [number, number][] {
  const found: [number, number][] = []
  const least = Math.max(SHORTEST_FOLD_MS, (end - begin) * LONG)
  let at = begin
  for (const [from, to] of [...busy, [end, end] as [number, number]].sort((a, b) => a[0] - b[0])) {
    if (from - at > least) found.push([at, from])
    at = Math.max(at, to)
  }
  return found
}

export function axis(begin: number, end: number, busy: [number, number][], view: View): Axis {
  const first = Math.max(begin, view.zoom?.[0] ?? begin)
  const last = Math.max(first + 1, Math.min(end, view.zoom?.[1] ?? end))
  const pieces: Piece[] = []
  let at = first
  for (const [from, to] of view.fold ? gaps(first, last, busy.flatMap(([a, b]): [number, number][] => (b < first || a > last ? [] : [[Math.max(a, first), Math.min(b, last)]]))) : []) {
    if (from > at) pieces.push({ from: at, to: from, isFold: false })
    pieces.push({ from, to, isFold: true })
    at = to
  }
  if (last > at) pieces.push({ from: at, to: last, isFold: false })
  const open = pieces.filter((piece) => !piece.isFold).reduce((sum, piece) => sum + piece.to - piece.from, 0)
  const room = SCALE - FOLDED * pieces.filter((piece) => piece.isFold).length
  let x = 0
  const placed = pieces.map((piece) => {
    const width = piece.isFold ? FOLDED : ((piece.to - piece.from) / Math.max(1, open)) * room
    const here = { ...piece, x, width }
    x += width
    return here
  })
  return {
    beginMs: first,
    endMs: last,
    folds: placed.filter((piece) => piece.isFold).map((piece) => ({ x: piece.x, width: piece.width, ms: piece.to - piece.from })),
    place(ms) {
      const piece = placed.find((each) => ms <= each.to) ?? placed.at(-1)
      if (!piece) return 0
      const part = (ms - piece.from) / Math.max(1, piece.to - piece.from)
      return Math.min(SCALE, Math.max(0, piece.x + Math.min(1, part) * piece.width))
    },
    at(place) {
      const piece = placed.find((each) => place <= each.x + each.width) ?? placed.at(-1)
      return piece ? piece.from + ((place - piece.x) / Math.max(1e-9, piece.width)) * (piece.to - piece.from) : first
    },
  }
}
