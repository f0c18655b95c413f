/** Schedules that fire too often to be drawn one by one: a line each, with their rhythm and what became of it. */
import { Link } from '@tanstack/react-router'
import { CircleDashed } from 'lucide-react'
import { number } from '../i18n'
import { Panel } from '../ui/parts'
import { Glyph } from '../ui/Status'
import { duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import type { Line } from './calendar'
import css from './schedule.module.css'
import { rhythm, t } from './words'

export function Lines({ lines, from, to }: { lines: Line[]; from: number; to: number }) {
  const span = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  return (
    <Panel title={t.often}>
      <ul className={css.lines}>
        {lines.map((line) => (
          <li key={line.key} className={css.line} data-line={line.job} data-off={!line.enabled || undefined}>
            <span className={css.rhythm}>
              <CircleDashed size={12} aria-hidden />
              {line.everySeconds === null ? t.irregular : <>{rhythm(line.everySeconds)} <span className="muted">· {t.perHour(Math.max(1, Math.round(3600 / line.everySeconds)))}</span></>}
            </span>
            <Link to="/jobs/$id" params={{ id: line.job }} search={{ tab: 'schedules' }} className="mono">{line.job}{line.schedule !== 'default' && ` ${line.schedule}`}</Link>
            {!line.enabled && <span className={ui.tag}>{t.off}</span>}
            {line.planned > 0 && <span className="muted">{t.fires(line.approximate ? t.about(number(line.planned)) : number(line.planned))}</span>}
            {line.p50Seconds !== null && <span className="muted">{t.usually(duration(line.p50Seconds * 1000))}</span>}
            {line.runs > 0 && <Link to="/runs" search={{ job: line.job, ...span }}>{t.ran(line.runs)}</Link>}
            {line.failed > 0 && <Link to="/runs" search={{ job: line.job, status: 'FAILED', ...span }}><Glyph status="FAILED" /> {t.failed(line.failed)}</Link>}
            {line.lost.length > 0 && <Link to="/jobs/$id" params={{ id: line.job }} search={{ tab: 'schedules' }}>{t.lostOf(line.lost.length)}{line.lost[0]!.reason && ` · ${t.latest(line.lost[0]!.reason)}`}</Link>}
          </li>
        ))}
      </ul>
    </Panel>
  )
}

