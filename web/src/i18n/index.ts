/** The words of the chosen language. The choice is made once, when the page starts. */
import { en, type Strings } from './en'

export const t: Strings = en

/** A count with thousands separators, or a dash when there is none. */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? '–' : n.toLocaleString('en')
}
