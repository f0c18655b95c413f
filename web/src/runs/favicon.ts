/** The icon of the browser's tab carries the state of the run it shows: a dot of its color on our mark. */
import { useEffect } from 'react'
import type { RunStatus } from '../api/types'

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
