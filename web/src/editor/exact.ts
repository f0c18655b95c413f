/**
 * JSON without loss: a whole number beyond 2^53 keeps its digits, where the browser can. Such a number is an opaque value
 * that only `numberText` reads. Pure.
 */

interface RawJson {
  readonly rawJSON: string
}
interface ExactJson {
  rawJSON?: (text: string) => RawJson
  isRawJSON?: (value: unknown) => value is RawJson
}

const exact = JSON as unknown as ExactJson
const WHOLE = /^[-+]?\d+$/
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i

export function parseExact(text: string): unknown {
  // Nothing to keep, which is the rule: the browser's own reading is many times faster.
  if (!/\d{16}/.test(text)) return JSON.parse(text) as unknown
  return (JSON.parse as (text: string, reviver: (key: string, value: unknown, context?: { source?: string }) => unknown) => unknown)(text, (_, value, context) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined && /^-?\d+$/.test(context.source) && exact.rawJSON ? exact.rawJSON(context.source) : value,
  )
}

export function isNumber(value: unknown): boolean {
  return typeof value === 'number' || isRaw(value)
}

function isRaw(value: unknown): value is RawJson {
  return exact.isRawJSON?.(value) ?? false
}

/** The digits of a number. */
export function numberText(value: unknown): string {
  return isRaw(value) ? value.rawJSON : String(value)
}

/** The number that a person typed; undefined when it is none. */
export function readNumber(typed: string): unknown {
  const text = typed.trim()
  if (!NUMBER.test(text)) return undefined
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  return WHOLE.test(text) && !Number.isSafeInteger(value) && exact.rawJSON ? exact.rawJSON(text.replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1')) : value
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !isRaw(value)
}

/** Whether two values say the same, in whatever order the keys of their tables are. What they share is not looked into. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isRaw(a) || isRaw(b)) return isNumber(a) && isNumber(b) && numberText(a) === numberText(b)
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => same(each, b[i]))
  if (!isTable(a) || !isTable(b)) return false
  const keys = (table: Record<string, unknown>) => Object.keys(table).filter((key) => table[key] !== undefined)
  const mine = keys(a)
  return mine.length === keys(b).length && mine.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
}

/** One spelling per value: the keys of tables in order, so that their order makes no difference. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (isTable(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner)) ?? 'undefined'
}
