/**
 * `fetch` for a page whose access token lasts minutes: a 401 is answered with one refresh of the session and the same request
 * again. Tabs of one browser take turns, because a refresh token works once. Also used by the shared worker, which has no
 * document: there the address of the refresh is given.
 */

/** Longest wait for the cookie of another tab that was faster. */
const LONGEST_WAIT_MS = 2_000

/** Whether the session goes on; shared by all requests that meet a 401 at the same moment. */
let refreshing: Promise<boolean> | null = null

/** @throws TypeError when the server did not say either: then the session may well go on, and nobody is signed out. */
async function ask(address: URL): Promise<boolean> {
  const response = await fetch(address, { method: 'POST', credentials: 'same-origin' })
  if (response.ok) return true
  if (response.status === 409) {
    // Another tab was faster, and its cookie is ours too as soon as its answer is here.
    const seconds = Number(response.headers.get('retry-after'))
    await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_WAIT_MS, (seconds > 0 ? seconds : 1) * 1000)))
    return true
  }
  if (response.status === 429 || response.status >= 500) throw new TypeError(`the session was not refreshed: HTTP ${response.status}`)
  return false
}

function refresh(address: URL): Promise<boolean> {
  // Locks need a secure context; without them the server tells the slower tab.
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks
  const turn = async (): Promise<boolean> => (locks ? await locks.request('nomaflow-refresh', () => ask(address)) : await ask(address))
  refreshing ??= turn().finally(() => {
    refreshing = null
  })
  return refreshing
}

/** As `fetch`, with a session that is refreshed when its access token has expired. A body must be a text, to be sent twice. */
export async function signedFetch(input: RequestInfo | URL, init?: RequestInit, address = new URL('auth/refresh', document.baseURI)): Promise<Response> {
  const response = await fetch(input, init)
  if (response.status !== 401) return response
  return (await refresh(address)) ? fetch(input, init) : response
}
