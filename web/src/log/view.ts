/**
 * The log as the eye sees it: fixed rows of 20 px, recycled nodes, one transform per frame. Framework-free.
 * Invariants: text goes in through `textContent` only; while following is off, new lines never move what is read.
 */
import { clock, toMillis } from '../ui/time'
import { pieces } from './ansi'
import type { Rows } from './selection'
import type { LogStore } from './store'

export const ROW = 20
const OVERSCAN = 12
/** Browsers cap the height of an element; a longer log is scaled onto this height. */
const TALLEST = 16_000_000
/** A line is cut after this many characters: one huge cell would freeze all others. */
const LONGEST = 4096

/** How long after a change of the panel's height a movement counts as its effect. */
const SETTLE_MS = 200

interface RowNode {
  root: HTMLDivElement
  number: HTMLSpanElement
  time: HTMLSpanElement
  level: HTMLSpanElement
  step: HTMLSpanElement
  text: HTMLSpanElement
}

interface HighlightRegistry {
  set(name: string, highlight: unknown): void
  delete(name: string): void
}

export class LogView {
  follow: boolean
  selected = -1
  query = ''
  private readonly spacer = document.createElement('div')
  private readonly rowsBox = document.createElement('div')
  private readonly pool: RowNode[] = []
  private readonly resize = new ResizeObserver(() => {
    this.height = this.host.clientHeight
    this.resizedAt = performance.now()
    this.invalidate()
  })
  private readonly unsubscribe: () => void
  private frame = 0
  private lastTop = 0
  private height = 0
  private resizedAt = 0

  constructor(
    private readonly host: HTMLElement,
    private readonly store: LogStore,
    private readonly rows: Rows,
    follow: boolean,
    private readonly onFollow: (follow: boolean) => void,
    private readonly onSelect: (line: number) => void,
  ) {
    this.follow = follow
    this.spacer.className = 'log-spacer'
    this.rowsBox.className = 'log-rows'
    this.spacer.append(this.rowsBox)
    host.append(this.spacer)
    host.addEventListener('scroll', this.onScroll, { passive: true })
    host.addEventListener('keydown', this.onKey)
    host.addEventListener('click', this.onClick)
    this.resize.observe(host)
    this.unsubscribe = store.onChange(() => this.invalidate())
    this.invalidate()
  }

  destroy(): void {
    this.unsubscribe()
    this.resize.disconnect()
    cancelAnimationFrame(this.frame)
    this.host.removeEventListener('scroll', this.onScroll)
    this.host.removeEventListener('keydown', this.onKey)
    this.host.removeEventListener('click', this.onClick)
    this.highlights()?.delete('log-search')
    this.host.replaceChildren()
  }

  setFollow(follow: boolean): void {
    if (this.follow !== follow) {
      this.follow = follow
      this.onFollow(follow)
    }
    this.invalidate()
  }

  /** Shows a line at one third of the height and selects it. */
  goTo(line: number): void {
    this.setFollow(false)
    this.selected = line
    this.layout()
    this.scrollToRow(this.rows.rowOf(line) - Math.floor(this.host.clientHeight / ROW / 3))
    this.invalidate()
  }

  invalidate(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(this.paint)
  }

  private get fullHeight(): number {
    return this.rows.count * ROW
  }

  private layout(): void {
    const height = `${Math.min(TALLEST, this.fullHeight)}px`
    if (this.spacer.style.height !== height) this.spacer.style.height = height
  }

  /** Pixels of log above the viewport: the scroll position, unless the log is taller than an element may be. */
  private virtualTop(): number {
    const { scrollTop, clientHeight } = this.host
    if (this.fullHeight <= TALLEST) return scrollTop
    return (scrollTop / Math.max(1, TALLEST - clientHeight)) * (this.fullHeight - clientHeight)
  }

  private scrollToRow(row: number): void {
    const top = Math.max(0, row * ROW)
    const { clientHeight } = this.host
    const scaled = this.fullHeight <= TALLEST ? top : (top / (this.fullHeight - clientHeight)) * (TALLEST - clientHeight)
    this.host.scrollTop = scaled
    this.lastTop = this.host.scrollTop
  }

  private readonly onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = this.host
    const up = scrollTop < this.lastTop
    this.lastTop = scrollTop
    // Only the reader's own movement upwards ends following. A panel that changes its height moves the position too.
    const resized = clientHeight !== this.height || performance.now() - this.resizedAt < SETTLE_MS
    if (scrollHeight - scrollTop - clientHeight <= ROW) this.setFollow(true)
    else if (up && !resized) this.setFollow(false)
    this.invalidate()
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key === 'End') this.setFollow(true)
    else if (event.key === 'Home') {
      this.setFollow(false)
      this.scrollToRow(0)
    } else return
    event.preventDefault()
  }

  private readonly onClick = (event: MouseEvent): void => {
    const number = (event.target as HTMLElement).closest<HTMLElement>('.log-number')
    const line = Number(number?.dataset.line)
    if (!number || Number.isNaN(line)) return
    this.selected = this.selected === line ? -1 : line
    this.onSelect(this.selected)
    this.invalidate()
  }

  private readonly paint = (): void => {
    this.frame = 0
    const { host, rows, store } = this
    this.layout()
    if (this.follow) {
      host.scrollTop = host.scrollHeight
      this.lastTop = host.scrollTop
    }
    const top = this.virtualTop()
    const visible = Math.ceil(host.clientHeight / ROW)
    const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN)
    const last = Math.min(rows.count, first + visible + OVERSCAN * 2)
    const shown = Math.max(0, last - first)
    if (!rows.filtered) store.want(first, last)
    while (this.pool.length < shown) this.pool.push(this.addNode())
    this.pool.forEach((node, i) => {
      node.root.hidden = i >= shown
      if (i < shown) this.fill(node, rows.lineAt(first + i))
    })
    this.rowsBox.style.transform = `translateY(${host.scrollTop + first * ROW - top}px)`
    this.highlight()
  }

  private addNode(): RowNode {
    const root = document.createElement('div')
    root.className = 'log-line'
    const cell = (name: string) => {
      const span = document.createElement('span')
      span.className = name
      root.append(span)
      return span
    }
    const node = { root, number: cell('log-number'), time: cell('log-time'), level: cell('log-level'), step: cell('log-step'), text: cell('log-text') }
    this.rowsBox.append(root)
    return node
  }

  private fill(node: RowNode, number: number): void {
    const line = this.store.get(number)
    node.number.textContent = String(number + 1)
    node.number.dataset.line = String(number)
    node.root.classList.toggle('log-selected', number === this.selected)
    const at = toMillis(line?.at)
    node.root.dataset.level = line?.level ?? ''
    node.time.textContent = at === null ? '' : clock(at)
    node.level.textContent = line?.level ?? ''
    node.step.textContent = line ? [line.step, line.attempt && line.attempt > 1 ? `#${line.attempt}` : ''].filter(Boolean).join(' ') : ''
    this.write(node.text, line ? line.message : '…')
  }

  private write(target: HTMLSpanElement, message: string): void {
    const text = message.length > LONGEST ? `${message.slice(0, LONGEST)} … (${message.length} characters)` : message
    const parts = pieces(text)
    if (parts.length === 1 && parts[0]!.classes === '') {
      target.textContent = text
      return
    }
    target.replaceChildren(...parts.map((part) => {
      const span = document.createElement('span')
      span.className = part.classes
      span.textContent = part.text
      return span
    }))
  }

  private highlights(): HighlightRegistry | undefined {
    return (CSS as unknown as { highlights?: HighlightRegistry }).highlights
  }

  /** Marks the matches on screen without touching the document. */
  private highlight(): void {
    const registry = this.highlights()
    if (!registry) return
    if (this.query === '') {
      registry.delete('log-search')
      return
    }
    const wanted = this.query.toLowerCase()
    const ranges: Range[] = []
    for (const node of this.pool) {
      if (node.root.hidden) continue
      const walker = document.createTreeWalker(node.text, NodeFilter.SHOW_TEXT)
      for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        const content = text.textContent!.toLowerCase()
        for (let at = content.indexOf(wanted); at >= 0; at = content.indexOf(wanted, at + wanted.length)) {
          const range = new Range()
          range.setStart(text, at)
          range.setEnd(text, at + wanted.length)
          ranges.push(range)
        }
      }
    }
    const Highlight = (globalThis as unknown as { Highlight: new (...ranges: Range[]) => unknown }).Highlight
    registry.set('log-search', new Highlight(...ranges))
  }
}
