/** People with fewer permissions: an account of the server's own, signed in, with a password of its own. */
import { assert } from './kit.mjs'

let made = 0

/** A page of a new person who may do just that. The caller closes its context. */
export async function openAs(kit, server, permissions) {
  const user = `person-${++made}`
  const { status, body } = await server.call('POST', 'admin/users', { name: user, permissions })
  assert(status === 201, `making an account answered ${status} ${JSON.stringify(body)}`)
  const page = await kit.open(null, { signedOut: true })
  const { request } = page.context()
  const to = (path) => new URL(path, server.url).href
  const signedIn = await request.post(to('auth/login'), { data: { user, password: body.one_time_password } })
  assert(signedIn.ok(), `signing in answered ${signedIn.status()}`)
  const changed = await request.post(to('auth/password'), { data: { old: body.one_time_password, new: `A password of ${user}, long enough` } })
  assert(changed.ok(), `choosing a password answered ${changed.status()} ${await changed.text()}`)
  return page
}
