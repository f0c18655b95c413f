/**
 * An instant in the other zones, for those who have no pointer to rest on it: shown while the instant has the focus, or after
 * a moment while the link that names its row has it. Goes with the focus or with Escape. Who has a pointer sees the same as
 * the browser's own tooltip. No React.
 */
import css from './layers.module.css'
import { place } from './place'

/** Long enough that nothing flickers while one moves from row to row. */
const ROW_MS = 500

/** The instants that belong to what has the focus. */
function instantsOf(focused: Element): HTMLElement[] {
  if (focused instanceof HTMLElement && focused.matches('time[title]')) return [focused]
  const row = focused.matches('a:focus-visible') ? focused.closest('tr, article') : null
  return row?.querySelector('a') === focused ? [...row.querySelectorAll<HTMLElement>('time[title]')] : []
}

/** Where a row has several, each begins with how it stands there. */
function textOf(instants: HTMLElement[]): string {
  return instants.map((each) => (instants.length > 1 ? `${each.textContent}\n${each.title}` : each.title)).join('\n\n')
}

/** Follows the focus of the document for as long as there is one. */
export function showZonesOnFocus(): void {
  const tip = document.createElement('div')
  tip.id = 'other-zones'
  tip.role = 'tooltip'
  tip.popover = 'manual'
  tip.className = css.tip!
  document.body.append(tip)
  let owner: Element | null = null
  let timer = 0
  // What is taken from the page does not always say that it lost the focus.
  const gone = new MutationObserver(() => owner?.isConnected || hide())

  function hide(): void {
    clearTimeout(timer)
    gone.disconnect()
    if (owner?.getAttribute('aria-describedby') === tip.id) owner.removeAttribute('aria-describedby')
    owner = null
    tip.hidePopover()
  }
  function show(focused: Element, instants: HTMLElement[]): void {
    if (!focused.isConnected) return
    owner = focused
    // What is outside an open dialog is nobody's to read.
    const home = focused.closest('dialog') ?? document.body
    if (tip.parentElement !== home) home.append(tip)
    tip.textContent = textOf(instants)
    tip.showPopover()
    place(tip, instants[0]!)
    if (!focused.hasAttribute('aria-describedby')) focused.setAttribute('aria-describedby', tip.id)
    gone.observe(document.body, { childList: true, subtree: true })
  }

  document.addEventListener('focusin', ({ target }) => {
    hide()
    if (!(target instanceof Element)) return
    const instants = instantsOf(target)
    if (instants[0] === target) show(target, instants)
    else if (instants.length > 0) timer = setTimeout(() => show(target, instants), ROW_MS) as unknown as number
  })
  document.addEventListener('focusout', hide)
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !owner) return
    // It closes this and nothing below it.
    event.preventDefault()
    event.stopPropagation()
    hide()
  }, true)
  document.addEventListener('scroll', () => {
    const instant = owner && instantsOf(owner)[0]
    if (instant) place(tip, instant)
  }, { capture: true, passive: true })
}
