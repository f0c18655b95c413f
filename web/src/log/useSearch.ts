/**
 * The search over all lines of a run: asked of the server a moment after the last key, the sooner the faster it answers, and
 * again for what a live run has written since. A server without it is answered for by the loaded lines.
 */
import { useEffect, useRef, useState } from 'react'
import { api, ApiError, isMissing, type LogFilter } from '../api/client'
import { matcher, type LineFilter } from './selection'

/** How long a pause in typing begins a search: as long as the last one took, within these bounds. */
const TYPING_MS = { least: 60, most: 200 }
/** So short a text is rarely all that is meant, and in most lines. */
const SHORT = 2
const LIVE_MS = 1000

export interface Query {
  text: string
  regex: boolean
  case: boolean
}

export interface Hits {
  numbers: number[]
  total: number
  truncated: boolean
  /** The pattern cannot be read. */
  invalid: boolean
  /** The server has no search: only loaded lines were looked at. */
  local: boolean
  failed: unknown
}

export const NO_HITS: Hits = { numbers: [], total: 0, truncated: false, invalid: false, local: false, failed: null }

/** `searchHere` looks at the loaded lines, which change with `version`. */
export function useSearch(runId: string, query: Query, filter: LineFilter, total: number, version: number, searchHere: (fits: (text: string) => boolean) => number[]): Hits {
  const [hits, setHits] = useState(NO_HITS)
  const end = useRef(0)
  const busy = useRef(false)
  /** How long the last search took. */
  const took = useRef(0)
  const key = JSON.stringify([runId, query, filter])

  useEffect(() => {
    setHits((old) => (query.text === '' ? NO_HITS : old))
    end.current = 0
    if (query.text === '') return
    const abort = new AbortController()
    const timer = setTimeout(async () => {
      busy.current = true
      const begun = performance.now()
      try {
        const found = await api.logSearch(runId, wire(query, filter), abort.signal)
        end.current = found.end ?? total
        took.current = performance.now() - begun
        setHits({ ...NO_HITS, numbers: found.numbers, total: found.total, truncated: found.truncated })
      } catch (error) {
        if (abort.signal.aborted) return
        if (isMissing(error)) {
          const fits = matcher(query.text, query)
          const numbers = fits ? searchHere(fits) : []
          setHits({ ...NO_HITS, numbers, total: numbers.length, invalid: fits === null, local: true })
        } else setHits({ ...NO_HITS, invalid: error instanceof ApiError && error.status < 500 && query.regex, failed: error })
      } finally {
        busy.current = false
      }
    }, query.text.length <= SHORT ? TYPING_MS.most : Math.min(TYPING_MS.most, Math.max(TYPING_MS.least, took.current)))
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
    // What is searched is the key; the rest is read when the time comes.
  }, [key])

  useEffect(() => {
    if (query.text === '' || hits.local || hits.invalid || end.current === 0 || total <= end.current) return
    const timer = setTimeout(async () => {
      if (busy.current) return
      try {
        const from = end.current
        const found = await api.logSearch(runId, { ...wire(query, filter), from })
        if (from !== end.current) return
        end.current = found.end ?? total
        if (found.total > 0) setHits((old) => ({ ...old, numbers: [...old.numbers, ...found.numbers], total: old.total + found.total }))
      } catch {
        // The next line tries again.
      }
    }, LIVE_MS)
    return () => clearTimeout(timer)
  }, [key, total, hits])
  useEffect(() => {
    if (!hits.local) return
    const fits = matcher(query.text, query)
    const numbers = fits ? searchHere(fits) : []
    if (numbers.length !== hits.numbers.length) setHits((old) => ({ ...old, numbers, total: numbers.length }))
  }, [hits.local, version])
  return hits
}

function wire(query: Query, filter: LineFilter) {
  return { q: query.text, regex: query.regex, case: query.case, ...filterParams(filter) }
}

export function filterParams(filter: LineFilter): LogFilter {
  return {
    ...(filter.lowest !== 'DEBUG' && { level: filter.lowest }), ...(filter.step !== null && { step: filter.step }), ...(filter.attempt !== null && { attempt: filter.attempt }),
    ...(filter.origin !== null && { origin: filter.origin }),
  }
}
