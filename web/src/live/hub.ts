/**
 * The tab's end of the live stream: a shared worker where the browser has one, a stream of its own elsewhere.
 * Listeners get every event in order. Framework-free; React reads `status` through `onStatus`.
 */
import workerUrl from './worker.ts?sharedworker&url'
import { browserEnvironment, LiveConnection } from './connection'
import type { FromWorker, LiveEvent, LiveStatus, ToWorker } from './protocol'

interface TrustedTypesFactory {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL: (url: string) => unknown }
}

/** A worker's address is a Trusted Types sink: this policy accepts addresses of our own origin and nothing else. */
const workerPolicy = (globalThis as { trustedTypes?: TrustedTypesFactory }).trustedTypes?.createPolicy('live-worker', {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError('a worker must come from this origin')
    return url
  },
})

interface Link {
  send(message: ToWorker): void
}

export class LiveHub {
  status: LiveStatus = { state: 'connecting', since: Date.now() }
  private link: Link | null = null
  private readonly watched = new Map<string, number>()
  private readonly eventListeners = new Set<(event: LiveEvent) => void>()
  private readonly statusListeners = new Set<() => void>()

  /** Begins to listen. `endpoint` is the absolute address of the events endpoint. */
  start(endpoint: string): void {
    if (this.link) return
    this.link = typeof SharedWorker === 'undefined' ? this.ownStream(endpoint) : this.sharedStream(endpoint)
    this.sendWatched()
  }

  /** Ends the stream for every tab, because the session ended. */
  signOut(): void {
    this.link?.send({ kind: 'sign-out' })
    this.link = null
  }

  /** Asks for another attempt now. */
  retry(): void {
    this.link?.send({ kind: 'retry' })
  }

  /** Wants the log lines of a run until the returned function is called. */
  watchRun(run: string): () => void {
    this.watched.set(run, (this.watched.get(run) ?? 0) + 1)
    this.sendWatched()
    return () => {
      const left = (this.watched.get(run) ?? 1) - 1
      if (left > 0) this.watched.set(run, left)
      else this.watched.delete(run)
      this.sendWatched()
    }
  }

  onEvent(listener: (event: LiveEvent) => void): () => void {
    this.eventListeners.add(listener)
    return () => this.eventListeners.delete(listener)
  }

  onStatus = (listener: () => void): (() => void) => {
    this.statusListeners.add(listener)
    return () => this.statusListeners.delete(listener)
  }

  private sendWatched(): void {
    this.link?.send({ kind: 'watch', runs: [...this.watched.keys()] })
  }

  private receive(message: FromWorker): void {
    if (message.kind === 'event') {
      for (const listener of this.eventListeners) listener(message.event)
      return
    }
    this.status = message.status
    if (message.status.state === 'signed-out') this.link = null
    for (const listener of this.statusListeners) listener()
  }

  private sharedStream(endpoint: string): Link {
    const address = workerPolicy ? workerPolicy.createScriptURL(workerUrl) : workerUrl
    const worker = new SharedWorker(address as string, { type: 'module', name: endpoint })
    const link: Link = { send: (message) => worker.port.postMessage(message) }
    worker.port.onmessage = (message: MessageEvent<FromWorker>) => {
      if (this.link === link) this.receive(message.data)
    }
    worker.port.start()
    addEventListener('pagehide', () => link.send({ kind: 'leave' }))
    addEventListener('pageshow', (event) => {
      if (!event.persisted || this.link !== link) return
      this.sendWatched()
      // What was said while the tab lay frozen in the history went to nobody.
      this.receive({ kind: 'event', event: { type: 'resync', why: 'restored' } })
    })
    return link
  }

  /** Closed while the tab is hidden: without a worker each visible tab costs one of six connections. */
  private ownStream(endpoint: string): Link {
    const connection = new LiveConnection(
      browserEnvironment(endpoint),
      (event) => this.receive({ kind: 'event', event }),
      (status) => this.receive({ kind: 'status', status }),
    )
    document.addEventListener('visibilitychange', () => {
      if (!this.link) return
      if (document.hidden) connection.close()
      else connection.watch(this.watched.keys())
    })
    return {
      send(message) {
        if (message.kind === 'watch') connection.watch(message.runs)
        else if (message.kind === 'retry') connection.retryNow()
        else if (message.kind === 'sign-out') connection.signOut()
        else connection.close()
      },
    }
  }
}

export const hub = new LiveHub()
