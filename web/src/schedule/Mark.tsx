/** One thing of the calendar: a run leads to its page, a fire or a lost slot opens what is known of it. */
import { Link } from '@tanstack/react-router'
import { CircleDashed, CircleSlash } from 'lucide-react'
import type { ReactNode } from 'react'
import { Glyph } from '../ui/Status'
import { everyZone } from '../ui/time'
import { t as common } from '../ui/words'
import ui from '../ui/ui.module.css'
import type { Item } from './calendar'
import css from './schedule.module.css'
import { t } from './words'
import { hourMinute } from './zone'

/** What a thing is called for those who cannot see where it stands. */
export function nameOf(item: Item, zone: string): string {
  const time = hourMinute(item.at, zone)
  if (item.kind === 'run') return t.runOf(item.job, time, item.status)
  return item.kind === 'fire' ? t.fireOf(item.job, time) : t.lostItem(item.job, time, t.outcomes[item.outcome] ?? item.outcome)
}

/** Its sign: a state of runs, a dashed ring for what is to come, a crossed one for what fell through. */
export function Sign({ item }: { item: Item }) {
  if (item.kind === 'run') return <Glyph status={item.status} />
  return <span className={`${ui.glyph} ${item.kind === 'lost' ? css.lostSign : css.fireSign}`} aria-hidden="true">{item.kind === 'lost' ? <CircleSlash size={12} /> : <CircleDashed size={12} />}</span>
}

interface Props {
  item: Item
  zone: string
  className?: string | undefined
  /** Its children say too little of it by themselves. */
  isShort?: boolean
  open: (item: Item) => void
  children: ReactNode
}

export function Mark({ item, zone, className, isShort = false, open, children }: Props) {
  const name = nameOf(item, zone)
  const isOff = item.kind === 'fire' && !item.enabled
  const shared = { className: className ?? '', 'aria-label': isShort ? (isOff ? `${name}, ${t.off}` : name) : undefined, title: `${item.job}\n${everyZone(item.at, item.kind === 'fire' ? item.zone : null, common.local)}${item.kind === 'lost' && item.reason ? `\n${item.reason}` : ''}`, 'data-kind': item.kind, 'data-of': item.job, 'data-off': isOff || undefined }
  if (item.kind === 'run') return <Link to="/runs/$id" params={{ id: item.run }} {...shared}>{children}</Link>
  return <button type="button" {...shared} onClick={() => open(item)}>{children}</button>
}
