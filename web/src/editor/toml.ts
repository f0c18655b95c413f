/** A job as the text of its file, for a job that has no file yet and for comparing two. The server writes the files. Pure. */
import { isNumber, isTable, numberText } from './exact'
import type { Table } from './pointer'

/** Lists of tables with headers of their own. */
const LISTS = new Set(['steps', 'schedules', 'presets', 'blackouts'])

const bare = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key))

function quoted(text: string): string {
  return `"${text.replace(/[\\"\u0000-\u001f\u007f]/g, (c) => ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '\r': '\\r' }

function long(text: string): string {
  return `"""\n${text.split('\n').map((line) => quoted(line).slice(1, -1)).join('\n')}"""`
}

function value(of: unknown): string {
  if (typeof of === 'string') return of.includes('\n') ? long(of) : quoted(of)
  return inline(of)
}

function inline(of: unknown): string {
  if (typeof of === 'string') return quoted(of)
  if (isNumber(of)) return numberText(of)
  if (Array.isArray(of)) return `[${of.map(inline).join(', ')}]`
  if (isTable(of)) return `{ ${Object.entries(of).map(([key, inner]) => `${bare(key)} = ${inline(inner)}`).join(', ')} }`
  return String(of)
}

const isList = (key: string, of: unknown): of is Table[] => LISTS.has(key) && Array.isArray(of) && of.length > 0 && of.every(isTable)

export function jobText(job: Table): string {
  const entries = Object.entries(job).filter(([, of]) => of !== undefined)
  const lines = ['[[jobs]]', ...entries.filter(([key, of]) => !isList(key, of) && !(LISTS.has(key) && Array.isArray(of))).map(([key, of]) => `${bare(key)} = ${value(of)}`)]
  for (const [key, of] of entries) {
    if (!isList(key, of)) continue
    for (const table of of) lines.push('', `[[jobs.${key}]]`, ...Object.entries(table).map(([name, inner]) => `${bare(name)} = ${value(inner)}`))
  }
  return `${lines.join('\n')}\n`
}
