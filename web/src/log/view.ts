/**
 * The log as the eye sees it: rows of 20 px, or as many times that as a wrapped line has rows of text; recycled nodes, one
 * transform per frame. Framework-free.
 * Invariants: text goes in through `textContent` only; while following is off, new lines never move what is read.
 */
import { clock, toMillis } from '../ui/time'
import { delta, type Columns } from './columns'
import { Highlighter } from './highlight'
import { onDrag } from './drag'
import { makeNode, set, writeLine, writeRuler, type LineNode } from './lineNode'
import type { Range, Ruled, Rows } from './selection'
import type { Section } from './sections'
import type { LogStore, Pick } from './store'
import { Wrapping } from './wrapping'

export const ROW = 20
const OVERSCAN = 12
/** Browsers cap the height of an element; a longer log is scaled onto this height. */
const TALLEST = 16_000_000
/** How long after a change of the panel's height a movement counts as its effect. */
const SETTLE_MS = 200
/** Who jumps again within this time passes by: what they pass is not fetched. */
const PASSING_MS = 70

export interface ViewEvents {
  follow(follow: boolean): void
  select(range: Range | null): void
  /** Somebody wants a line in full. */
  open(line: number): void
  /** Other lines are on screen: the first and the last of them. */
  window(first: number, last: number): void
  /** Selected lines are to be copied. */
  copy(): void
  /** What stands on a ruler. */
  ruler(section: Section, lines: number): string
}

export class LogView {
  selected: Range | null = null
  /** Loads lines far apart; null: whole chunks are loaded. */
  scattered: Pick | null = null
  private columns: Columns
  private matchesText: ((text: string) => boolean) | null = null
  private readonly spacer = document.createElement('div')
  private readonly rowsBox = document.createElement('div')
  private readonly pool: LineNode[] = []
  private readonly wrapping: Wrapping
  private readonly highlighter = new Highlighter()
  private readonly resize = new ResizeObserver(() => {
    this.height = this.host.clientHeight
    this.resizedAt = performance.now()
    this.wrapping.stale = true
    this.invalidate()
  })
  private readonly unsubscribe: () => void
  private frame = 0
  private lastTop = 0
  private height = 0
  private resizedAt = 0
  private window = ''
  private paintedTop = 0
  private jumpedAt = 0
  private passing: ReturnType<typeof setTimeout> | undefined
  private readonly endDrag: () => void

  constructor(
    private readonly host: HTMLElement,
    /** Lies over the upper edge and names the section that one reads. */
    private readonly sticky: HTMLButtonElement,
    private readonly store: LogStore,
    private readonly rows: Rows,
    public follow: boolean,
    columns: Columns,
    private readonly events: ViewEvents,
  ) {
    this.columns = columns
    this.wrapping = new Wrapping(host, store, () => this.invalidate())
    this.spacer.className = 'log-spacer'
    this.rowsBox.className = 'log-rows'
    this.spacer.append(this.rowsBox)
    host.append(this.spacer)
    host.addEventListener('scroll', this.onScroll, { passive: true })
    host.addEventListener('wheel', this.onWheel, { passive: true })
    host.addEventListener('keydown', this.onKey)
    host.addEventListener('click', this.onClick)
    host.addEventListener('dblclick', this.onDoubleClick)
    sticky.addEventListener('click', this.onSticky)
    this.endDrag = onDrag(host, (anchor, line) => this.select({ from: Math.min(anchor, line), to: Math.max(anchor, line) }))
    this.resize.observe(host)
    this.unsubscribe = store.onChange(() => this.invalidate())
    this.setColumns(columns)
  }

  destroy(): void {
    this.unsubscribe()
    this.resize.disconnect()
    this.wrapping.destroy()
    clearTimeout(this.passing)
    cancelAnimationFrame(this.frame)
    this.host.removeEventListener('scroll', this.onScroll)
    this.host.removeEventListener('wheel', this.onWheel)
    this.host.removeEventListener('keydown', this.onKey)
    this.host.removeEventListener('click', this.onClick)
    this.host.removeEventListener('dblclick', this.onDoubleClick)
    this.sticky.removeEventListener('click', this.onSticky)
    this.endDrag()
    this.highlighter.clear()
    this.host.replaceChildren()
  }

  setColumns(columns: Columns): void {
    this.keeping(() => {
      this.columns = columns
      this.host.dataset.hide = [!columns.number && 'number', columns.time === 'off' && 'time', !columns.level && 'level', !columns.step && 'step'].filter(Boolean).join(' ')
      this.host.dataset.wrap = String(columns.wrap)
      this.host.dataset.time = columns.time
      this.rows.heights = columns.wrap ? this.wrapping.heights : null
      this.wrapping.stale = true
      if (columns.wrap) this.wrapping.update(columns)
      return true
    })
    this.invalidate()
  }

  /** What is marked in the lines on screen; null for nothing. */
  setQuery(query: string, options: { regex: boolean; case: boolean }, fits: ((text: string) => boolean) | null): void {
    this.highlighter.set(query, options)
    this.matchesText = fits
    this.invalidate()
  }

  setFollow(follow: boolean): void {
    if (this.follow !== follow) {
      this.follow = follow
      this.events.follow(follow)
    }
    this.invalidate()
  }

  /** Folds or unfolds a section, or all of them; what is read stays where it is as far as it can. */
  fold(fold: boolean, first?: number): void {
    this.setFollow(false)
    const top = this.rows.lineAt(this.rows.rowAt(this.virtualTop() / ROW))
    this.rows.fold(fold, first)
    this.layout()
    this.scrollToUnit(this.rows.topOf(this.rows.rowOf(first ?? Math.max(0, top))) - (first === undefined ? 0 : 1))
    this.invalidate()
  }

  /** Shows a line at one third of the height and selects it. */
  goTo(line: number, to = line): void {
    this.setFollow(false)
    const section = this.rows.sectionOf(line)
    if (section) this.rows.fold(false, section.first)
    this.select({ from: Math.min(line, to), to: Math.max(line, to) }, false)
    this.layout()
    this.scrollToUnit(this.rows.topOf(this.rows.rowOf(line)) - Math.floor(this.host.clientHeight / ROW / 3))
    this.invalidate()
  }

  invalidate(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(this.paint)
  }

  private select(range: Range | null, tell = true): void {
    this.selected = range
    if (tell) this.events.select(range)
    this.invalidate()
  }

  private get fullHeight(): number {
    return this.rows.height * ROW
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

  private scrollToUnit(unit: number): void {
    const top = Math.max(0, unit * ROW)
    const { clientHeight } = this.host
    const scaled = this.fullHeight <= TALLEST ? top : (top / (this.fullHeight - clientHeight)) * (TALLEST - clientHeight)
    this.host.scrollTop = scaled
    this.lastTop = this.host.scrollTop
  }

  /** Changes the heights of rows; what one reads stays where it is: the selected line while it is on screen, else the first row. */
  private keeping(change: () => boolean): void {
    const { rows } = this
    const top = this.virtualTop() / ROW
    const selected = this.selected && rows.rowOf(this.selected.from)
    const isSeen = selected !== null && rows.topOf(selected) >= top && rows.topOf(selected) < top + this.host.clientHeight / ROW
    const anchor = isSeen ? selected : rows.rowAt(top)
    const offset = top - rows.topOf(anchor)
    if (!change()) return
    this.layout()
    if (!this.follow) this.scrollToUnit(rows.topOf(anchor) + offset)
  }

  private readonly onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = this.host
    const up = scrollTop < this.lastTop
    this.lastTop = scrollTop
    // Only the reader's own movement upwards ends following. A panel that changes its height moves the position too.
    const resized = clientHeight !== this.height || performance.now() - this.resizedAt < SETTLE_MS
    if (up && !resized) this.setFollow(false)
    else if (scrollHeight - scrollTop - clientHeight <= ROW) this.setFollow(true)
    this.invalidate()
  }

  /** What the reader wants is known before the position has moved, and before the next lines would take it back. */
  private readonly onWheel = (event: WheelEvent): void => {
    if (event.deltaY < 0 && this.host.scrollTop > 0) this.setFollow(false)
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const { selected } = this
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'c' && selected && getSelection()?.isCollapsed !== false) {
      this.events.copy()
      event.preventDefault()
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'End') this.setFollow(true)
    else if (event.key === 'Home') {
      this.setFollow(false)
      this.scrollToUnit(0)
    } else if (selected && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) this.step(event.key === 'ArrowDown' ? 1 : -1, event.shiftKey)
    else if (selected && event.key === 'Enter') this.events.open(selected.to)
    else return
    event.preventDefault()
  }

  /** Selects the line after or before the selected one; the first on screen where none is. */
  step(by: 1 | -1, extend = false): void {
    const { rows, selected } = this
    let row = selected ? rows.rowOf(selected.to) + by : rows.rowAt(Math.ceil(this.virtualTop() / ROW) + 1)
    while (rows.lineAt(row) < -1) row += by
    const found = rows.lineAt(row)
    const line = found < 0 ? selected?.to : found
    if (line === undefined) return
    this.setFollow(false)
    this.select(extend && selected ? { from: Math.min(selected.from, line), to: line } : { from: line, to: line })
    this.reveal(line)
  }

  /** Scrolls no more than it takes to have the line on screen: below the name of its section, above what one can do with it. */
  private reveal(line: number): void {
    const row = this.rows.rowOf(line)
    const [from, to] = [this.rows.topOf(row), this.rows.topOf(row + 1)]
    const top = this.virtualTop() / ROW
    const visible = Math.floor(this.host.clientHeight / ROW)
    if (from < top + 1 || to - from > visible - 4) this.scrollToUnit(from - 1)
    else if (to > top + visible - 3) this.scrollToUnit(to - visible + 3)
  }

  private lineOf(event: MouseEvent): number {
    const node = (event.target as HTMLElement).closest<HTMLElement>('.log-line')
    const number = node?.querySelector<HTMLElement>('.log-number')?.dataset.line
    return number === undefined ? -1 : Number(number)
  }

  private ruledOf(ruler: number): Ruled | undefined {
    return this.rows.rulers[-2 - ruler]
  }

  private readonly onSticky = (): void => {
    const top = this.rows.sectionAt(this.rows.rowAt(this.virtualTop() / ROW))
    if (top) this.fold(!top.folded, top.section.first)
  }

  private readonly onClick = (event: MouseEvent): void => {
    const ruler = (event.target as HTMLElement).closest<HTMLElement>('.log-ruler')?.dataset.ruler
    if (ruler !== undefined) {
      const ruled = this.ruledOf(Number(ruler))
      if (ruled) this.fold(!ruled.folded, ruled.section.first)
      return
    }
    const line = this.lineOf(event)
    if (line >= 0 && (event.target as HTMLElement).closest('.log-more')) this.events.open(line)
    if (line < 0 || !(event.target as HTMLElement).closest('.log-number')) return
    const { selected } = this
    if (event.shiftKey && selected) this.select({ from: Math.min(selected.from, line), to: Math.max(selected.from, line) })
    else this.select(selected?.from === line && selected.to === line ? null : { from: line, to: line })
  }

  private readonly onDoubleClick = (event: MouseEvent): void => {
    const line = this.lineOf(event)
    if (line >= 0) this.events.open(line)
  }

  private readonly paint = (): void => {
    this.frame = 0
    const { host, rows } = this
    if (this.columns.wrap) this.keeping(() => this.wrapping.update(this.columns))
    this.layout()
    if (this.follow) {
      host.scrollTop = host.scrollHeight
      this.lastTop = host.scrollTop
    }
    const top = this.virtualTop()
    const unit = Math.floor(top / ROW)
    const visible = Math.ceil(host.clientHeight / ROW)
    const first = Math.max(0, rows.rowAt(unit) - OVERSCAN)
    const last = Math.min(rows.count, rows.rowAt(unit + visible) + OVERSCAN)
    const shown = Math.max(0, last - first)
    const numbers = Array.from({ length: shown }, (_, i) => rows.lineAt(first + i))
    const lines = numbers.filter((number) => number >= 0)
    if (!this.isPassing(top)) this.want(lines)
    while (this.pool.length < shown) this.pool.push(makeNode(this.rowsBox))
    let before = rows.lineAt(first - 1)
    this.pool.forEach((node, i) => {
      if (node.root.hidden !== i >= shown) node.root.hidden = i >= shown
      if (i >= shown) return
      const number = numbers[i]!
      const ruled = number < -1 ? this.ruledOf(number) : undefined
      if (ruled) writeRuler(node, number, ruled.folded, this.events.ruler(ruled.section, ruled.lines))
      else {
        this.fill(node, number, before)
        before = number
      }
    })
    this.rowsBox.style.transform = `translateY(${host.scrollTop + rows.topOf(first) * ROW - top}px)`
    this.highlighter.mark(this.pool.filter((node) => !node.root.hidden).map((node) => node.text))
    this.tellTop(rows.sectionAt(rows.rowAt(unit)))
    const seen = lines.slice(first === 0 ? 0 : OVERSCAN)
    const window = `${seen[0]} ${seen.at(-1)}`
    if (window !== this.window && seen.length > 0) {
      this.window = window
      this.events.window(seen[0]!, Math.min(seen.at(-1)!, seen[0]! + visible))
    }
  }

  /** Whether the reader is still on the way, as with the bar of the scroller in the hand; looks again a moment later. */
  private isPassing(top: number): boolean {
    const now = performance.now()
    const isJump = Math.abs(top - this.paintedTop) > this.host.clientHeight
    const isPassing = isJump && !this.follow && now - this.jumpedAt < PASSING_MS
    if (isJump) this.jumpedAt = now
    this.paintedTop = top
    clearTimeout(this.passing)
    if (isPassing) this.passing = setTimeout(() => this.invalidate(), PASSING_MS)
    return isPassing
  }

  private want(lines: number[]): void {
    if (this.rows.filtered && this.scattered) this.store.wantScattered(lines, this.scattered)
    else if (!this.rows.filtered && lines.length > 0) this.store.want(lines[0]!, lines.at(-1)! + 1)
  }

  private tellTop(top: Ruled | null): void {
    const { sticky } = this
    if (sticky.hidden !== (top === null)) sticky.hidden = top === null
    if (!top) return
    set(sticky, this.events.ruler(top.section, top.lines))
    sticky.ariaExpanded = String(!top.folded)
  }

  private fill(node: LineNode, number: number, before: number): void {
    const line = this.store.get(number)
    const previous = before >= 0 ? this.store.get(before) : undefined
    writeLine(node, {
      number, line, time: this.time(line?.at, previous?.at),
      isSelected: this.selected !== null && number >= this.selected.from && number <= this.selected.to,
      isHit: line !== undefined && this.matchesText !== null && this.matchesText(line.message),
      height: this.columns.wrap ? (1 + this.wrapping.heights.of(number)) * ROW : 0,
    })
  }

  private time(at: string | undefined, previous: string | undefined): string {
    const ms = toMillis(at)
    if (ms === null || this.columns.time === 'off') return ''
    if (this.columns.time === 'clock') return clock(ms)
    const from = toMillis(this.columns.time === 'start' ? this.store.get(0)?.at : previous)
    return from === null ? '' : delta(ms - from)
  }
}
