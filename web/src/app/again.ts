/** Whether the session ended under something unsaved, so that the shell asks to sign in again in place. No React. */

let asked = false
const listeners = new Set<() => void>()

function set(value: boolean): void {
  asked = value
  for (const listener of listeners) listener()
}

export function askToSignInAgain(): void {
  set(true)
}

export function signedInAgain(): void {
  set(false)
}

export const again = {
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
  snapshot: (): boolean => asked,
}
