/** A transport as a form: its fields by kind, what is sent of them, and which field a finding of the server is about. Pure. */
import type { SecretState, SecretWish, Transport, TransportBody, TransportKind } from './api'

export const KINDS: TransportKind[] = ['slack', 'smtp', 'teams', 'webhook']

export interface FormField {
  key: string
  as: 'text' | 'number' | 'choice' | 'json'
  required?: boolean
  choices?: string[]
}

const common: FormField[] = [{ key: 'timeout_seconds', as: 'number' }, { key: 'ca_file', as: 'text' }]

const settings: Record<TransportKind, FormField[]> = {
  slack: [{ key: 'to', as: 'text' }, { key: 'username', as: 'text' }, { key: 'icon', as: 'text' }],
  smtp: [
    { key: 'host', as: 'text', required: true }, { key: 'port', as: 'number' }, { key: 'tls', as: 'choice', choices: ['starttls', 'implicit', 'none'] },
    { key: 'user', as: 'text' }, { key: 'from', as: 'text', required: true }, { key: 'to', as: 'text' },
  ],
  teams: [],
  webhook: [{ key: 'url', as: 'text', required: true }, { key: 'headers', as: 'json' }, { key: 'body', as: 'json' }],
}

const secrets: Record<TransportKind, string[]> = { slack: ['webhook_url'], teams: ['webhook_url'], smtp: ['password'], webhook: ['authorization', 'signing_key'] }

/** The fields that are shown, and those that few need. */
export function fieldsOf(kind: TransportKind): { settings: FormField[]; more: FormField[]; secrets: string[] } {
  return { settings: settings[kind], more: common, secrets: secrets[kind] }
}

/** What somebody does with a secret that the page does not know. */
export interface SecretDraft {
  mode: 'keep' | 'set' | 'clear'
  text: string
}

export interface Draft {
  name: string
  kind: TransportKind
  enabled: boolean
  values: Record<string, string>
  secrets: Record<string, SecretDraft>
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
}

export function draftOf(transport: Transport): Draft {
  return {
    name: transport.name,
    kind: transport.kind,
    enabled: transport.enabled,
    values: Object.fromEntries(Object.entries(transport.settings).map(([key, value]) => [key, shown(value)])),
    secrets: {},
  }
}

export function emptyDraft(kind: TransportKind): Draft {
  return { name: '', kind, enabled: true, values: {}, secrets: {} }
}

/** An object or another JSON value where the text is one; a body may be plain text as well. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The request. What is empty is left out; secrets nobody touched stay as they are. */
export function bodyOf(draft: Draft, states: Record<string, SecretState> = {}): TransportBody {
  const known = fieldsOf(draft.kind)
  const body: TransportBody = { kind: draft.kind, enabled: draft.enabled, settings: {}, secrets: {} }
  for (const field of [...known.settings, ...known.more]) {
    const text = (draft.values[field.key] ?? '').trim()
    if (text === '') continue
    // A number that is none goes as it is: the server says what it should be.
    body.settings[field.key] = field.as === 'number' && /^\d+$/.test(text) ? Number(text) : field.as === 'json' ? readJson(text) : text
  }
  for (const key of known.secrets) {
    const wish = secretWish(draft.secrets[key], states[key])
    if (wish) body.secrets[key] = wish
  }
  return body
}

function secretWish(draft: SecretDraft | undefined, state: SecretState | undefined): SecretWish | null {
  const isSet = state?.state === 'set'
  if (draft?.mode === 'set' && draft.text !== '') return { set: draft.text }
  if (!isSet) return null
  return draft?.mode === 'clear' ? { clear: true } : { keep: true }
}

/** What the server found, by field: `/settings/port` and `/secrets/webhook_url` name the same kind of thing. */
export function errorsByField(problems: { pointer?: string; message: string }[]): { fields: Record<string, string>; rest: string[] } {
  const fields: Record<string, string> = {}
  const rest: string[] = []
  for (const { pointer, message } of problems) {
    const key = pointer?.split('/').filter((part) => part !== '' && part !== 'settings' && part !== 'secrets')[0]
    if (key) fields[key] = fields[key] ? `${fields[key]}; ${message}` : message
    else rest.push(message)
  }
  return { fields, rest }
}

/** Where messages go, in one line, without anything secret. */
export function targetOf(transport: Transport): string {
  const { settings: of } = transport
  if (transport.kind === 'smtp') return [of.host, of.port].filter(Boolean).join(':')
  if (transport.kind === 'webhook') return String(of.url ?? '')
  return ''
}

export function isName(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text) && text !== 'test'
}
