/** The parameters of a callable as fields of a form, and what was typed into them as parameters. Pure. */
import { rows, type Row, type Schema } from './schema'

export interface FormField extends Row {
  input: 'text' | 'number' | 'flag' | 'choice' | 'json'
  /** As JSON texts. */
  choices: string[]
}

const isSchema = (value: unknown): value is Schema => value !== null && typeof value === 'object' && !Array.isArray(value)

function choicesOf(property: unknown): string[] {
  return isSchema(property) && Array.isArray(property['enum']) ? property['enum'].map((each) => JSON.stringify(each)) : []
}

export function fieldsOf(schema: Schema): FormField[] {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {}
  return rows(schema).map((row) => {
    const choices = choicesOf(properties[row.name])
    const types = row.type.split(' | ').filter((type) => type !== 'null')
    const only = types.length === 1 ? types[0] : undefined
    const input = choices.length > 0 ? 'choice' : only === 'string' ? 'text' : only === 'integer' || only === 'number' ? 'number' : only === 'boolean' ? 'flag' : 'json'
    return { ...row, input, choices: input === 'flag' ? ['true', 'false'] : choices }
  })
}

export interface Typed {
  params: Record<string, unknown>
  /** Names of fields that cannot be read. */
  wrong: string[]
}

/** What was typed, by name. What was left empty is not given, so the callable's own default holds. */
export function typed(fields: FormField[], values: Record<string, string>): Typed {
  const result: Typed = { params: {}, wrong: [] }
  for (const { name, input, required } of fields) {
    const text = values[name] ?? ''
    if (text === '') {
      if (required && input === 'text') result.params[name] = ''
      else if (required) result.wrong.push(name)
      continue
    }
    try {
      result.params[name] = input === 'text' ? text : input === 'number' ? numberOf(text) : JSON.parse(text)
    } catch {
      result.wrong.push(name)
    }
  }
  return result
}

function numberOf(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || text.trim() === '') throw new RangeError(text)
  return value
}
