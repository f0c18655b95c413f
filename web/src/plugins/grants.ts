/**
 * What a component may touch, in plain words: area by area what it asks for beside what the operator granted. From the file
 * of grants as the server tells it. Pure.
 */
import { language } from '../i18n'

export const AREAS = ['connectors', 'http', 'ldap', 'secrets', 'state', 'directories', 'env'] as const
export type Area = (typeof AREAS)[number]

export interface Grants {
  /** A line for each interface it imports: `[grants] state = true`. */
  asked: string[]
  granted: string[]
  limits: string[]
  /** The file of grants; null when there is none. */
  file: unknown
}

/**
 * `denied`: it asks and has nothing, so such a call fails. `unused`: it has something it does not ask for. `untold`: files
 * and variables come with the system interface, where a component does not say whether it uses them.
 */
export type Verdict = 'granted' | 'denied' | 'unused' | 'none' | 'untold'

export interface Line {
  area: Area
  verdict: Verdict
  /** What exactly is granted. */
  granted: string[]
  /** The line of the file of grants that is missing, where something is asked for in vain. */
  missing: string | null
}

interface Words {
  readOnly: string
  readWrite: string
  keeps: string
  methods: (list: string) => string
  folder: (seen: string, path: string, mode: string) => string
}

const words: Record<'en' | 'fr', Words> = {
  en: { readOnly: 'read only', readWrite: 'read and write', keeps: 'may keep values from one call to the next', methods: (list) => `with ${list}`, folder: (seen, path, mode) => `${seen} is the folder ${path}, ${mode}` },
  fr: { readOnly: 'lecture seule', readWrite: 'lecture et écriture', keeps: 'peut garder des valeurs d’un appel à l’autre', methods: (list) => `avec ${list}`, folder: (seen, path, mode) => `${seen} est le dossier ${path}, ${mode}` },
}

type Table = Record<string, unknown>
const table = (value: unknown): Table => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Table) : {})
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [])

/** Without a list of methods only reading is granted. */
const USUAL_METHODS = ['GET', 'HEAD']

function grantedIn(area: Area, grants: Table, w: Words): string[] {
  const value = grants[area]
  const mode = (of: unknown) => (of === 'read-write' ? w.readWrite : w.readOnly)
  switch (area) {
    case 'connectors':
      return Object.entries(table(value)).map(([name, how]) => `${name}: ${mode(how)}`)
    case 'http': {
      const methods = texts(table(value)['methods'])
      return texts(table(value)['hosts']).map((host) => `${host} ${w.methods((methods.length > 0 ? methods : USUAL_METHODS).join(', '))}`)
    }
    case 'directories':
      return Object.entries(table(value)).map(([name, of]) => w.folder(`/${name}`, String(table(of)['path'] ?? ''), mode(table(of)['mode'])))
    case 'state':
      return value === true ? [w.keeps] : []
    default:
      return texts(value)
  }
}

/** The area a line of what is asked speaks of. */
export function areaOf(asked: string): Area | undefined {
  return /^\[grants\.(\w+)\]/.exec(asked)?.[1] as Area | undefined ?? AREAS.find((area) => new RegExp(`^\\[grants\\] ${area}\\b`).test(asked))
}

export function grantLines(grants: Grants, of: 'en' | 'fr' = language): Line[] {
  const asked = new Map(grants.asked.map((line) => [areaOf(line), line]))
  const file = table(table(grants.file)['grants'])
  return AREAS.map((area) => {
    const granted = grantedIn(area, file, words[of])
    const tells = area !== 'directories' && area !== 'env'
    const asks = asked.has(area)
    const verdict = granted.length > 0 ? (asks || !tells ? 'granted' : 'unused') : asks ? 'denied' : tells ? 'none' : 'untold'
    return { area, verdict, granted, missing: verdict === 'denied' ? asked.get(area)! : null }
  })
}

export interface Limit {
  name: string
  /** The value that holds; null where there is no limit. */
  value: number | null
  isSet: boolean
}

/** What holds where the file says nothing. */
const USUAL: [string, number | null][] = [['memory_mb', 256], ['wall_seconds', null], ['cpu_seconds', null], ['output_bytes', 1_048_576], ['response_bytes', 16_777_216], ['log_lines', 10_000], ['log_lines_per_second', 5_000]]

/** The limits of a call: those that are set, and the usual ones where nothing is set. */
export function limits(grants: Grants): Limit[] {
  const set = table(table(grants.file)['limits'])
  const known = USUAL.map(([name, usual]) => ({ name, value: typeof set[name] === 'number' ? (set[name] as number) : usual, isSet: name in set }))
  const others = Object.entries(set).filter(([name]) => !USUAL.some(([usual]) => usual === name))
  return [...known, ...others.map(([name, value]) => ({ name, value: Number(value), isSet: true }))]
}
