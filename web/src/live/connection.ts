/**
 * One event stream and its life: open, resume by id, back off, reopen for other runs. Framework-free; used by the
 * shared worker and, where there is none, by the tab itself.
 * Invariant: at most one stream is open, and a stream of an older generation is never heard.
 */
import { signedFetch } from '../api/refresh'
import { parseEvent, type LiveEvent, type LiveStatus } from './protocol'
import { SseParser } from './sse'

/** No byte for this long (the server writes a comment each 15 s) means that the stream is dead without having said so. */
const SILENCE_MS = 40_000
/** A stream that has not even greeted by then is held back somewhere on the way. */
const GREETING_MS = 10_000
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000
/** After so many attempts without a greeting the stream is taken not to get through, a buffering proxy most likely. */
const POLL_AFTER = 3
/** Then everything on screen is read again this often, and the stream tried each time. */
const POLL_MS = 5_000

export interface ConnectionEnvironment {
  /** The absolute address of the events endpoint. */
  url: string
  fetch: typeof fetch
  now: () => number
  setTimeout: (f: () => void, ms: number) => number
  clearTimeout: (id: number) => void
  /** Whether the server answers an ordinary request. */
  probe?: () => Promise<boolean>
}

export class LiveConnection {
  status: LiveStatus
  private runs: string[] = []
  private lastId = ''
  private boot = ''
  private generation = 0
  private abort: AbortController | null = null
  private retryMs = FIRST_RETRY_MS
  private failures = 0
  private greeted = false
  private retryTimer = 0
  private silenceTimer = 0
  private started = false

  constructor(
    private readonly env: ConnectionEnvironment,
    private readonly onEvent: (event: LiveEvent) => void,
    private readonly onStatus: (status: LiveStatus) => void,
  ) {
    this.status = { state: 'connecting', since: env.now() }
  }

  /** Opens the stream, or reopens it when the set of runs whose log is wanted has changed. */
  watch(runs: Iterable<string>): void {
    const wanted = [...new Set(runs)].sort()
    const same = wanted.length === this.runs.length && wanted.every((run, i) => run === this.runs[i])
    if (this.started && same) return
    this.runs = wanted
    this.started = true
    // While a retry is pending the new set simply goes with it.
    if (this.retryTimer === 0) void this.open()
  }

  /** Tries again now; for a person who presses the pill, or a machine that woke up. */
  retryNow(): void {
    if (!this.started || this.status.state === 'live') return
    this.retryMs = FIRST_RETRY_MS
    void this.open()
  }

  /** Ends the stream; a later `watch` resumes it where it stood. */
  close(): void {
    this.started = false
    this.generation += 1
    this.abort?.abort()
    this.abort = null
    this.clearTimers()
  }

  /** Ends the stream because the session ended; the next `watch` begins afresh. */
  signOut(): void {
    this.close()
    this.lastId = ''
    this.say({ state: 'signed-out', since: this.env.now() })
  }

  private clearTimers(): void {
    this.env.clearTimeout(this.retryTimer)
    this.env.clearTimeout(this.silenceTimer)
    this.retryTimer = 0
    this.silenceTimer = 0
  }

  private say(status: LiveStatus): void {
    this.status = status
    this.onStatus(status)
  }

  private async open(): Promise<void> {
    const generation = ++this.generation
    this.abort?.abort()
    const abort = new AbortController()
    this.abort = abort
    this.greeted = false
    this.clearTimers()
    if (this.status.state === 'signed-out') this.say({ state: 'connecting', since: this.env.now() })
    this.watchSilence(generation, abort)
    try {
      const response = await this.env.fetch(this.address(), {
        credentials: 'same-origin',
        cache: 'no-store',
        headers: { accept: 'text/event-stream', ...(this.lastId ? { 'last-event-id': this.lastId } : {}) },
        signal: abort.signal,
      })
      if (generation !== this.generation) return
      if (response.status === 401) {
        this.signOut()
        return
      }
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`)
      await this.read(response.body, generation, abort)
    } catch {
      // Whatever went wrong, the answer is the same: say so and try again.
    }
    if (generation === this.generation) await this.retryLater(generation)
  }

  private address(): string {
    const url = new URL(this.env.url)
    if (this.runs.length > 0) url.searchParams.set('run', this.runs.join(','))
    return url.href
  }

  private async read(body: ReadableStream<Uint8Array>, generation: number, abort: AbortController): Promise<void> {
    const reader = body.getReader()
    const decoder = new TextDecoder()
    const parser = new SseParser()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || generation !== this.generation) return
      this.watchSilence(generation, abort)
      for (const message of parser.push(decoder.decode(value, { stream: true }))) {
        const event = parseEvent(message.event, message.data)
        if (message.id) this.lastId = message.id
        if (event) this.receive(event)
        if (generation !== this.generation) return
      }
    }
  }

  private receive(event: LiveEvent): void {
    if (event.type === 'hello') {
      // Without an id to resume from, or after the server began anew, anything may have happened in between.
      const continues = this.boot === event.boot && this.lastId !== ''
      const first = this.boot === ''
      this.boot = event.boot
      this.retryMs = FIRST_RETRY_MS
      this.failures = 0
      this.greeted = true
      const now = this.env.now()
      const server = Date.parse(event.server_time)
      this.say({ state: 'live', since: now, version: event.version, skewMs: Number.isNaN(server) ? 0 : server - now })
      this.onEvent(event)
      if (!continues) this.onEvent({ type: 'resync', why: first ? 'connected' : 'restart' })
      return
    }
    if (event.type === 'bye') this.retryMs = Math.max(FIRST_RETRY_MS, event.retry_ms)
    this.onEvent(event)
  }

  private watchSilence(generation: number, abort: AbortController): void {
    this.env.clearTimeout(this.silenceTimer)
    this.silenceTimer = this.env.setTimeout(() => {
      if (generation === this.generation) abort.abort()
    }, this.greeted ? SILENCE_MS : GREETING_MS)
  }

  private async retryLater(generation: number): Promise<void> {
    this.clearTimers()
    this.failures += 1
    const polls = this.failures >= POLL_AFTER && this.env.probe !== undefined && (await this.env.probe())
    if (generation !== this.generation) return
    if (polls) {
      if (this.status.state !== 'polling') this.say({ state: 'polling', since: this.env.now(), everyMs: POLL_MS })
      this.onEvent({ type: 'resync', why: 'polling' })
      this.retryMs = POLL_MS
    } else if (this.status.state !== 'offline') this.say({ state: 'offline', since: this.env.now() })
    this.retryTimer = this.env.setTimeout(() => {
      this.retryTimer = 0
      void this.open()
    }, this.retryMs)
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2)
  }
}

/** The browser's own clock, timers and network. */
export function browserEnvironment(url: string): ConnectionEnvironment {
  return {
    url,
    fetch: (input, init) => signedFetch(input, init, new URL('../auth/refresh', url)),
    now: () => Date.now(),
    setTimeout: (f, ms) => setTimeout(f, ms) as unknown as number,
    clearTimeout: (id) => clearTimeout(id),
    probe: () => fetch(new URL('../healthz', url), { cache: 'no-store' }).then((answer) => answer.ok, () => false),
  }
}
