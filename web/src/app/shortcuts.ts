/**
 * Keys that act without a modifier. Pages register what theirs do; the sheet under `?` lists what is registered.
 * They are ignored while something is typed or a dialog is open, and can be switched off altogether (WCAG 2.1.4).
 */
import { useEffect } from 'react'
import { useLatest } from '../ui/hooks'
import { preference } from './preferences'

export interface Shortcut {
  /** One key such as `r`, or two in a row such as `g j`. */
  keys: string
  words: string
  act: () => void
}

let layers = 0

/** Holds all of them back until the answer is called: a layer that is still being fetched takes the keys already. */
export function holdShortcuts(): () => void {
  layers += 1
  return () => { layers -= 1 }
}

const registered = new Set<{ readonly current: Shortcut[] }>()
const PAIR_MS = 1200
let first = ''
let firstAt = 0

/** Everything that works at the moment, in the order of its registration. */
export function shortcuts(): Shortcut[] {
  return [...registered].flatMap((each) => each.current)
}

/** Where the event began, also inside of a shadow root. */
function isTyping(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.closest('input:not([type="checkbox"], [type="radio"]), select, textarea, dialog') !== null)
}

function onKey(event: KeyboardEvent): void {
  if (preference('shortcuts') === 'off' || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  if (layers > 0 || isTyping(event.composedPath()[0]) || event.key === 'Shift') return
  const pair = performance.now() - firstAt < PAIR_MS ? `${first} ${event.key}` : ''
  const all = shortcuts()
  // The page was registered after the shell, and says more about what is on screen.
  const found = all.findLast((each) => each.keys === pair) ?? all.findLast((each) => each.keys === event.key)
  first = event.key
  firstAt = performance.now()
  if (!found) return
  first = ''
  event.preventDefault()
  found.act()
}

if (typeof document !== 'undefined') addEventListener('keydown', onKey)

/** Registers shortcuts while the component is shown. */
export function useShortcuts(list: Shortcut[]): void {
  const latest = useLatest(list)
  useEffect(() => {
    registered.add(latest)
    return () => void registered.delete(latest)
  }, [latest])
}
