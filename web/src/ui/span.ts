/** A stretch of time as filters have it in the address: `range` counts back from now, or `from` and `to` are instants. Pure. */

export interface Span {
  /** `15m`, `24h`, `7d`: up to now. */
  range?: string | undefined
  from?: string | undefined
  to?: string | undefined
}

const UNIT = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** The filter as the server is asked at this moment: with the instants of its range; one that cannot be read is no range. */
export function spanned<F extends Span>({ range, ...rest }: F, now: number): Omit<F, 'range'> & Pick<Span, 'from' | 'to'> {
  const found = range ? /^(\d+)([mhd])$/.exec(range) : null
  if (!found) return rest
  return { ...rest, from: new Date(now - Number(found[1]) * UNIT[found[2] as keyof typeof UNIT]).toISOString() }
}

/** `2026-11-23T14:05` of an input, on this machine's clock, as an instant; undefined for anything else. */
export function fromInput(text: string): string | undefined {
  const ms = new Date(text).getTime()
  return text === '' || Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

/** An instant as the input of a date and a time wants it, on this machine's clock. */
export function toInput(instant: string | undefined): string {
  const ms = instant === undefined ? NaN : Date.parse(instant)
  if (Number.isNaN(ms)) return ''
  const at = new Date(ms)
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
