/**
 * Keeps the deliveries on screen true while somebody looks at them: a run that ends may begin one, and one that waits is
 * looked at again when its time has come. Nothing is asked while nothing happens.
 */
import { useEffect } from 'react'
import { queryClient } from '../api/queries'
import { isFinal } from '../api/types'
import { hub } from '../live/hub'
import { serverNow, toMillis } from '../ui/time'
import type { Delivery } from './api'

/** What a run's end sets off is written down by then. */
const AFTER_RUN_MS = 2_000
const SOONEST_MS = 1_500
const LATEST_MS = 60_000

const look = () => void ['deliveries', 'transports'].map((key) => queryClient.invalidateQueries({ queryKey: [key] }))

/** How long to wait before the open deliveries are worth another look; null when none is open. */
export function nextLook(deliveries: Pick<Delivery, 'finished_at' | 'next_attempt_at'>[], now: number): number | null {
  const due = deliveries.filter((each) => each.finished_at === null).map((each) => toMillis(each.next_attempt_at) ?? now)
  return due.length === 0 ? null : Math.min(LATEST_MS, Math.max(SOONEST_MS, Math.min(...due) - now + SOONEST_MS))
}

/** `readAt` says when the deliveries were read: each reading decides anew about the next. */
export function useNews(deliveries: Delivery[] | undefined, readAt: number): void {
  useEffect(() => {
    let timer = 0
    const stop = hub.onEvent((event) => {
      if (event.type !== 'run' || !isFinal(event.run.status)) return
      clearTimeout(timer)
      timer = setTimeout(look, AFTER_RUN_MS) as unknown as number
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [])
  useEffect(() => {
    const wait = nextLook(deliveries ?? [], serverNow())
    if (wait === null) return
    const timer = setTimeout(look, wait)
    return () => clearTimeout(timer)
  }, [deliveries, readAt])
}
