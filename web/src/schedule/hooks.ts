/** What the calendar asks of the browser and of the live stream. */
import { useEffect, useSyncExternalStore } from 'react'
import { queryClient } from '../api/queries'
import { isFinal } from '../api/types'
import { hub } from '../live/hub'

const query = typeof matchMedia === 'function' ? matchMedia('(max-width: 900px)') : undefined

/** Whether there is too little room for a week. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      query?.addEventListener('change', listener)
      return () => query?.removeEventListener('change', listener)
    },
    () => query?.matches ?? false,
  )
}

const REFRESH_MS = 1000

/** Reads the calendar again after a run began or ended; a burst counts once. */
export function useRunsRefresh(): void {
  useEffect(() => {
    let timer = 0
    const known = new Map<string, string>()
    const stop = hub.onEvent((event) => {
      if (event.type !== 'run') return
      const { id, status } = event.run
      if (known.get(id) === status) return
      if (isFinal(status)) known.delete(id)
      else known.set(id, status)
      if (timer === 0) {
        timer = setTimeout(() => {
          timer = 0
          void queryClient.invalidateQueries({ queryKey: ['schedule'] })
        }, REFRESH_MS) as unknown as number
      }
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [])
}
