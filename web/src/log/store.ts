/**
 * The lines of one run, by absolute number. Chunks of 1 000 are fetched on demand and dropped when too many, so memory
 * stays flat whatever the length of the run. Live lines join by their number: a line that is known is ignored, a gap is
 * fetched, so that no line is ever lost or doubled. No DOM here.
 */
import type { LogLine, LogPage } from '../api/types'

export const CHUNK = 1000
/** Lines that are so near to each other are asked for together. */
const NEAR = 8

export type Load = (from: number, limit: number, signal: AbortSignal) => Promise<LogPage>
/** Loads the lines of spans such as `10-16,40`, numbers from 0. */
export type Pick = (spans: string, signal: AbortSignal) => Promise<LogPage>

/** Numbers as spans; what lies between near ones comes along. */
export function spansOf(numbers: readonly number[]): string {
  const spans: [number, number][] = []
  for (const number of numbers) {
    const last = spans.at(-1)
    if (last && number - last[1] <= NEAR) last[1] = number
    else spans.push([number, number])
  }
  return spans.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}

export class LogStore {
  total = 0
  /** Set while the last request has failed; cleared by the next that succeeds. */
  failed: unknown = null
  private readonly chunks = new Map<number, (LogLine | undefined)[]>()
  private readonly inflight = new Map<number, AbortController>()
  private readonly listeners = new Set<() => void>()
  /** How long the log was when a chunk was last asked for: what the server did not have then is not asked for again. */
  private readonly askedAt = new Map<number, number>()
  /** Chunks that have lines they did not have before, for whoever looks at each line once. */
  readonly fresh = new Set<number>()
  private scattered: AbortController | null = null
  private scatteredFor = ''

  constructor(private readonly load: Load, private readonly maxChunks = 120) {}

  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  get(line: number): LogLine | undefined {
    return this.chunks.get(Math.floor(line / CHUNK))?.[line % CHUNK]
  }

  /** How many lines are here. */
  get loaded(): number {
    let n = 0
    for (const chunk of this.chunks.values()) for (const line of chunk) if (line) n += 1
    return n
  }

  /** Whether no more lines can be held at once. */
  get isFull(): boolean {
    return this.chunks.size >= this.maxChunks
  }

  /** Calls `visit` with every loaded line in order, but for those of chunks that end before `from`. */
  eachLoaded(visit: (line: LogLine, number: number) => void, from = 0): void {
    for (const key of [...this.chunks.keys()].filter((each) => (each + 1) * CHUNK > from).sort((a, b) => a - b)) {
      this.chunks.get(key)!.forEach((line, i) => line && visit(line, key * CHUNK + i))
    }
  }

  /** The server knows of at least this many lines. Never shrinks. */
  grow(total: number): void {
    if (total <= this.total) return
    this.total = total
    this.changed()
  }

  /** Makes sure that the lines from `from` up to, not including, `to` are or will be here; forgets requests far away. */
  want(from: number, to: number): void {
    const first = Math.max(0, Math.floor(from / CHUNK))
    const last = Math.floor(Math.max(0, Math.min(to, this.total) - 1) / CHUNK)
    for (const [key, request] of this.inflight) {
      if (key < first - 1 || key > last + 1) {
        request.abort()
        this.inflight.delete(key)
      }
    }
    for (let key = first; key <= last; key++) this.wantChunk(key)
    this.evict()
  }

  /**
   * Makes sure that these lines are or will be here and no others: a filtered view shows lines far apart, and whole chunks
   * would be fetched for one line each.
   */
  wantScattered(numbers: readonly number[], pick: Pick): void {
    const spans = spansOf(numbers.filter((number) => !this.get(number)))
    if (spans === '' || this.scattered || this.failed !== null || this.scatteredFor === spans) return
    const request = new AbortController()
    this.scattered = request
    // What an answer did not bring is not asked for again until something else is.
    this.scatteredFor = spans
    void pick(spans, request.signal)
      .then((page) => {
        for (const line of page.lines) this.put(line)
        this.evict()
      })
      .catch((error: unknown) => {
        if (!request.signal.aborted) this.failed = error
      })
      .finally(() => {
        this.scattered = null
        if (!request.signal.aborted) this.changed()
      })
  }

  private put(line: LogLine): void {
    const key = Math.floor(line.seq / CHUNK)
    let chunk = this.chunks.get(key)
    if (!chunk) this.chunks.set(key, (chunk = []))
    chunk[line.seq % CHUNK] ??= line
    this.fresh.add(key)
  }

  /** The lines of a chunk, as far as they are here. */
  chunk(key: number): readonly (LogLine | undefined)[] {
    return this.chunks.get(key) ?? []
  }

  /** Every chunk there is counts as fresh again. */
  renew(): void {
    for (const key of this.chunks.keys()) this.fresh.add(key)
  }

  /** Loads everything that fits; for filters and searches, which see loaded lines only. */
  async wantAll(): Promise<void> {
    const chunks = Math.min(this.maxChunks, Math.ceil(this.total / CHUNK))
    const last = Math.ceil(this.total / CHUNK) - 1
    for (let key = last; key > last - chunks; key--) if (!this.isWhole(key)) await this.fetchChunk(key)
  }

  append(from: number, lines: LogLine[]): void {
    lines.forEach((line, i) => {
      const number = from + i
      const key = Math.floor(number / CHUNK)
      let chunk = this.chunks.get(key)
      if (!chunk) this.chunks.set(key, (chunk = []))
      chunk[number % CHUNK] ??= line
      this.fresh.add(key)
    })
    this.total = Math.max(this.total, from + lines.length)
    this.evict()
    this.changed()
  }

  /** Asks again for what is missing: after a failure, or when live lines may have been missed. */
  retry(): void {
    this.failed = null
    this.askedAt.clear()
    this.scatteredFor = ''
    this.changed()
  }

  dispose(): void {
    for (const request of this.inflight.values()) request.abort()
    this.inflight.clear()
    this.scattered?.abort()
    this.listeners.clear()
  }

  /** Every line from one to another, fetched where it is missing; for copying more than is on screen. */
  async read(from: number, to: number): Promise<LogLine[]> {
    const lines: LogLine[] = []
    for (let at = from; at <= to; at++) {
      // A request of its own: the view gives up those that are far from what is on screen.
      if (!this.get(at)) for (const line of (await this.load(at, CHUNK, new AbortController().signal)).lines) this.put(line)
      const line = this.get(at)
      if (line) lines.push(line)
    }
    this.evict()
    return lines
  }

  private expected(key: number): number {
    return Math.min(CHUNK, this.total - key * CHUNK)
  }

  private isWhole(key: number): boolean {
    const chunk = this.chunks.get(key)
    const expected = this.expected(key)
    if (!chunk || chunk.length < expected) return false
    for (let i = 0; i < expected; i++) if (!chunk[i]) return false
    return true
  }

  private wantChunk(key: number): void {
    if (this.isWhole(key)) {
      // Used again: the last to be dropped.
      const chunk = this.chunks.get(key)!
      this.chunks.delete(key)
      this.chunks.set(key, chunk)
    } else if (!this.inflight.has(key) && this.failed === null && this.askedAt.get(key) !== this.total) {
      void this.fetchChunk(key)
    }
  }

  private async fetchChunk(key: number): Promise<void> {
    const request = new AbortController()
    this.inflight.set(key, request)
    try {
      const page = await this.load(key * CHUNK, CHUNK, request.signal)
      if (request.signal.aborted) return
      this.failed = null
      const known = this.chunks.get(key)
      const chunk: (LogLine | undefined)[] = [...page.lines]
      // Lines that came live while the request was on its way.
      known?.forEach((line, i) => (chunk[i] ??= line))
      this.chunks.set(key, chunk)
      this.fresh.add(key)
      this.total = Math.max(this.total, page.total, key * CHUNK + page.lines.length)
      this.askedAt.set(key, this.total)
      this.evict()
    } catch (error) {
      if (!request.signal.aborted) this.failed = error
    } finally {
      if (this.inflight.get(key) === request) this.inflight.delete(key)
      if (!request.signal.aborted) this.changed()
    }
  }

  private evict(): void {
    for (const key of this.chunks.keys()) {
      if (this.chunks.size <= this.maxChunks) return
      this.chunks.delete(key)
      this.askedAt.delete(key)
    }
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}
