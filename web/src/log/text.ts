/** Lines as text: as they are shown, and to be copied. Pure. */
import { plain } from './ansi'
import { t } from './words'

/** A line is cut after this many characters: one huge cell would freeze all others. */
const LONGEST = 4096

/** What is shown of a message, and the way to the rest of it. */
export function cut(message: string): { text: string; more: string } {
  return message.length > LONGEST ? { text: `${message.slice(0, LONGEST)} … `, more: t.showAll(message.length) } : { text: message, more: '' }
}

export function displayed(message: string): string {
  const { text, more } = cut(message)
  return text + more
}

/** The lines as text, one per line, without numbers and badges. */
export function linesAsText(lines: { at: string; level: string; message: string }[], withTime: boolean): string {
  return lines.map((line) => (withTime ? `${line.at} ${line.level.padEnd(7)} ${plain(line.message)}` : plain(line.message))).join('\n')
}
