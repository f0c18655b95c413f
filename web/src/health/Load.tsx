/** How busy the last day was, in quarters of an hour: runs, runs that waited, lines, connections. As pictures and as a table. */
import { useQuery } from '@tanstack/react-query'
import { RotateCw } from 'lucide-react'
import { number } from '../i18n'
import { Button } from '../ui/Button'
import { DataTable, type Column } from '../ui/DataTable'
import { usePreference } from '../ui/hooks'
import { Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { clock, shortInstant } from '../ui/time'
import { At } from '../ui/Times'
import css from './health.module.css'
import { busy, lastDay, loadQuery, poolSeries, series, type Load, type Series } from './load'
import { t } from './loadWords'

const HEIGHT = 48
const WIDTH = 720
/** Instants that are written below, the first and the last among them. */
const MARKS = 5

/** Small rates have a digit behind the point. */
const rate = (value: number) => number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))

const columns: Column<ReturnType<typeof busy>[number]>[] = [
  { id: 'at', head: t.quarter, cell: (row) => <At at={row.at} /> },
  { id: 'running', head: t.running, number: true, label: t.running, cell: (row) => number(row.running) },
  { id: 'queued', head: t.queued, number: true, label: t.queued, cell: (row) => number(row.queued) },
  { id: 'lines', head: t.lines, number: true, label: t.lines, cell: (row) => rate(row.lines_per_second) },
  { id: 'pools', head: t.pools, breaks: true, cell: (row) => <span className="mono">{row.pools || '–'}</span> },
]

export function LoadPanel() {
  const { data, error, isPending, isFetching, refetch } = useQuery(loadQuery())
  const again = <>{data && <small className="muted">{t.asOf} <At at={data.to} /></small>}<Button icon={<RotateCw size={13} aria-hidden />} pending={isFetching && !isPending} onClick={() => void refetch()}>{t.refresh}</Button></>
  return (
    <Panel title={<>{t.title} <span className="muted">{t.hours}</span></>} actions={again}>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && <Charts load={lastDay(data)} />}
    </Panel>
  )
}

function Charts({ load }: { load: Load }) {
  usePreference('zone')
  const of = (pick: (stretch: Load['stretches'][number]) => number) => series(load.stretches, load.stretches.map(pick))
  const used = load.pools.filter((pool) => pool.stretches.some((stretch) => stretch.in_use > 0 || stretch.waiting > 0))
  const unused = load.pools.filter((pool) => !used.includes(pool))
  const rows = busy(load)
  return (
    <>
      <p className={`${css.notes} muted`}>{t.hint}</p>
      <div className={css.loads}>
        <Chart name={t.running} load={load} found={of((stretch) => stretch.running)} />
        <Chart name={t.queued} load={load} found={of((stretch) => stretch.queued)} />
        <Chart name={t.lines} load={load} found={of((stretch) => stretch.lines_per_second)} />
        {used.map((pool) => <Chart key={pool.name} name={t.pool(pool.name)} load={load} found={poolSeries(load, pool, (stretch) => stretch.in_use)} size={pool.size} />)}
        {used.map((pool) => {
          const waited = poolSeries(load, pool, (stretch) => stretch.waiting)
          return waited.most > 0 && <Chart key={`${pool.name} waiting`} name={t.waiting(pool.name)} load={load} found={waited} />
        })}
      </div>
      {load.pools.length > 0 && <p className={`${css.notes} muted`}><span>{t.poolHint(load.replica)}{unused.length > 0 && <> {t.unused}: <span className="mono">{unused.map((pool) => pool.name).join(', ')}</span>.</>}</span></p>}
      <details className={css.more}>
        <summary>{t.table}</summary>
        {rows.length === 0 ? <p className={css.notes}>{t.quiet}</p> : (
          <>
            <DataTable label={t.title} columns={columns} rows={rows} rowKey={(row) => row.at} />
            <p className={`${css.notes} muted`}>{t.leftOut}</p>
          </>
        )}
      </details>
    </>
  )
}

/** One bar for each stretch. Drawn with attributes only: the page forbids styles of its own making. */
function Chart({ name, load, found, size }: { name: string; load: Load; found: Series; size?: number }) {
  const top = Math.max(size ?? 0, found.most) || 1
  const step = WIDTH / load.stretches.length
  const value = (n: number) => (size === undefined ? rate(n) : t.of(number(n), size))
  const most = found.at === null ? t.never : t.most(value(found.most), shortInstant(Date.parse(found.at)))
  const from = Date.parse(load.stretches[0]!.at)
  const marks = Array.from({ length: MARKS }, (_, i) => from + (i * load.stretches.length * load.stretch_seconds * 1000) / (MARKS - 1))
  return (
    <figure className={css.load} data-load={name}>
      <figcaption><strong>{name}</strong> <span className="muted">{most}</span></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t.label(name, most)} preserveAspectRatio="none">
        {marks.map((_, i) => <line key={i} className={css.mark} x1={(i * WIDTH) / (MARKS - 1)} x2={(i * WIDTH) / (MARKS - 1)} y1={0} y2={HEIGHT} />)}
        {found.values.map((each, i) => {
          const tall = each === null || each === 0 ? 0 : Math.max(2, (each / top) * (HEIGHT - 2))
          const at = load.stretches[i]!.at
          return (
            <g key={at}>
              {each !== null && <title>{t.bar(shortInstant(Date.parse(at)), value(each))}</title>}
              <rect className={css.ground} x={i * step} y={0} width={step} height={HEIGHT} />
              {tall > 0 && <rect className={css.bar} x={i * step + step * 0.1} y={HEIGHT - tall} width={step * 0.8} height={tall} />}
            </g>
          )
        })}
        <line className={css.base} x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      </svg>
      <div className={css.times} aria-hidden="true">{marks.map((at) => <span key={at}>{clock(at).slice(0, 5)}</span>)}</div>
    </figure>
  )
}
