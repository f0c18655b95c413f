import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LiveConnection } from './connection'
import type { LiveEvent, LiveStatus } from './protocol'
import { SseParser } from './sse'

describe('the stream parser', () => {
  test('reads messages however the bytes are cut, with comments and every line ending', () => {
    const text = ': beat\n\nretry: 2000\nid: a-1\nevent: run\ndata: {"x":1}\n\nid: a-2\r\nevent: log\r\ndata: one\r\ndata: two\r\n\r\ndata: plain\n\n'
    for (let size = 1; size < text.length; size++) {
      const parser = new SseParser()
      const messages = []
      for (let i = 0; i < text.length; i += size) messages.push(...parser.push(text.slice(i, i + size)))
      expect(messages).toEqual([
        { event: 'run', data: '{"x":1}', id: 'a-1' }, { event: 'log', data: 'one\ntwo', id: 'a-2' }, { event: 'message', data: 'plain', id: 'a-2' },
      ])
    }
  })
})

/** A server under the test's hand: each request waits for `answer`, and its body for `send` and `end`. */
class Server {
  requests: { url: URL; lastId: string | null; signal: AbortSignal }[] = []
  private body: ReadableStreamDefaultController<Uint8Array> | null = null
  status = 200

  fetch = (async (input: string, init: RequestInit) => {
    this.requests.push({ url: new URL(input), lastId: new Headers(init.headers).get('last-event-id'), signal: init.signal! })
    if (this.status === 0) throw new TypeError('refused')
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.body = controller
        init.signal!.addEventListener('abort', () => controller.error(new Error('aborted')))
      },
    })
    return new Response(this.status === 200 ? stream : null, { status: this.status })
  }) as unknown as typeof fetch

  async send(event: string, data: unknown, id?: string): Promise<void> {
    this.body!.enqueue(new TextEncoder().encode(`${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`))
    await vi.advanceTimersByTimeAsync(0)
  }

  async end(): Promise<void> {
    this.body!.close()
    await vi.advanceTimersByTimeAsync(0)
  }
}

const hello = (boot = 'b1') => ({ boot, version: '1', server_time: new Date(Date.now() + 60_000).toISOString() })

describe('the connection', () => {
  let server: Server
  let events: LiveEvent[]
  let states: LiveStatus['state'][]
  let connection: LiveConnection

  beforeEach(() => {
    vi.useFakeTimers()
    server = new Server()
    events = []
    states = []
    connection = new LiveConnection(
      { url: 'http://host/admin/events', fetch: server.fetch, now: () => Date.now(), setTimeout: (f, ms) => setTimeout(f, ms) as unknown as number, clearTimeout: (id) => clearTimeout(id) },
      (event) => events.push(event),
      (status) => states.push(status.state),
    )
  })
  afterEach(() => {
    connection.close()
    vi.useRealTimers()
  })

  const settle = () => vi.advanceTimersByTimeAsync(0)
  const types = () => events.map((event) => event.type)

  test('the first hello measures the clock and asks for fresh documents', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello())
    expect(connection.status).toMatchObject({ state: 'live', skewMs: 60_000 })
    expect(types()).toEqual(['hello', 'resync'])
  })

  test('a lost stream is resumed after its last event, without a resync of our own', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello(), 'b1-0')
    await server.send('catalogue', { jobs: 1, problems: 0 }, 'b1-7')
    await server.end()
    expect(states).toEqual(['live', 'offline'])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(server.requests[1]!.lastId).toBe('b1-7')
    await server.send('hello', hello(), 'b1-7')
    expect(types()).toEqual(['hello', 'resync', 'catalogue', 'hello'])
    expect(states.at(-1)).toBe('live')
  })

  test('a stream that never greets, on a server that answers, is replaced by reading again until it comes', async () => {
    const env = { url: 'http://host/admin/events', fetch: server.fetch, now: () => Date.now(), setTimeout: (f: () => void, ms: number) => setTimeout(f, ms) as unknown as number, clearTimeout: (id: number) => clearTimeout(id), probe: async () => true }
    const other = new LiveConnection(env, (event) => events.push(event), (status) => states.push(status.state))
    other.watch([])
    // Three streams that stay silent, with the waits between them.
    await vi.advanceTimersByTimeAsync(3 * 10_000 + 1_000 + 2_000)
    expect(states).toEqual(['offline', 'polling'])
    expect(events).toEqual([{ type: 'resync', why: 'polling' }])
    await vi.advanceTimersByTimeAsync(5_000)
    await server.send('hello', hello())
    expect(states.at(-1)).toBe('live')
    other.close()
  })

  test('a server that began anew means a resync', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello('b1'), 'b1-3')
    await server.end()
    await vi.advanceTimersByTimeAsync(1_000)
    await server.send('hello', hello('b2'), 'b2-0')
    expect(events.at(-1)).toEqual({ type: 'resync', why: 'restart' })
  })

  test('another set of runs reopens the stream where it stood, and the same set does not', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello(), 'b1-3')
    connection.watch(['r2', 'r1', 'r2'])
    await settle()
    expect(server.requests[0]!.signal.aborted).toBe(true)
    expect(server.requests[1]!.url.searchParams.get('run')).toBe('r1,r2')
    expect(server.requests[1]!.lastId).toBe('b1-3')
    connection.watch(['r1', 'r2'])
    await settle()
    expect(server.requests).toHaveLength(2)
    expect(states).toEqual(['live'])
  })

  test('a refused connection is tried again, ever more slowly, and offline is said once', async () => {
    server.status = 0
    connection.watch([])
    for (const wait of [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) await vi.advanceTimersByTimeAsync(wait)
    expect(server.requests).toHaveLength(8)
    expect(states).toEqual(['offline'])
  })

  test('the server says how long to stay away when it leaves', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello())
    await server.send('bye', { retry_ms: 5_000 })
    await server.end()
    await vi.advanceTimersByTimeAsync(4_999)
    expect(server.requests).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(server.requests).toHaveLength(2)
  })

  test('a stream without a heartbeat is given up', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello())
    await vi.advanceTimersByTimeAsync(40_000)
    expect(states).toEqual(['live', 'offline'])
  })

  test('a session that ended stops the attempts', async () => {
    server.status = 401
    connection.watch([])
    await vi.advanceTimersByTimeAsync(120_000)
    expect(server.requests).toHaveLength(1)
    expect(states).toEqual(['signed-out'])
  })

  test('an event nobody knows and data nobody can read are passed over', async () => {
    connection.watch([])
    await settle()
    await server.send('hello', hello())
    await server.send('novelty', {})
    await server.send('catalogue', { jobs: 2, problems: 0 })
    expect(types()).toEqual(['hello', 'resync', 'catalogue'])
  })
})
