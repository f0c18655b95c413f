/**
 * What a person chose, as this browser keeps it (`sync.ts` brings it to their account): theme, language, zone, density,
 * shortcuts, views. Plain strings in the local storage under `nomaflow.<name>`; `public/theme.js` applies theme and density before the first paint. No React here.
 */

const CHOICES = {
  theme: ['system', 'light', 'dark'],
  language: ['auto', 'en', 'fr'],
  zone: ['local', 'utc', 'job'],
  density: ['comfortable', 'compact'],
  shortcuts: ['on', 'off'],
  rail: ['wide', 'narrow'],
  jobsView: ['cards', 'table'],
  jobsGroup: ['none', 'app', 'tag', 'state'],
  runsPlot: ['shown', 'hidden'],
} as const

/** Choices of several things at once, such as columns; what there is to choose from is known where it is shown. */
const LISTS = ['runsColumns'] as const

/** Those that go with a person; the others are this screen's. */
export const PERSONAL = ['theme', 'language', 'zone', 'density', 'shortcuts', 'jobsView', 'jobsGroup', ...LISTS] as const

export type ListName = (typeof LISTS)[number]
export type PreferenceName = keyof typeof CHOICES
export type Preference<N extends PreferenceName> = (typeof CHOICES)[N][number]

const listeners = new Set<() => void>()
const chosen = new Map<string, string>()

function read(name: string): string | null {
  try {
    return localStorage.getItem(`nomaflow.${name}`)
  } catch {
    // Storage may be forbidden, or this may be no browser at all: the first choice of each holds.
    return null
  }
}

/** The choices there are, the default first. */
export function choices<N extends PreferenceName>(name: N): readonly Preference<N>[] {
  return CHOICES[name]
}

export function preference<N extends PreferenceName>(name: N): Preference<N> {
  const value = chosen.get(name) ?? read(name)
  const known = CHOICES[name] as readonly string[]
  return (value !== null && known.includes(value) ? value : known[0]) as Preference<N>
}

export function setPreference<N extends PreferenceName>(name: N, value: Preference<N>): void {
  keep(name, value)
}

/** The chosen ones, separated by commas; null when nobody has chosen. */
export function listPreference(name: ListName): string | null {
  return chosen.get(name) ?? read(name)
}

export function setListPreference(name: ListName, values: readonly string[]): void {
  keep(name, values.join(','))
}

/** A choice as a text, for whoever carries it elsewhere; null when there is nothing to carry. */
export function preferenceText(name: PreferenceName | ListName): string | null {
  return isList(name) ? listPreference(name) : preference(name)
}

/** Takes a choice that came from elsewhere. */
export function takePreference(name: PreferenceName | ListName, value: string): void {
  keep(name, value)
}

const isList = (name: string): name is ListName => (LISTS as readonly string[]).includes(name)

function keep(name: string, value: string): void {
  chosen.set(name, value)
  try {
    localStorage.setItem(`nomaflow.${name}`, value)
  } catch {
    // The choice then lasts as long as the page.
  }
  apply()
  for (const listener of listeners) listener()
}

export function onPreference(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Shows theme and density on the root element; what the style sheets read. */
function apply(): void {
  const root = document.documentElement
  const theme = preference('theme')
  if (theme === 'system') delete root.dataset.theme
  else root.dataset.theme = theme
  root.dataset.density = preference('density')
}

if (typeof addEventListener === 'function' && typeof document !== 'undefined') {
  // Another tab chose.
  addEventListener('storage', (event) => {
    const name = event.key?.replace(/^nomaflow\./, '')
    if (!name || !(name in CHOICES || isList(name))) return
    chosen.delete(name)
    apply()
    for (const listener of listeners) listener()
  })
}
