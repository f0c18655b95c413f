/** How a pool was used in the last quarter of an hour: connections in use, and steps that had to wait for one. */
import { useQuery } from '@tanstack/react-query'
import { Panel } from '../ui/parts'
import { duration } from '../ui/time'
import { connectorQueries, type PoolHistory } from './connectors'
import css from './connectors.module.css'
import { e } from './editWords'

const BARS = 180
const HEIGHT = 40

/** What the samples come to. */
export function sumUp(history: PoolHistory): { queued: number; gaveUp: number; longest: number; most: number } {
  const most = (pick: (at: number) => number) => history.samples.reduce((found, _, at) => Math.max(found, pick(at)), 0)
  const sum = (pick: (at: number) => number) => history.samples.reduce((found, _, at) => found + pick(at), 0)
  const at = (index: number) => history.samples[index]!
  return { queued: sum((i) => at(i).queued), gaveUp: sum((i) => at(i).gave_up), longest: most((i) => at(i).longest_ms), most: most((i) => at(i).in_use) }
}

export function History({ name }: { name: string }) {
  const { data } = useQuery(connectorQueries.history(name))
  if (!data) return null
  const total = sumUp(data)
  const peak = Math.max(1, ...data.samples.map((sample) => sample.queued))
  // Waits count once they have ended: until then there is no longest one.
  const words = total.queued === 0 ? e.calm : [e.queued(total.queued), total.gaveUp > 0 && e.gaveUp(total.gaveUp), total.longest > 0 && e.longest(duration(total.longest))].filter(Boolean).join(', ') + '.'
  return (
    <Panel title={e.history}>
      <div className={css.history} data-queued={total.queued}>
        {data.samples.length === 0 ? <p className="muted">{e.noHistory}</p> : (
          <>
            <p>{words} <span className="muted">{e.mostInUse(total.most, data.size)} · {e.historyHint}</span></p>
            {total.queued > 0 && <p role="note">{e.advice}</p>}
            {(total.queued > 0 || total.most > 0) && <Chart history={data} peak={peak} words={words} />}
          </>
        )}
      </div>
    </Panel>
  )
}

function Chart({ history, peak, words }: { history: PoolHistory; peak: number; words: string }) {
  const first = BARS - history.samples.length
  return (
    <>
      <svg viewBox={`0 0 ${BARS} ${HEIGHT * 2 + 4}`} preserveAspectRatio="none" role="img" aria-label={`${e.inUseBars}, ${e.queuedBars}: ${words}`}>
        <line x1="0" x2={BARS} y1={HEIGHT} y2={HEIGHT} className={css.axis} />
        {history.samples.map((sample, at) => {
          const used = Math.min(1, sample.in_use / history.size) * HEIGHT
          const queued = (sample.queued / peak) * HEIGHT
          return (
            <g key={sample.at}>
              {used > 0 && <rect x={first + at} y={HEIGHT - used} width="0.8" height={used} className={css.used} />}
              {queued > 0 && <rect x={first + at} y={HEIGHT + 2} width="0.8" height={queued} className={css.queued} />}
            </g>
          )
        })}
      </svg>
      <p className={`muted ${css.legend}`}><span className={css.usedKey}>{e.inUseBars}</span> <span className={css.queuedKey}>{e.queuedBars}</span></p>
    </>
  )
}
