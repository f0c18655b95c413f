/**
 * The shared worker: one event stream for all tabs of this browser, because HTTP/1.1 allows six connections per origin
 * and a stream per tab leaves the seventh tab without any. Fans events out; keeps no state of its own beyond the ports.
 */
import { browserEnvironment, LiveConnection } from './connection'
import type { FromWorker, ToWorker } from './protocol'

interface SharedScope {
  name: string
  onconnect: (event: MessageEvent) => void
}

const scope = globalThis as unknown as SharedScope
const ports = new Map<MessagePort, string[]>()

function tell(message: FromWorker): void {
  for (const port of ports.keys()) port.postMessage(message)
}

// The tab passes the endpoint as the worker's name: a worker has no `<base>` to resolve addresses with.
const connection = new LiveConnection(
  browserEnvironment(scope.name),
  (event) => tell({ kind: 'event', event }),
  (status) => {
    tell({ kind: 'status', status })
    // A tab that signs in again comes with a new port.
    if (status.state === 'signed-out') ports.clear()
  },
)

function update(): void {
  if (ports.size === 0) connection.close()
  else connection.watch([...ports.values()].flat())
}

scope.onconnect = (event) => {
  const port = event.ports[0]
  if (!port) return
  port.onmessage = (message: MessageEvent<ToWorker>) => {
    const request = message.data
    if (request.kind === 'watch') {
      const known = ports.has(port)
      ports.set(port, request.runs)
      update()
      // After the update: a stream that ended with the former session is on its way again by now.
      if (!known) port.postMessage({ kind: 'status', status: connection.status } satisfies FromWorker)
    } else if (request.kind === 'leave') {
      ports.delete(port)
      update()
    } else if (request.kind === 'retry') {
      connection.retryNow()
    } else {
      connection.signOut()
    }
  }
}
