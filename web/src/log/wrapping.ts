/**
 * Keeps the heights of wrapped lines right: when lines arrive, when there is more or less room for them, and when the log's font
 * has been loaded. How the style sheet divides a row is asked of the style sheet itself. No React.
 */
import type { Columns } from './columns'
import { Font, Heights, rowsIn, type Room } from './heights'
import type { LogStore } from './store'

export class Wrapping {
  readonly heights = new Heights()
  /** The room may not be what it was. */
  stale = true
  private font: Font | null = null
  private room: Room | null = null

  constructor(private readonly host: HTMLElement, private readonly store: LogStore, private readonly changed: () => void) {
    document.fonts.addEventListener('loadingdone', this.onFont)
  }

  destroy(): void {
    document.fonts.removeEventListener('loadingdone', this.onFont)
  }

  /** Takes in what is new; whether a height has changed. */
  update(columns: Columns): boolean {
    const { heights, store } = this
    const before = heights.version
    if (this.stale) this.look(columns)
    const { room, font } = this
    if (!room || !font) return false
    for (const key of store.fresh) heights.set(key, store.chunk(key), (line) => rowsIn(room, line, font.advance))
    store.fresh.clear()
    return heights.version !== before
  }

  private look(columns: Columns): void {
    this.stale = false
    const style = getComputedStyle(this.host)
    const size = (name: string) => Number.parseFloat(style.getPropertyValue(name)) || 0
    this.font ??= new Font(`${style.fontSize} ${style.fontFamily}`)
    const { digit } = this.font
    const gap = size('--log-gap')
    const fixed =
      (columns.number ? size('--log-number') : 0) + (columns.time === 'off' ? 0 : size('--log-time') * digit + gap) + (columns.level ? size('--log-level') : 0) + size('--log-end')
    const room: Room = { width: this.host.clientWidth, digit, fixed, gap, step: columns.step, least: size('--log-least') }
    if (JSON.stringify(room) === JSON.stringify(this.room)) return
    this.room = room
    this.heights.clear()
    this.store.renew()
  }

  private readonly onFont = (): void => {
    this.font = null
    this.stale = true
    this.changed()
  }
}
