/**
 * Splits a log line with terminal colors into pieces with theme-safe class names, and finds the addresses in it. Colors
 * of 256 and true colors become the nearest of the eight, which are legible in both themes; other escapes are dropped.
 */

export interface Piece {
  text: string
  classes: string
  /** Set for an address of the web. */
  href?: string
}

// The introducer is the escape character; written by code so that no control character stands in this file.
const ESCAPE = String.fromCharCode(27)
const SEQUENCE = new RegExp(`${ESCAPE}\\[([0-9;:?]*)([A-Za-z])|${ESCAPE}.?`, 'g')
const ADDRESS = /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g

/** The eight colors as terminals draw them, to measure how near another one is. */
const EIGHT = [[0, 0, 0], [205, 49, 49], [13, 188, 121], [229, 229, 16], [36, 114, 200], [188, 63, 188], [17, 168, 205], [229, 229, 229]] as const

function nearest(r: number, g: number, b: number): string {
  let best = 0
  let least = Infinity
  EIGHT.forEach((each, i) => {
    const distance = (each[0] - r) ** 2 + (each[1] - g) ** 2 + (each[2] - b) ** 2
    if (distance < least) [best, least] = [i, distance]
  })
  return `ansi-${best}`
}

/** A color of the table of 256: the sixteen, a cube of 6 × 6 × 6, a ramp of greys. */
function indexed(n: number): string {
  if (n < 16) return `ansi-${n % 8}`
  if (n >= 232) return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10)
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40)
  const cube = n - 16
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6))
}

interface Style {
  color: string
  bold: boolean
  underline: boolean
}

function apply(style: Style, codes: number[]): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!
    if (code === 0) Object.assign(style, { color: '', bold: false, underline: false })
    else if (code === 1) style.bold = true
    else if (code === 4) style.underline = true
    else if (code === 22) style.bold = false
    else if (code === 24) style.underline = false
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style.color = `ansi-${code % 10}`
    else if (code === 39) style.color = ''
    else if (code === 38 || code === 48) {
      // Backgrounds are read past, not drawn: they would fight the theme.
      const color = codes[i + 1] === 5 ? indexed(codes[i + 2] ?? 0) : nearest(codes[i + 2] ?? 0, codes[i + 3] ?? 0, codes[i + 4] ?? 0)
      i += codes[i + 1] === 5 ? 2 : 4
      if (code === 38) style.color = color
    }
  }
}

function addresses(text: string, classes: string): Piece[] {
  if (!text.includes('://')) return [{ text, classes }]
  const out: Piece[] = []
  let last = 0
  for (const match of text.matchAll(ADDRESS)) {
    if (match.index > last) out.push({ text: text.slice(last, match.index), classes })
    out.push({ text: match[0], classes, href: match[0] })
    last = match.index + match[0].length
  }
  if (last < text.length) out.push({ text: text.slice(last), classes })
  return out
}

export function pieces(text: string): Piece[] {
  if (!text.includes(ESCAPE)) return addresses(text, '')
  const out: Piece[] = []
  const style: Style = { color: '', bold: false, underline: false }
  let last = 0
  const put = (part: string) => {
    if (part) out.push(...addresses(part, [style.color, style.bold && 'ansi-bold', style.underline && 'ansi-underline'].filter(Boolean).join(' ')))
  }
  for (const match of text.matchAll(SEQUENCE)) {
    put(text.slice(last, match.index))
    last = match.index + match[0].length
    if (match[2] === 'm') apply(style, (match[1] || '0').split(/[;:]/).map(Number))
  }
  put(text.slice(last))
  return out
}

/** The text without any escape: what is copied. */
export function plain(text: string): string {
  return text.includes(ESCAPE) ? text.replace(SEQUENCE, '') : text
}
