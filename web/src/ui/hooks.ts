/** The few hooks that join the framework-free modules to React. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import { hub } from '../live/hub'
import type { LiveStatus } from '../live/protocol'
import { serverNow } from './time'

const tickers = new Map<number, { listeners: Set<() => void>; timer: number; now: number }>()

function subscribe(everyMs: number, listener: () => void): () => void {
  let ticker = tickers.get(everyMs)
  if (!ticker) {
    const made = { listeners: new Set<() => void>(), timer: 0, now: serverNow() }
    made.timer = setInterval(() => {
      made.now = serverNow()
      for (const each of made.listeners) each()
    }, everyMs) as unknown as number
    tickers.set(everyMs, made)
    ticker = made
  }
  const mine = ticker
  mine.listeners.add(listener)
  return () => {
    mine.listeners.delete(listener)
    if (mine.listeners.size > 0) return
    clearInterval(mine.timer)
    tickers.delete(everyMs)
  }
}

const still = () => () => {}
let stillNow = serverNow()

/** The server's present, renewed every `everyMs` milliseconds; 0 stands still and costs nothing. All users share one timer. */
export function useNow(everyMs: number): number {
  return useSyncExternalStore(
    everyMs === 0 ? still : (listener) => subscribe(everyMs, listener),
    () => (everyMs === 0 ? stillNow : (tickers.get(everyMs)?.now ?? (stillNow = roundedNow()))),
  )
}

/** Stable within a second, as a snapshot must be before the ticker exists. */
function roundedNow(): number {
  return Math.floor(serverNow() / 1000) * 1000
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
