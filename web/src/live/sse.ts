/**
 * Reads a `text/event-stream` body. Own reader rather than `EventSource`, which can neither send `Last-Event-ID` on a
 * stream that is reopened for other runs nor tell a 401 from a lost connection.
 */

export interface SseMessage {
  event: string
  data: string
  /** The last id seen so far, as the standard wants it. */
  id: string
}

/** An incremental parser: text in, whole messages out. Comments and `retry` lines are swallowed. */
export class SseParser {
  private rest = ''
  private event = ''
  private data: string[] = []
  private lastId = ''

  push(text: string): SseMessage[] {
    const out: SseMessage[] = []
    this.rest += text
    for (;;) {
      const end = this.rest.search(/\r\n|\n|\r(?!$)/)
      if (end < 0) return out
      const line = this.rest.slice(0, end)
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1))
      if (line === '') {
        if (this.data.length > 0) out.push({ event: this.event || 'message', data: this.data.join('\n'), id: this.lastId })
        this.event = ''
        this.data = []
      } else {
        this.field(line)
      }
    }
  }

  private field(line: string): void {
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const raw = colon < 0 ? '' : line.slice(colon + 1)
    const value = raw.startsWith(' ') ? raw.slice(1) : raw
    if (name === 'event') this.event = value
    else if (name === 'data') this.data.push(value)
    else if (name === 'id' && !value.includes('\0')) this.lastId = value
  }
}
