/** The catalogue: every declared job, in order of its id, with a filter that lives in the address. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { RefreshCw } from 'lucide-react'
import { useDeferredValue, useMemo, useRef } from 'react'
import { api } from '../api/client'
import { queries, queryClient } from '../api/queries'
import { t } from '../i18n/legacy'
import { useShortcuts } from '../app/shortcuts'
import { useTitle } from '../ui/hooks'
import { Button } from '../ui/Button'
import { Empty, Skeleton } from '../ui/parts'
import { InlineProblem, ProblemList, ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { matches } from './filter'
import { JobCard } from './JobCard'
import css from './jobs.module.css'

export function JobsPage() {
  useTitle(t.jobs.title)
  const { q = '' } = useSearch({ from: '/shell/jobs' })
  const navigate = useNavigate({ from: '/jobs' })
  const box = useRef<HTMLInputElement>(null)
  useShortcuts([{ keys: '/', words: t.jobs.filter, act: () => box.current?.focus() }])
  const { data, error, isPending, refetch } = useQuery(queries.jobs())
  const reload = useMutation({
    mutationFn: api.reload,
    onSuccess: () => queryClient.invalidateQueries({ predicate: (query) => query.queryKey[0] === 'jobs' || query.queryKey[0] === 'job' }),
  })
  const fileProblems = data?.problems ?? []
  const wanted = useDeferredValue(q)
  const all = useMemo(() => [...(data?.jobs ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1)), [data])
  const shown = useMemo(() => all.filter((job) => matches(job, wanted)), [all, wanted])
  const setFilter = (text: string) => void navigate({ search: text ? { q: text } : {}, replace: true })

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <h1>{t.jobs.title}</h1>
        <input
          ref={box}
          type="search"
          className={css.filter}
          aria-label={t.jobs.filter}
          placeholder={t.jobs.filterHint}
          value={q}
          onChange={(event) => setFilter(event.target.value)}
        />
        {data && <span className="muted" role="status">{t.jobs.count(shown.length, all.length)}</span>}
        <span className="grow" />
        {reload.isSuccess && <span className="muted" role="status">{t.jobs.reloaded(reload.data.jobs, reload.data.problems.length)}</span>}
        <InlineProblem error={reload.error} />
        <Button icon={<RefreshCw size={14} aria-hidden />} pending={reload.isPending} title={t.jobs.reloadHint} onClick={() => reload.mutate()}>
          {reload.isPending ? t.jobs.reloading : t.jobs.reload}
        </Button>
      </header>
      <div className={ui.body}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        {fileProblems.length > 0 && (
          <section className={ui.problem} aria-label={t.problems.title}>
            <h2>{t.problems.title}</h2>
            <ProblemList problems={fileProblems} />
          </section>
        )}
        <Skeleton pending={isPending} />
        {shown.map((job) => <JobCard key={job.id} job={job} />)}
        {data && all.length === 0 && <Empty title={t.jobs.none}>{t.jobs.noneHint}</Empty>}
        {all.length > 0 && shown.length === 0 && (
          <Empty title={t.jobs.noMatch}><Button onClick={() => setFilter('')}>{t.jobs.clear}</Button></Empty>
        )}
      </div>
    </div>
  )
}
