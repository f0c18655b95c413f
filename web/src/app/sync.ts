/**
 * What a person chose, kept with their account: read when the page starts, so that every browser of theirs looks the same, and
 * sent a moment after they choose. This browser's own storage stays the copy that is shown before the server has answered.
 */
import { http } from '../api/http'
import type { Preferences } from '../api/wire'
import { PERSONAL, onPreference, preference, preferenceText, takePreference, type PreferenceName } from './preferences'

const PATH = 'auth/preferences'
const SEND_MS = 800

let known: Record<string, string> = {}
let timer: ReturnType<typeof setTimeout> | undefined

const current = (): Record<string, string> => Object.fromEntries(PERSONAL.flatMap((name) => {
  const value = preferenceText(name)
  return value === null ? [] : [[name, value]]
}))

const differs = (mine: Record<string, string>) => PERSONAL.some((name) => mine[name] !== known[name])

async function send(): Promise<void> {
  const mine = current()
  if (!differs(mine)) return
  try {
    known = (await http.put<Preferences>(PATH, { preferences: { ...known, ...mine } })).preferences
  } catch {
    // Without an account, or without the server: they hold in this browser. The next choice tries again.
  }
}

/**
 * Takes over what the account has, then keeps it up to date until the answer is called. `again` is called when the page has to
 * start anew to show it.
 */
export function syncPreferences(again: () => void): () => void {
  let off: (() => void) | undefined
  let over = false
  http.get<Preferences>(PATH).then(
    ({ preferences, kept }) => {
      if (over || !kept) return
      known = preferences
      const language = preference('language')
      for (const name of PERSONAL) if (known[name] !== undefined) takePreference(name, known[name])
      off = onPreference(() => {
        clearTimeout(timer)
        timer = setTimeout(() => void send(), SEND_MS)
      })
      // Words are read once, when the page starts; only where the choice was kept would it be found then.
      if (preference('language') !== language && isKept('language')) again()
    },
    () => undefined,
  )
  return () => {
    over = true
    off?.()
  }
}

function isKept(name: PreferenceName): boolean {
  try {
    return localStorage.getItem(`nomaflow.${name}`) === preference(name)
  } catch {
    return false
  }
}
