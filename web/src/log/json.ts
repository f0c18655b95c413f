/** Finds JSON in the text of a line. Pure. */

/** The first object or list of a text that reads as JSON. */
export function jsonIn(text: string): unknown {
  const at = text.search(/[[{]/)
  if (at < 0) return undefined
  try {
    return JSON.parse(text.slice(at)) as unknown
  } catch {
    return undefined
  }
}
