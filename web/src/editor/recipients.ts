/** Over which transport a recipient is reached, by the server's own rule. Pure. */
import type { Transport } from '../alerts/api'

/**
 * `name` and `name:to` say it themselves; `#channel` and `@user` go over the first Slack transport, an address over the first
 * mail server. Null: nobody is reached.
 */
export function reachedBy(recipient: string, transports: Pick<Transport, 'name' | 'kind' | 'enabled'>[]): { transport: string; to: string } | null {
  const colon = recipient.indexOf(':')
  const name = colon < 0 ? recipient : recipient.slice(0, colon)
  const named = transports.find((each) => each.name === name)
  if (named) return named.enabled ? { transport: named.name, to: colon < 0 ? '' : recipient.slice(colon + 1) } : null
  const first = (kind: Transport['kind']) => transports.find((each) => each.kind === kind && each.enabled)
  const found = /^[#@]/.test(recipient) ? first('slack') : recipient.includes('@') ? first('smtp') : undefined
  return found ? { transport: found.name, to: recipient } : null
}
