/** A filter of runs as a sentence, for a dialog that is about to do something to all they find. Pure. */
import type { RunsFilter } from '../api/types'
import { shortInstant, toMillis } from '../ui/time'
import { t } from './words'

export function filterWords(filter: RunsFilter): string {
  const list = (text: string) => text.split(',').join(', ')
  const at = (instant: string) => shortInstant(toMillis(instant) ?? 0)
  const parts = [
    filter.status && `${t.status}: ${list(filter.status)}`,
    filter.job && `${t.job}: ${list(filter.job)}`,
    filter.tag && `${t.tag}: ${list(filter.tag)}`,
    filter.trigger && `${t.trigger}: ${t.triggers[filter.trigger] ?? filter.trigger}`,
    filter.from && `${t.from} ${at(filter.from)}`,
    filter.to && `${t.to} ${at(filter.to)}`,
    filter.q && `${t.text}: “${filter.q}”`,
    filter.min_seconds && `${t.atLeast}: ${filter.min_seconds} ${t.seconds}`,
  ]
  return parts.filter(Boolean).join(' · ')
}
