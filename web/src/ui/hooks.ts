/** The few hooks that join the framework-free modules to React. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { listPreference, onPreference, preference, setListPreference, setPreference, type ListName, type Preference, type PreferenceName } from '../app/preferences'
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

/** A choice of the person and how to change it. Components that show instants need not ask for `zone`: they do. */
export function usePreference<N extends PreferenceName>(name: N): [Preference<N>, (value: Preference<N>) => void] {
  const value = useSyncExternalStore(onPreference, () => preference(name))
  return [value, (next) => setPreference(name, next)]
}

/** Several things the person chose among `all`, in that order; `first` while they have not. */
export function useListPreference<T extends string>(name: ListName, all: readonly T[], first: readonly T[]): [readonly T[], (values: readonly T[]) => void] {
  const text = useSyncExternalStore(onPreference, () => listPreference(name))
  const value = useMemo(() => (text === null ? first : all.filter((each) => text.split(',').includes(each))), [text, all, first])
  return [value, (next) => setListPreference(name, all.filter((each) => next.includes(each)))]
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

/** Warns before the browser leaves the page while `dirty`; routes inside the page use the router's `useBlocker`. */
export function useLeaveGuard(dirty: boolean): void {
  useEffect(() => {
    if (!dirty) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [dirty])
}

/** The newest value of something, for handlers that are registered once. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value)
  latest.current = value
  return latest
}
