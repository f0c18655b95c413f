import { describe, expect, test } from 'vitest'
import css from './tokens.css?raw'

const STATES = ['succeeded', 'failed', 'running', 'queued', 'canceled', 'skipped']
type Rgb = [number, number, number]

function token(name: string, theme: 0 | 1): Rgb {
  const match = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css)
  if (!match) throw new Error(`no token ${name}`)
  const hex = match[theme + 1]!
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255) as Rgb
}

const linear = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)

function contrast(a: Rgb, b: Rgb): number {
  const light = ([r, g, b]: Rgb) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x)
  return (high! + 0.05) / (low! + 0.05)
}

describe.each([['light', 0], ['dark', 1]] as const)('in the %s theme', (_, theme) => {
  test.each(STATES)('%s reads on its own ground, on the page and on a card', (state) => {
    for (const ground of [`${state}-bg`, 'surface']) expect(contrast(token(state, theme), token(ground, theme))).toBeGreaterThanOrEqual(4.5)
  })

  test('text and muted text read on every ground', () => {
    for (const ink of ['text', 'muted', 'accent']) {
      for (const ground of ['bg', 'surface', 'surface-2', 'log-bg']) expect(contrast(token(ink, theme), token(ground, theme))).toBeGreaterThanOrEqual(4.5)
    }
    expect(contrast(token('on-accent', theme), token('accent', theme))).toBeGreaterThanOrEqual(4.5)
    expect(contrast(token('control-line', theme), token('surface', theme))).toBeGreaterThanOrEqual(3)
  })
})
