/** Signing in and out, and what happens when the server says that nobody is signed in. */
import { api, endpoint } from '../api/client'
import { http, whenSignedOut } from '../api/http'
import type { Me } from '../api/permissions'
import type { SignedOut } from '../api/wire'
import { optional, queries, queryClient } from '../api/queries'
import { hub } from '../live/hub'
import '../live/bridge'

export interface Provider {
  name: string
  kind: 'local' | 'oidc' | 'ldap'
  label: string
  /** Where a sign-in through an identity provider begins. */
  start?: string | null
}

/** The ways to sign in, or null for a server that only knows tokens. */
export async function providers(): Promise<Provider[] | null> {
  const found = await optional(http.get<{ providers: Provider[] }>('auth/providers'))
  return found?.providers ?? null
}

/** Starts the live stream once somebody is signed in. Safe to call again. */
export function startLive(): void {
  hub.start(endpoint('admin/events'))
}

export type Credentials = { token: string } | { user: string; password: string }

export async function signIn(credentials: Credentials): Promise<Me> {
  await http.post('auth/login', credentials)
  const me = await api.me()
  queryClient.setQueryData(queries.me().queryKey, me)
  return me
}

export async function changePassword(old: string, chosen: string): Promise<void> {
  await http.post('auth/password', { old, new: chosen })
  queryClient.setQueryData(queries.me().queryKey, await api.me())
}

/** Where somebody goes who has signed out: to the provider that vouched for them, or to the sign-in. */
let leaving = false

/** Ends the session on the server, or all of the person's, then everything this browser knows of it; `stay` shows the sign-in. */
export async function signOut(everywhere: boolean, stay: () => void): Promise<void> {
  const { continue_at: next } = await http.post<SignedOut>(everywhere ? 'auth/logout-all' : 'auth/logout')
  leaving = next !== null
  forget()
  // The provider has a session of its own, and sends the browser back when that has ended.
  if (next === null) stay()
  else location.assign(next)
}

function forget(): void {
  hub.signOut()
  queryClient.clear()
}

/** Whether a page has something typed that must outlive the session: it then signs in again in place. */
const unsaved = new Set<object>()

/** Keeps the page in place when the session ends, until the returned function is called. */
export function keepInPlace(): () => void {
  const mark = {}
  unsaved.add(mark)
  return () => void unsaved.delete(mark)
}

/**
 * Calls `leave` whenever the session turns out to be over: a 401 on a request or on the stream, or a sign-out in another
 * tab; `again` in its place while something unsaved is on screen.
 */
export function onSessionEnd(leave: () => void, again: () => void): void {
  const end = () => {
    if (leaving) return
    if (unsaved.size > 0) {
      again()
      return
    }
    queryClient.clear()
    leave()
  }
  whenSignedOut(() => {
    hub.signOut()
    end()
  })
  hub.onStatus(() => {
    if (hub.status.state === 'signed-out') end()
  })
}
