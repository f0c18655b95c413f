/** The catalogue: every declared job, in order of its id, with a filter, facets and a view that live in the address. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { CalendarDays, ChevronDown, LayoutList, Plus, RefreshCw, Rows3, SquareCheckBig } from 'lucide-react'
import { lazy, startTransition, Suspense, useCallback, useEffect, useMemo, useState } from 'react'
import { api } from '../api/client'
import { mayAnyJob } from '../api/permissions'
import { queries, queryClient } from '../api/queries'
import type { JobCard as Job, JobsDocument, RunStatus } from '../api/types'
import { Button } from '../ui/Button'
import { usePreference, useTitle } from '../ui/hooks'
import { Empty, Skeleton } from '../ui/parts'
import { InlineProblem, ProblemList, ProblemPanel } from '../ui/Problem'
import { Badge } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { useJobRights } from './actions'
import type { BulkAction } from './Bulk'
import { FACETS, group, isInternal, matches, sortJobs, worst, type Facet } from './filter'
import { FacetBar } from './FacetBar'
import { FilterBox } from './FilterBox'
import { histories as historiesOf, type Histories } from './history'
import { InFlight } from './InFlight'
import { JobCard } from './JobCard'
import css from './jobs.module.css'
import { useCardKeys } from './keys'
import { reloadWords } from './reload'
import { t } from './words'

const JobTable = lazy(() => import('./JobTable').then((module) => ({ default: module.JobTable })))
const BulkDialog = lazy(() => import('./Bulk').then((module) => ({ default: module.BulkDialog })))

/** So many cards at once; the others follow when the first are on screen. */
const FIRST = 30
const NO_HISTORY: Histories = new Map()

export function JobsPage() {
  useTitle(t.title)
  const search = useSearch({ from: '/shell/jobs' })
  const navigate = useNavigate({ from: '/jobs' })
  const { data, error, isPending, refetch } = useQuery(queries.jobs())
  const { data: me } = useQuery(queries.me())
  const recent = useQuery({ ...queries.recent(), enabled: data !== undefined })
  const histories = useMemo(() => (recent.data ? historiesOf(recent.data.jobs) : NO_HISTORY), [recent.data])
  const rights = useJobRights('')
  const [view, setView] = usePreference('jobsView')
  const [by] = usePreference('jobsGroup')
  const [query, setQuery] = useState(search.q ?? '')
  const writeAddress = useCallback((q: string) => void navigate({ search: (old) => ({ ...old, q: q || undefined }), replace: true }), [navigate])
  const [selected, setSelected] = useState<ReadonlySet<string> | null>(null)
  const [bulk, setBulk] = useState<BulkAction | null>(null)
  const reload = useReload()
  useCardKeys()

  const all = useMemo(() => sortJobs(data?.jobs ?? [], search.sort ?? 'id', (id) => histories.get(id)?.medianMs ?? null), [data, search.sort, histories])
  const facets = JSON.stringify(FACETS.map((facet) => search[facet] ?? null))
  const shown = useMemo(() => all.filter((job) => matches(job, query, search)), [all, query, facets])
  const groups = useMemo(() => group(shown, by, t.noTag), [shown, by])
  const onSelect = useCallback((id: string, on: boolean) => setSelected((old) => {
    const next = new Set(old)
    if (on) next.add(id)
    else next.delete(id)
    return next
  }), [])
  const clear = () => {
    setQuery('')
    void navigate({ search: ({ sort }) => (sort ? { sort } : {}), replace: true })
  }
  const isFiltered = query !== '' || FACETS.some((facet) => search[facet])
  const limit = useFirstFew(shown.length)
  let left = limit

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <h1>{t.title}</h1>
        <FilterBox inAddress={search.q ?? ''} onQuery={setQuery} write={writeAddress} />
        {data && <span className="muted" role="status">{t.count(countOwn(shown), countOwn(all))}</span>}
        <span className="grow" />
        {reload.isSuccess && <span className={`muted ${css.said}`} role="status" title={reload.data}>{reload.data}</span>}
        <InlineProblem error={reload.error} />
        {rights.edit && <Link to="/jobs/new" className={`${ui.button} ${ui.primary}`}><Plus size={14} aria-hidden />{t.newJob}</Link>}
        {mayAnyJob(me) && <Link to="/schedule" className={ui.button} aria-label={t.scheduleView} title={t.scheduleView}><CalendarDays size={14} aria-hidden /><span className={css.wide}>{t.scheduleView}</span></Link>}
        <Button icon={<RefreshCw size={14} aria-hidden />} pending={reload.isPending} aria-label={reload.isPending ? t.reloading : t.reload} title={t.reloadHint} onClick={() => reload.mutate()}>
          <span className={css.wide}>{reload.isPending ? t.reloading : t.reload}</span>
        </Button>
      </header>
      <FacetBar jobs={all} chosen={search} onChoose={(facet: Facet, value) => void navigate({ search: (old) => ({ ...old, q: query || undefined, [facet]: value || undefined }), replace: true })}>
        {isFiltered && <button type="button" className={ui.linkButton} onClick={clear}>{t.clearAll}</button>}
        <span className={css.views}>
        <Button kind="quiet" icon={<SquareCheckBig size={14} aria-hidden />} aria-pressed={selected !== null} onClick={() => setSelected(selected ? null : new Set())}>{t.select}</Button>
        <Button kind="quiet" icon={<LayoutList size={14} aria-hidden />} aria-label={t.cards} title={t.cards} aria-pressed={view === 'cards'} onClick={() => setView('cards')} />
        <Button kind="quiet" icon={<Rows3 size={14} aria-hidden />} aria-label={t.table} title={t.table} aria-pressed={view === 'table'} onClick={() => setView('table')} />
        </span>
      </FacetBar>
      <div className={`${ui.body} ${css.list}`}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        {data && data.problems.length > 0 && (
          <section className={ui.problem} aria-label={t.problemsTitle}>
            <h2>{t.problemsTitle}</h2>
            <ProblemList problems={data.problems} />
          </section>
        )}
        {data && <InFlight jobs={data.jobs} />}
        {selected && (
          <div className={css.selection} role="toolbar" aria-label={t.selected(selected.size)}>
            <strong>{t.selected(selected.size)}</strong>
            <button type="button" className={ui.linkButton} onClick={() => setSelected(new Set(shown.map((job) => job.id)))}>{t.selectAll}</button>
            <span className="grow" />
            {rights.edit && <Button disabled={selected.size === 0} onClick={() => setBulk('enable')}>{t.bulk.enable}</Button>}
            {rights.edit && <Button disabled={selected.size === 0} onClick={() => setBulk('disable')}>{t.bulk.disable}</Button>}
            <Button disabled={selected.size === 0} onClick={() => setBulk('run')}>{t.bulk.run}</Button>
            {rights.edit && <Button disabled={selected.size === 0} onClick={() => setBulk('tag')}>{t.bulk.tag}</Button>}
            <Button onClick={() => setSelected(null)}>{t.unselect}</Button>
          </div>
        )}
        <Skeleton pending={isPending} />
        {groups.map(([name, jobs]) => {
          const part = jobs.slice(0, Math.max(0, left))
          left -= jobs.length
          const rows = view === 'table'
            ? <Suspense><JobTable jobs={jobs} histories={histories} sort={search.sort ?? 'id'} onSort={(sort) => void navigate({ search: (old) => ({ ...old, sort }), replace: true })} selected={selected ?? new Set()} onSelect={selected ? onSelect : undefined} /></Suspense>
            : part.map((job) => <JobCard key={job.id} job={job} history={histories.get(job.id)} selected={selected?.has(job.id) ?? false} onSelect={selected ? onSelect : undefined} />)
          if (by === 'none') return <div key="" className={css.list}>{jobs.length > 0 && rows}</div>
          const state = worst(jobs)
          return (
            <details key={name} open className={css.group}>
              <summary aria-label={t.groupOf(name, jobs.length)}>
                <ChevronDown size={14} aria-hidden /><span className="mono">{name}</span> <span className="muted">{jobs.length}</span>
                {state === 'INVALID' ? <span className={`${ui.badge} ${ui.FAILED}`}>{t.invalid}</span> : state !== 'NEVER' && <Badge status={state as RunStatus} />}
              </summary>
              <div className={css.list}>{rows}</div>
            </details>
          )
        })}
        {data && all.length === 0 && (
          <Empty title={t.none}>
            <span>{t.noneHint}</span>
            {rights.edit && <Link to="/jobs/new" className={`${ui.button} ${ui.primary}`}><Plus size={14} aria-hidden />{t.newJob}</Link>}
          </Empty>
        )}
        {all.length > 0 && shown.length === 0 && <Empty title={t.noMatch}><Button onClick={clear}>{t.clear}</Button></Empty>}
      </div>
      {bulk && selected && <Suspense><BulkDialog action={bulk} jobs={all.filter((job) => selected.has(job.id))} close={() => setBulk(null)} /></Suspense>}
    </div>
  )
}

/** Jobs of the server's own are listed but not counted. */
function countOwn(jobs: Job[]): number {
  return jobs.filter((job) => !isInternal(job)).length
}

/** A few first, so that the page is there at once; then all, in pieces that may be interrupted. */
function useFirstFew(all: number): number {
  const [limit, setLimit] = useState(FIRST)
  useEffect(() => {
    if (limit >= all) return
    const id = setTimeout(() => startTransition(() => setLimit((old) => old * 3)), 30)
    return () => clearTimeout(id)
  }, [limit, all])
  return limit
}

function useReload() {
  return useMutation({
    mutationFn: async () => {
      const before = queryClient.getQueryData<JobsDocument>(['jobs'])?.jobs ?? []
      const report = await api.reload()
      await queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'jobs' || queryKey[0] === 'job' })
      return reloadWords(report, before, queryClient.getQueryData<JobsDocument>(['jobs'])?.jobs ?? [])
    },
  })
}
