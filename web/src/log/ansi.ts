/** Splits a log line with terminal colours into pieces with theme-safe class names. Other escapes are dropped. */

export interface Piece {
  text: string
  classes: string
}

// The introducer is the escape character; written by code so that no control character stands in this file.
const ESCAPE = String.fromCharCode(27)
const SEQUENCE = new RegExp(`${ESCAPE}\\[([0-9;:?]*)([A-Za-z])|${ESCAPE}.?`, 'g')

export function pieces(text: string): Piece[] {
  if (!text.includes(ESCAPE)) return [{ text, classes: '' }]
  const out: Piece[] = []
  let colour = ''
  let bold = false
  let underline = false
  let last = 0
  const put = (part: string) => {
    if (part) out.push({ text: part, classes: [colour, bold && 'ansi-bold', underline && 'ansi-underline'].filter(Boolean).join(' ') })
  }
  for (const match of text.matchAll(SEQUENCE)) {
    put(text.slice(last, match.index))
    last = match.index + match[0].length
    if (match[2] !== 'm') continue
    for (const code of (match[1] || '0').split(';').map(Number)) {
      if (code === 0) [colour, bold, underline] = ['', false, false]
      else if (code === 1) bold = true
      else if (code === 4) underline = true
      else if (code === 22) bold = false
      else if (code === 24) underline = false
      else if (code >= 30 && code <= 37) colour = `ansi-${code - 30}`
      else if (code >= 90 && code <= 97) colour = `ansi-${code - 90}`
      else if (code === 39) colour = ''
      else if (code === 38 || code === 48) break
    }
  }
  put(text.slice(last))
  return out
}
