/** When a schedule that is being written would fire, by the scheduler's own code: in its zone and in the reader's. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { cronWords } from '../ui/cron'
import { Ago, At, Single } from '../ui/Times'
import css from './editor.module.css'
import { editing } from './requests'
import { t } from './words'

const SETTLE_MS = 300

/** The value once it has not changed for a moment. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const id = setTimeout(() => setSettled(value), ms)
    return () => clearTimeout(id)
  }, [value, ms])
  return settled
}

/** `2026-11-30T02:00:00+01:00` as it stands on the clock there: `Mon 30 Nov 02:00:00`. */
function onTheClock(local: string): string {
  return local.slice(0, 19).replace('T', ' ')
}

interface Props {
  cron: unknown
  every?: unknown
  zone: unknown
  gap?: unknown
  fold?: unknown
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '')

export function SchedulePreview({ cron, every, zone, gap, fold }: Props) {
  const expression = useSettled(text(cron), SETTLE_MS)
  const rhythm = useSettled(text(every), SETTLE_MS)
  const timezone = useSettled(text(zone), SETTLE_MS)
  const asked = expression !== '' || rhythm !== ''
  const { data, error } = useQuery({
    ...editing.preview(expression !== '' ? { expression } : { every: rhythm }, timezone, { ...(text(gap) && { gap: text(gap) }), ...(text(fold) && { fold: text(fold) }) }),
    enabled: asked,
    placeholderData: keepPreviousData,
  })
  if (!asked) return <p className="muted">{t.manual}</p>
  const words = cronWords(expression)
  // What is wrong with it is said at the field.
  if (error || !data) return null
  return (
    <div className={css.preview} aria-live="polite" data-preview>
      {words && <strong>{words}</strong>}
      {data.never_fires ? <p className={css.soft}>{t.never}</p> : (
        <>
          <span className="muted">{t.next} {t.inZone(data.timezone)} · {t.yours}</span>
          <ol>
            {data.next.map((fire) => <li key={fire.at}><code>{onTheClock(fire.local)}</code> <span className="muted"><At at={fire.at} /> · <Single value={false}><Ago at={fire.at} zone={data.timezone} /></Single></span></li>)}
          </ol>
        </>
      )}
      {data.notes.map((note) => <p key={`${note.code} ${note.at}`} className={css.soft} data-note={note.code}>{note.message}</p>)}
    </div>
  )
}
