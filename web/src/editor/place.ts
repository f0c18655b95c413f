/** Where in the editor somebody was who went to see a run, so that the way back leads there. Lasts as long as the tab. */

const KEY = 'nomaflow-editor-place'

export interface Place {
  job: string
  /** How far the page was scrolled. */
  top: number
  /** The step that was open; -1 when none was. */
  step: number
}

export function keepPlace(place: Place): void {
  sessionStorage.setItem(KEY, JSON.stringify(place))
}

export function forgetPlace(): void {
  sessionStorage.removeItem(KEY)
}

/** The place in the editor of a job, if that is where somebody was. */
export function placeIn(job: string): Place | null {
  try {
    const place = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Place | null
    return place?.job === job && Number.isFinite(place.top) && Number.isInteger(place.step) ? place : null
  } catch {
    return null
  }
}
