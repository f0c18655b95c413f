/** Lines as text, to be copied. Pure. */
import { plain } from './ansi'

/** The lines as text, one per line, without numbers and badges. */
export function linesAsText(lines: { at: string; level: string; message: string }[], withTime: boolean): string {
  return lines.map((line) => (withTime ? `${line.at} ${line.level.padEnd(7)} ${plain(line.message)}` : plain(line.message))).join('\n')
}
