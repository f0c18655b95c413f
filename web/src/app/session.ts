/** Signing in and out, and what happens when the server says that nobody is signed in. */
import { api, endpoint, whenSignedOut } from '../api/client'
import { queries, queryClient } from '../api/queries'
import { hub } from '../live/hub'
import '../live/bridge'

/** Starts the live stream once somebody is signed in. Safe to call again. */
export function startLive(): void {
  hub.start(endpoint('admin/events'))
}

export async function signIn(token: string): Promise<void> {
  const me = await api.signIn(token)
  queryClient.setQueryData(queries.me().queryKey, me)
}

/** Ends the session on the server, then everything this browser knows of it. */
export async function signOut(): Promise<void> {
  await api.signOut()
  forget()
}

function forget(): void {
  hub.signOut()
  queryClient.clear()
}

/** Calls `leave` whenever the session turns out to be over: a 401 on a request or on the stream, or a sign-out in another tab. */
export function onSessionEnd(leave: () => void): void {
  whenSignedOut(() => {
    forget()
    leave()
  })
  hub.onStatus(() => {
    if (hub.status.state !== 'signed-out') return
    queryClient.clear()
    leave()
  })
}
