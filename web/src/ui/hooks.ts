/** The few hooks that join the framework-free modules to React. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import { hub } from '../live/hub'
import type { LiveStatus } from '../live/protocol'
import { serverNow } from './time'

/**
 * One timer for all who ask for the same pace. `subscribe` and `snapshot` never change, and the snapshot only with a
 * tick: a store that answers differently each time it is asked would make React draw without end.
 */
class Ticker {
  private now = serverNow()
  private timer = 0
  private readonly listeners = new Set<() => void>()

  constructor(private readonly everyMs: number) {}

  readonly snapshot = (): number => this.now

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    if (this.timer === 0 && this.everyMs > 0) {
      // Nobody looked for a while: the first reader gets the present.
      if (serverNow() - this.now > this.everyMs) this.now = serverNow()
      this.timer = setInterval(this.tick, this.everyMs) as unknown as number
    }
    return () => {
      this.listeners.delete(listener)
      if (this.listeners.size > 0) return
      clearInterval(this.timer)
      this.timer = 0
    }
  }

  private readonly tick = (): void => {
    this.now = serverNow()
    for (const listener of this.listeners) listener()
  }
}

const tickers = new Map<number, Ticker>()

/** The server's present, renewed every `everyMs` milliseconds; 0 stands still and costs nothing. */
export function useNow(everyMs: number): number {
  let ticker = tickers.get(everyMs)
  if (!ticker) tickers.set(everyMs, (ticker = new Ticker(everyMs)))
  return useSyncExternalStore(ticker.subscribe, ticker.snapshot)
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(hub.onStatus, () => hub.status)
}

/** Sets the title of the browser's tab while the component is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Nomaflow`
  }, [title])
}

/** True once something has been pending for 150 ms, so that a quick answer shows no skeleton. */
export function useSlow(pending: boolean): boolean {
  const [slow, setSlow] = useState(false)
  useEffect(() => {
    if (!pending) {
      setSlow(false)
      return
    }
    const id = setTimeout(() => setSlow(true), 150)
    return () => clearTimeout(id)
  }, [pending])
  return pending && slow
}

/** Calls `action` when `/` is pressed outside of an input. */
export function useSlashKey(action: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (event.key !== '/' || event.ctrlKey || event.metaKey || target.closest('input, select, textarea, dialog')) return
      event.preventDefault()
      action()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [action])
}
