/**
 * The last events heard, kept so that a REST answer that was read before an event but arrives after it is brought up to
 * date: the same reducer runs over what was heard meanwhile. Reducers are idempotent, so repeating one does no harm.
 */
import type { LiveEvent } from './protocol'

const KEPT = 1024

export class Journal {
  private events: LiveEvent[] = []
  private first = 0

  record(event: LiveEvent): void {
    // Log lines have their own store, and are too many to keep.
    if (event.type !== 'run' && event.type !== 'step') return
    this.events.push(event)
    if (this.events.length > KEPT * 2) {
      this.first += KEPT
      this.events = this.events.slice(KEPT)
    }
  }

  /** Loads a document and applies to it every event heard since the request left. */
  async during<T>(load: () => Promise<T>, reduce: (document: T, event: LiveEvent) => T): Promise<T> {
    const mark = this.first + this.events.length
    const document = await load()
    return this.events.slice(Math.max(0, mark - this.first)).reduce(reduce, document)
  }
}
