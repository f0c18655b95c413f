/** A JSON Schema of parameters as rows to read, and an example of a step made from it. Pure. */

export type Schema = Record<string, unknown>

export interface Callable {
  callable: string
  kind: 'component' | 'python'
  step_type: 'wasm' | 'python'
  title: string
  doc: string
  params: Schema
  result: Schema | null
}

export interface Row {
  name: string
  type: string
  required: boolean
  /** As JSON; undefined where there is none. */
  fallback: string | undefined
  description: string
  /** What else has to hold: `1 ≤ x ≤ 5`. */
  rules: string[]
}

const isSchema = (value: unknown): value is Schema => value !== null && typeof value === 'object' && !Array.isArray(value)

/** Follows a reference inside the same document; never twice, so that a schema that names itself ends. */
function resolve(schema: Schema, root: Schema): Schema {
  const reference = schema['$ref']
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return schema
  let at: unknown = root
  for (const part of reference.slice(2).split('/')) at = isSchema(at) ? at[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
  return isSchema(at) ? { ...at, ...schema } : schema
}

/** `string`, `list of integer`, `"a" or "b"`; empty where the schema takes anything. */
export function typeOf(schema: Schema, root: Schema = schema, or = ' | '): string {
  const own = resolve(schema, root)
  if (Array.isArray(own['enum'])) return own['enum'].map((each) => JSON.stringify(each)).join(or)
  if ('const' in own) return JSON.stringify(own['const'])
  const choices = own['anyOf'] ?? own['oneOf']
  if (Array.isArray(choices)) return choices.filter(isSchema).map((each) => typeOf(each, root, or)).filter(Boolean).join(or)
  const of = (name: string) => {
    const items = own['items']
    return name === 'array' && isSchema(items) && typeOf(items, root, or) !== '' ? `array of ${typeOf(items, root, or)}` : name
  }
  return Array.isArray(own['type']) ? own['type'].map(String).map(of).join(or) : typeof own['type'] === 'string' ? of(own['type']) : ''
}

function rulesOf(own: Schema): string[] {
  const rules: string[] = []
  const [low, high] = [own['minimum'], own['maximum']]
  if (typeof low === 'number' && typeof high === 'number') rules.push(`${low} … ${high}`)
  else if (typeof low === 'number') rules.push(`≥ ${low}`)
  else if (typeof high === 'number') rules.push(`≤ ${high}`)
  if (typeof own['exclusiveMinimum'] === 'number') rules.push(`> ${own['exclusiveMinimum']}`)
  if (typeof own['exclusiveMaximum'] === 'number') rules.push(`< ${own['exclusiveMaximum']}`)
  if (typeof own['pattern'] === 'string') rules.push(`/${own['pattern']}/`)
  if (typeof own['format'] === 'string') rules.push(own['format'])
  return rules
}

export function rows(schema: Schema): Row[] {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {}
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : []
  return Object.entries(properties).map(([name, value]) => {
    const property = isSchema(value) ? value : {}
    const own = resolve(property, schema)
    return {
      name,
      type: typeOf(property, schema),
      required: required.includes(name),
      fallback: 'default' in own ? JSON.stringify(own['default']) : undefined,
      description: typeof own['description'] === 'string' ? own['description'] : '',
      rules: rulesOf(own),
    }
  })
}

/** Whether it takes parameters that it does not name. */
export function isOpen(schema: Schema): boolean {
  return schema['additionalProperties'] !== false
}

/** A value of TOML. */
export function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`
  if (isSchema(value)) return `{ ${Object.entries(value).filter(([, each]) => each !== null).map(([key, each]) => `${tomlKey(key)} = ${toml(each)}`).join(', ')} }`.replace('{  }', '{}')
  return typeof value === 'string' ? JSON.stringify(value) : value === null || value === undefined ? '""' : String(value)
}

function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key)
}

/** A value that fits the schema as far as can be told, and says its name where it is a text. */
function sample(name: string, schema: Schema, root: Schema): unknown {
  const own = resolve(schema, root)
  if ('default' in own && own['default'] !== null) return own['default']
  if ('const' in own) return own['const']
  for (const key of ['examples', 'enum']) if (Array.isArray(own[key]) && own[key].length > 0) return own[key][0]
  const choices = own['anyOf'] ?? own['oneOf']
  if (Array.isArray(choices)) {
    const first = choices.find((each) => isSchema(each) && each['type'] !== 'null')
    if (isSchema(first)) return sample(name, first, root)
  }
  const type = Array.isArray(own['type']) ? own['type'].find((each) => each !== 'null') : own['type']
  switch (type) {
    case 'integer':
    case 'number':
      return typeof own['minimum'] === 'number' ? own['minimum'] : 0
    case 'boolean':
      return false
    case 'array':
      return []
    case 'object':
      return {}
    default:
      return name.toUpperCase()
  }
}

/** A step that calls it, ready to be pasted: what it needs is filled in, what it can do without is there as a comment. */
export function exampleStep({ callable, step_type, params }: Callable): string {
  const lines = ['[[jobs.steps]]', `name = ${toml(callable.split(':').at(-1))}`, `type = ${toml(step_type)}`, `callable = ${toml(callable)}`]
  const properties = isSchema(params['properties']) ? params['properties'] : {}
  const all = rows(params)
  const line = (name: string) => `${tomlKey(name)} = ${toml(sample(name, isSchema(properties[name]) ? properties[name] : {}, params))}`
  if (all.length > 0) lines.push('', '[jobs.steps.op_kwargs]', ...all.filter((row) => row.required).map((row) => line(row.name)), ...all.filter((row) => !row.required).map((row) => `# ${line(row.name)}`))
  return `${lines.join('\n')}\n`
}
