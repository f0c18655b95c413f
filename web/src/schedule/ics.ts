/** The fires that are on screen as an iCalendar file (RFC 5545). Pure. */
import type { Day } from './calendar'

const stamp = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')
const text = (value: string) => value.replace(/[\\;,]/g, '\\$&').replaceAll('\n', '\\n')

/** Lines are at most 75 bytes; longer ones go on after a break and a space. */
function folded(line: string): string {
  const parts: string[] = []
  let rest = line
  while (rest.length > 70) {
    parts.push(rest.slice(0, 70))
    rest = rest.slice(70)
  }
  return [...parts, rest].join('\r\n ')
}

export function calendarFile(days: Day[], now: number): string {
  const events = days.flatMap((day) => day.items).flatMap((item) => (item.kind === 'fire' && item.enabled
    ? [
        'BEGIN:VEVENT',
        `UID:${stamp(item.at)}-${text(`${item.job}-${item.schedule ?? ''}`)}@nomaflow`,
        `DTSTAMP:${stamp(now)}`,
        `DTSTART:${stamp(item.at)}`,
        `DTEND:${stamp(Math.max(item.until, item.at + 60_000))}`,
        `SUMMARY:${text(item.job)}`,
        'TRANSP:TRANSPARENT',
        'END:VEVENT',
      ]
    : []))
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Nomaflow//Schedule//EN', ...events, 'END:VCALENDAR', ''].map(folded).join('\r\n')
}
