/** The single-key shortcuts of the catalogue: they act on the job whose card or row has the focus. */
import { useShortcuts } from '../app/shortcuts'
import { t } from './words'

function cards(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('[data-job]')]
}

function focused(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-job]') ?? null
}

function move(by: number): void {
  const all = cards()
  const now = focused()
  const next = all[now ? all.indexOf(now) + by : by > 0 ? 0 : all.length - 1]
  next?.querySelector<HTMLElement>('[data-act="open"]')?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

const press = (act: string) => () => focused()?.querySelector<HTMLElement>(`[data-act="${act}"]`)?.click()

export function useCardKeys(): void {
  useShortcuts([
    { keys: 'j', words: t.keys.next, act: () => move(1) },
    { keys: 'k', words: t.keys.previous, act: () => move(-1) },
    { keys: 'o', words: t.keys.open, act: press('open') },
    { keys: 'r', words: t.keys.run, act: press('run') },
    { keys: 'x', words: t.keys.cancel, act: press('cancel') },
    { keys: 'e', words: t.keys.edit, act: press('edit') },
  ])
}
