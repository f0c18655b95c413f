import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { signedFetch } from './refresh'

const REFRESH = new URL('http://host/base/auth/refresh')
const JOBS = 'http://host/base/admin/jobs'

/** A server whose session has expired until it is refreshed. */
class Server {
  asked: string[] = []
  isFresh = false
  refreshAnswer = (): Response => {
    this.isFresh = true
    return new Response('{}')
  }

  fetch = async (input: RequestInfo | URL): Promise<Response> => {
    const address = String(input)
    this.asked.push(address)
    await Promise.resolve()
    if (address === REFRESH.href) return this.refreshAnswer()
    return new Response(null, { status: this.isFresh ? 200 : 401 })
  }
}

describe('a request of a session that has expired', () => {
  let server: Server
  beforeEach(() => {
    server = new Server()
    vi.stubGlobal('fetch', server.fetch)
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  test('is sent again after one refresh, however many meet it at once', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => signedFetch(JOBS, {}, REFRESH)))
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200])
    expect(server.asked.filter((address) => address === REFRESH.href)).toHaveLength(1)
  })

  test('is answered as it was when the session is over', async () => {
    server.refreshAnswer = () => new Response(null, { status: 401 })
    expect((await signedFetch(JOBS, {}, REFRESH)).status).toBe(401)
    expect(server.asked).toEqual([JOBS, REFRESH.href])
  })

  test('waits for the tab that was faster, and goes on', async () => {
    vi.useFakeTimers()
    server.refreshAnswer = () => {
      setTimeout(() => (server.isFresh = true), 500)
      return new Response(null, { status: 409, headers: { 'retry-after': '1' } })
    }
    const answer = signedFetch(JOBS, {}, REFRESH)
    await vi.advanceTimersByTimeAsync(1_000)
    expect((await answer).status).toBe(200)
  })

  test('does not end the session when the server cannot say', async () => {
    server.refreshAnswer = () => new Response(null, { status: 503 })
    await expect(signedFetch(JOBS, {}, REFRESH)).rejects.toThrow('503')
    // The next one asks anew.
    server.refreshAnswer = () => ((server.isFresh = true), new Response('{}'))
    expect((await signedFetch(JOBS, {}, REFRESH)).status).toBe(200)
  })
})
