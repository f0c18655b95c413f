/** The browser's tab carries the state of the run it shows: a sign and a word in its title, a dot on its icon; and a message when it ends. */
import { useEffect, useRef, useState } from 'react'
import { isFinal, type RunStatus, type RunSummary } from '../api/types'

const COLORS: Record<RunStatus, string> = { SUCCEEDED: '#2d795a', FAILED: '#c22a1f', RUNNING: '#3b6fd4', QUEUED: '#b07000', CANCELED: '#884bd1', SKIPPED: '#5f6978' }

function icon(color: string): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5fbf"/><path d="M5 17h5l3-9 6 16 3-7h5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/><circle cx="24" cy="24" r="8" fill="${color}" stroke="#fff" stroke-width="2"/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

export function useFavicon(status: RunStatus | null): void {
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
    if (!link || status === null) return
    const usual = link.getAttribute('href') ?? ''
    link.href = icon(COLORS[status])
    return () => link.setAttribute('href', usual)
  }, [status])
}

const SIGNS: Record<RunStatus, string> = { SUCCEEDED: '✓', FAILED: '✕', RUNNING: '▶', QUEUED: '◔', CANCELED: '■', SKIPPED: '⇥' }

/** `✕ FAILED · nomajde-daily-sync`. */
export function titleOf(run: Pick<RunSummary, 'status' | 'job_id'>): string {
  return `${SIGNS[run.status]} ${run.status} · ${run.job_id}`
}

/**
 * A message of the browser when the run ends, if somebody asks for it. Null where the browser has none to give: over plain
 * HTTP, or where they were forbidden.
 */
export function useEndMessage(run: RunSummary): { isAsked: boolean; ask: () => void } | null {
  const [isAsked, setIsAsked] = useState(false)
  const final = isFinal(run.status)
  const told = useRef(final)
  useEffect(() => {
    if (!final || told.current) return
    told.current = true
    if (isAsked) new Notification(titleOf(run), { body: run.reason ?? run.error ?? run.id, tag: run.id })
  }, [final, isAsked, run])
  if (final || typeof Notification === 'undefined' || !isSecureContext || Notification.permission === 'denied') return null
  return {
    isAsked,
    ask: () => {
      if (isAsked) setIsAsked(false)
      else void Notification.requestPermission().then((answer) => setIsAsked(answer === 'granted'))
    },
  }
}
