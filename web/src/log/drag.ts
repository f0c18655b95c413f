/** Selects lines by dragging along their numbers, further than the screen where need be. No React. */

/** Pixels the view moves by while the pointer is above or below it. */
const PULL = 40

function lineAt(x: number, y: number): number | null {
  const line = document.elementFromPoint(x, y)?.closest('.log-line')?.querySelector<HTMLElement>('.log-number')?.dataset.line
  return line === undefined ? null : Number(line)
}

/** Calls `select` with the line where the drag began and the one it has come to. Gives back what ends that. */
export function onDrag(host: HTMLElement, select: (anchor: number, line: number) => void): () => void {
  let anchor: number | null = null
  let dragged = false
  const down = (event: PointerEvent) => {
    dragged = false
    const isNumber = event.button === 0 && !event.shiftKey && (event.target as HTMLElement).closest('.log-number') !== null
    anchor = isNumber ? lineAt(event.clientX, event.clientY) : null
  }
  const move = (event: PointerEvent) => {
    if (anchor === null || event.buttons !== 1) return
    const { left, top, bottom } = host.getBoundingClientRect()
    if (event.clientY < top) host.scrollTop -= PULL
    else if (event.clientY > bottom) host.scrollTop += PULL
    const line = lineAt(left + 10, Math.min(bottom - 4, Math.max(top + 24, event.clientY)))
    if (line === null || (line === anchor && !dragged)) return
    if (!dragged) host.setPointerCapture(event.pointerId)
    dragged = true
    select(anchor, line)
  }
  // The click that ends a drag is no click on a number.
  const click = (event: MouseEvent) => {
    if (dragged) event.stopImmediatePropagation()
    dragged = false
    anchor = null
  }
  host.addEventListener('pointerdown', down)
  host.addEventListener('pointermove', move)
  host.addEventListener('click', click, { capture: true })
  return () => {
    host.removeEventListener('pointerdown', down)
    host.removeEventListener('pointermove', move)
    host.removeEventListener('click', click, { capture: true })
  }
}
