/** How far a running step is, as far as it says: done, of how many, and how fast. */
import type { Progress } from '../live/protocol'
import { count } from '../i18n'
import { t } from './words'
import ui from '../ui/ui.module.css'
import css from './runs.module.css'

export function ProgressBar({ progress, label }: { progress: Progress; label: string }) {
  const { done, total, rate, note } = progress
  const known = total !== null && total > 0
  return (
    <div className={css.progress}>
      {/* Without a total the element is indeterminate: no value may be set at all. */}
      {known ? <progress className={ui.progress} aria-label={label} value={done} max={total} /> : <progress className={ui.progress} aria-label={label} />}
      <span>
        {count(done)}{known && ` / ${count(total)} (${Math.floor((done / total) * 100)} %)`}
        {rate !== null && rate !== undefined && ` · ${t.rate(count(Math.round(rate)))}`}
        {note && ` · ${note}`}
      </span>
    </div>
  )
}
