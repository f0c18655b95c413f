/** The single-key shortcuts of a list of runs: they act on the run whose row has the focus. */
import { useShortcuts } from '../app/shortcuts'
import { t } from './words'

const focused = () => document.activeElement?.closest<HTMLElement>('[data-run]') ?? null

function move(by: number): void {
  const all = [...document.querySelectorAll<HTMLElement>('[data-run]')]
  const now = focused()
  const next = all[now ? all.indexOf(now) + by : by > 0 ? 0 : all.length - 1]
  next?.querySelector<HTMLElement>('[data-act="open"]')?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

export function useRunKeys(): void {
  useShortcuts([
    { keys: 'j', words: t.keys.down, act: () => move(1) },
    { keys: 'k', words: t.keys.up, act: () => move(-1) },
    { keys: 'o', words: t.keys.open, act: () => focused()?.querySelector<HTMLElement>('[data-act="open"]')?.click() },
  ])
}
