/** Which version of a job held at a moment. Pure. */
import type { Version } from '../api/types'

/** The newest version there was at that moment; null where none is known. */
export function versionAt(versions: Version[], at: string | null): number | null {
  if (at === null) return null
  return versions.filter((each) => each.at <= at).reduce<number | null>((newest, each) => (newest === null || each.version > newest ? each.version : newest), null)
}
