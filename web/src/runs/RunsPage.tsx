/** The history, newest first. Filters and the place in the list live in the address. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { ChartNoAxesColumn, Columns3, Download, RotateCcw, Square } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { download, endpoint, http } from '../api/http'
import { mayAnyJob } from '../api/permissions'
import { optional, queries } from '../api/queries'
import type { RunsFilter } from '../api/types'
import { Button } from '../ui/Button'
import { httpRequest } from '../ui/commands'
import { useCopyAs } from '../ui/CopyAs'
import { usePreference, useTitle } from '../ui/hooks'
import { Menu } from '../ui/Menu'
import { Empty, Skeleton } from '../ui/parts'
import { InlineProblem, ProblemPanel } from '../ui/Problem'
import { serverNow, shortDay, shortInstant, toMillis } from '../ui/time'
import ui from '../ui/ui.module.css'
import type { BulkRunsAction } from './BulkRuns'
import { COLUMNS, columns, useRunColumns } from './columns'
import { asked, frozen } from './filter'
import { filterWords } from './filterWords'
import { RunFilters } from './RunFilters'
import css from './runs.module.css'
import { RunsTable } from './RunsTable'
import { t } from './words'

const RunStrip = lazy(() => import('./RunStrip').then((module) => ({ default: module.RunStrip })))
const BulkRunsDialog = lazy(() => import('./BulkRuns').then((module) => ({ default: module.BulkRunsDialog })))

const DAY_MS = 86_400_000

export function RunsPage() {
  useTitle(t.title)
  const filter = useSearch({ from: '/shell/runs' })
  const navigate = useNavigate({ from: '/runs' })
  const { data, error, isPending, refetch } = useQuery(queries.runs(filter))
  const { data: me } = useQuery(queries.me())
  const retention = useQuery({ queryKey: ['retention'], queryFn: ({ signal }) => optional(http.get<{ policy: { history_days: number | null } }>('admin/jobs/retention', signal)) })
  const days = retention.data?.policy.history_days ?? undefined
  const isFiltered = Object.entries(filter).some(([key, value]) => key !== 'before' && value)
  const list = useRef<HTMLDivElement>(null)
  const fresh = useFresh(list, data?.runs[0]?.id, data?.runs.map((run) => run.id) ?? [])
  const [plot, setPlot] = usePreference('runsPlot')
  const [chosen, setChosen] = useRunColumns()
  const [bulk, setBulk] = useState<{ action: BulkRunsAction; filter: RunsFilter } | null>(null)
  const file = useMutation({ mutationFn: (format: 'csv' | 'ndjson') => download(api.runsFile(frozen(filter, serverNow()), format)) })
  const copyAs = useCopyAs(() => null, () => httpRequest('GET', endpoint(api.runsFile(asked(filter, serverNow()), 'ndjson'))))
  const some = data !== undefined && data.runs.length > 0
  const mayRun = mayAnyJob(me)
  const open = (action: BulkRunsAction) => setBulk({ action, filter: frozen(filter, serverNow()) })

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <h1>{t.title}</h1>
        <span className="grow" />
        <InlineProblem error={file.error} />
        {copyAs.layer}
        <Button kind="quiet" icon={<ChartNoAxesColumn size={15} aria-hidden />} aria-label={t.plot} title={t.plot} aria-pressed={plot === 'shown'} onClick={() => setPlot(plot === 'shown' ? 'hidden' : 'shown')} />
        <Menu
          label={t.columns}
          icon={<Columns3 size={15} aria-hidden />}
          className={`${ui.button} ${ui.quiet} ${ui.icon}`}
          items={COLUMNS.map((name) => ({ label: columns[name].head, checked: chosen.includes(name), act: () => setChosen(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]) }))}
        />
        <Menu
          label={t.moreRuns}
          items={[
            some && mayRun && { label: t.bulk.cancel, icon: <Square size={14} />, act: () => open('cancel') },
            some && mayRun && { label: t.bulk.replay, icon: <RotateCcw size={14} />, act: () => open('replay') },
            { label: t.csv, icon: <Download size={15} />, act: () => file.mutate('csv') },
            { label: t.ndjson, icon: <Download size={15} />, act: () => file.mutate('ndjson') },
            ...copyAs.items,
          ]}
        />
        {filter.before && <Link to="/runs" search={({ before: _, ...rest }) => rest} className={ui.button}>{t.newest}</Link>}
        {data?.next && <Link to="/runs" search={(old) => ({ ...old, before: data.next! })} className={ui.button}>{t.older}</Link>}
      </header>
      <RunFilters filter={filter} />
      {plot === 'shown' && <Suspense><RunStrip filter={filter} newest={filter.before ? undefined : data?.runs[0]?.id} onSpan={(span) => void navigate({ search: ({ before: _, range: __, ...rest }) => ({ ...rest, ...span }) })} /></Suspense>}
      <div ref={list} className={ui.body}>
        {fresh > 0 && <button type="button" className={`${ui.button} ${ui.primary} ${css.fresh}`} onClick={() => list.current?.scrollTo({ top: 0 })}>{t.fresh(fresh)}</button>}
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} />
        {some && <section className={ui.panel}><RunsTable runs={data.runs} /></section>}
        {data?.runs.length === 0 && (data.incomplete ? <Empty title={t.noneHere} /> : isFiltered ? <Empty title={t.none}><Button onClick={() => void navigate({ search: {} })}>{t.clear}</Button></Empty> : <Empty title={t.noneYet}><span>{t.noneHint}</span></Empty>)}
        {data?.incomplete && <p className="muted" role="status" data-incomplete>{t.incomplete(data.searched_to && shortInstant(toMillis(data.searched_to) ?? 0))}</p>}
        {data?.next && (data.incomplete || data.runs.length > 15) && (
          <div><Link to="/runs" search={(old) => ({ ...old, before: data.next! })} className={ui.button}>{data.incomplete ? t.goOn : t.older}</Link></div>
        )}
        {data && !data.next && (data.runs.length > 0 || filter.from || filter.to || filter.range) && days !== undefined && <p className="muted" data-pruned>{t.pruned(shortDay(serverNow() - days * DAY_MS), days)}</p>}
      </div>
      {bulk && <Suspense><BulkRunsDialog action={bulk.action} filter={bulk.filter} words={filterWords(bulk.filter)} close={() => setBulk(null)} /></Suspense>}
    </div>
  )
}

/** How many runs came in above while the reader was further down. */
function useFresh(list: React.RefObject<HTMLDivElement | null>, newest: string | undefined, ids: string[]): number {
  const [seen, setSeen] = useState<string | undefined>(newest)
  useEffect(() => {
    const body = list.current
    if (!body) return
    const look = () => {
      if (body.scrollTop < 40) setSeen(newest)
    }
    look()
    body.addEventListener('scroll', look, { passive: true })
    return () => body.removeEventListener('scroll', look)
  }, [list, newest])
  return seen === undefined ? 0 : ids.filter((id) => id > seen).length
}
