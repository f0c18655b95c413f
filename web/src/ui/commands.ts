/** The same action as a command line and as an HTTP request: the page, the shell and the interface have equal rank. Pure. */

/** Quotes for a POSIX shell where it is needed. */
export function shell(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export function commandLine(...words: string[]): string {
  return ['nomaflow', ...words].map(shell).join(' ')
}

/** `address` is absolute; the token stays a variable. `revision` is what a save has to meet. */
export function httpRequest(method: string, address: string, body?: unknown, revision?: string | null): string {
  const parts = [`curl -X ${method} ${shell(address)}`, `-H "authorization: Bearer $NOMAFLOW_TOKEN"`]
  if (revision) parts.push(`-H ${shell(`if-match: "${revision}"`)}`)
  if (body !== undefined) parts.push(`-H 'content-type: application/json'`, `-d ${shell(JSON.stringify(body))}`)
  return parts.join(' \\\n  ')
}

interface Overrides {
  params?: Record<string, unknown>
  op_kwargs?: Record<string, Record<string, unknown>>
  step_enabled?: Record<string, boolean>
  log_level?: string
}

/** Strings go as they are unless they would be read as something else. */
function value(of: unknown): string {
  if (typeof of !== 'string') return JSON.stringify(of)
  try {
    JSON.parse(of)
    return JSON.stringify(of)
  } catch {
    return of
  }
}

/** `nomaflow job run`, with the overrides; null when one of them cannot be said there: the shell can only leave steps out. */
export function runCommand(job: string, overrides: Overrides = {}): string | null {
  const words = ['job', 'run', job]
  for (const [key, each] of Object.entries(overrides.params ?? {})) words.push('--param', `${key}=${value(each)}`)
  for (const [step, values] of Object.entries(overrides.op_kwargs ?? {})) for (const [key, each] of Object.entries(values)) words.push('--op-kwarg', `${step}.${key}=${value(each)}`)
  for (const [step, enabled] of Object.entries(overrides.step_enabled ?? {})) {
    if (enabled) return null
    words.push('--skip', step)
  }
  if (overrides.log_level) words.push('--log-level', overrides.log_level)
  return commandLine(...words)
}
