/**
 * The language of the page. Every folder keeps its words in a `words.ts` of its own: an English object, and a French one
 * of the same type, so that a missing or superfluous key does not compile. The choice holds until the page is loaded again.
 */
import { preference } from '../app/preferences'

export type Language = 'en' | 'fr'

function detect(): Language {
  const chosen = preference('language')
  if (chosen !== 'auto') return chosen
  return typeof navigator !== 'undefined' && navigator.language.toLowerCase().startsWith('fr') ? 'fr' : 'en'
}

export const language: Language = detect()

/** The locale of numbers and dates. English dates are written day first. */
export const locale = language === 'fr' ? 'fr-FR' : 'en-GB'

if (typeof document !== 'undefined') document.documentElement.lang = language

/** The words of the chosen language. */
export function pick<T>(en: T, fr: NoInfer<T>): T {
  return language === 'fr' ? fr : en
}

const numbers = new Intl.NumberFormat(locale)

/** A number with its group separators. */
export function number(n: number): string {
  return numbers.format(n)
}

/** A count with group separators, or a dash when there is none. */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? '–' : number(n)
}

/** `1 job`, `18 jobs`: what English and French need, where zero differs. */
export function manyEn(n: number, one: string, other: string): string {
  return `${number(n)} ${n === 1 ? one : other}`
}

export function manyFr(n: number, one: string, other: string): string {
  return `${number(n)} ${Math.abs(n) < 2 ? one : other}`
}
