/**
 * `fetch` for a page whose access token lasts minutes: a 401 is answered with one refresh of the session and the same request
 * again. Tabs of one browser take turns, because a refresh token works once.
 */

/** The session is over, or goes on; shared by all requests that meet a 401 at the same moment. */
let refreshing: Promise<boolean> | null = null

async function ask(): Promise<boolean> {
  // 409: another tab was faster, and its cookie is ours too.
  const response = await fetch(new URL('auth/refresh', document.baseURI), { method: 'POST', credentials: 'same-origin' })
  return response.ok || response.status === 409
}

function refresh(): Promise<boolean> {
  const turn = async () => {
    try {
      return await ask()
    } catch {
      return false
    }
  }
  // Locks need a secure context; without them the server tells the slower tab.
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks
  refreshing ??= (locks ? locks.request('nomaflow-refresh', turn) : turn()).finally(() => {
    refreshing = null
  })
  return refreshing
}

/** As `fetch`, with a session that is refreshed when its access token has expired. A body must be a text, to be sent twice. */
export async function signedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  if (response.status !== 401) return response
  return (await refresh()) ? fetch(input, init) : response
}
