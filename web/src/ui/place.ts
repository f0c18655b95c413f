/** Puts a layer of the top layer under its opener, or above it where there is no room. No React. */

const GAP = 4
const EDGE = 8

/** `fit` makes the layer as wide as its opener at least. */
export function place(layer: HTMLElement, opener: HTMLElement, fit = false): void {
  const at = opener.getBoundingClientRect()
  const view = { width: document.documentElement.clientWidth, height: document.documentElement.clientHeight }
  layer.style.minWidth = fit ? `${at.width}px` : ''
  const below = view.height - at.bottom - GAP - EDGE
  const above = at.top - GAP - EDGE
  const up = below < Math.min(layer.scrollHeight, 200) && above > below
  layer.style.maxHeight = `${Math.max(80, up ? above : below)}px`
  const { width, height } = layer.getBoundingClientRect()
  layer.style.top = `${up ? at.top - GAP - height : at.bottom + GAP}px`
  layer.style.left = `${Math.max(EDGE, Math.min(at.left, view.width - width - EDGE))}px`
}
