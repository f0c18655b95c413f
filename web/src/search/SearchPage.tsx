/** Search over the logs of all runs, the newest lines first. Words and filters stand in the address; a hit opens the log at its line. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { useState } from 'react'
import { http } from '../api/http'
import { queries } from '../api/queries'
import { toggled } from '../runs/filter'
import { Button } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { TimeFilter } from '../ui/filters'
import { useTitle } from '../ui/hooks'
import { Empty, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { serverNow, shortInstant, toMillis } from '../ui/time'
import { At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { address, grouped, pieces, type Group, type LogHit, type LogHitPage, type LogsSearch } from './search'
import css from './search.module.css'
import { t } from './words'

const LEVELS = ['INFO', 'WARNING', 'ERROR']

const told = (instant: string) => shortInstant(toMillis(instant) ?? 0)

export function SearchPage() {
  useTitle(t.title)
  const search = useSearch({ from: '/shell/logs' })
  const navigate = useNavigate({ from: '/logs' })
  const found = useInfiniteQuery({
    queryKey: ['log-search', search],
    queryFn: ({ pageParam, signal }) => http.get<LogHitPage>(address(search, pageParam, serverNow()), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    enabled: !!search.q,
    // New lines may have come since.
    staleTime: 0,
    retry: false,
  })
  const hits = found.data?.pages.flatMap((page) => page.hits) ?? []
  const last = found.data?.pages.at(-1)
  const isFiltered = Object.entries(search).some(([key, value]) => key !== 'q' && value)
  const choose = (what: Partial<LogsSearch>) => void navigate({ search: (old) => ({ ...old, ...what }), replace: true })

  return (
    <div className={ui.page}>
      <header className={ui.head}><h1>{t.title}</h1></header>
      <div className={css.filters}>
        <Box key={search.q ?? ''} q={search.q ?? ''} pending={found.isFetching} onSearch={(q) => (q === search.q ? void found.refetch() : void navigate({ search: (old) => ({ ...old, q: q || undefined }) }))} />
        <Filters search={search} choose={choose} />
        {isFiltered && <button type="button" className={ui.linkButton} onClick={() => void navigate({ search: { q: search.q }, replace: true })}>{t.clear}</button>}
      </div>
      <div className={ui.body}>
        {!search.q && <Empty title={t.begin}><span>{t.hint}</span></Empty>}
        {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
        <Skeleton pending={!!search.q && found.isPending} />
        {last?.indexed_from && <p className={css.notice}>{t.indexing(told(last.indexed_from))}</p>}
        {hits.length > 0 && <p className={css.summary} role="status"><span>{t.hits(hits.length, found.hasNextPage)}</span><span>{t.newest}</span></p>}
        {last && hits.length === 0 && <Empty title={last.next_cursor ? t.noneHere : t.none}><span>{last.next_cursor ? '' : t.noneHint}</span></Empty>}
        {grouped(hits).map((group) => <RunHits key={`${group.run_id} ${group.hits[0]!.number}`} group={group} />)}
        {last?.incomplete && <p className={css.notice} role="status">{t.incomplete}</p>}
        {found.hasNextPage && <div><Button pending={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{found.isFetchingNextPage ? t.loading : t.more}</Button></div>}
      </div>
    </div>
  )
}

function Box({ q, pending, onSearch }: { q: string; pending: boolean; onSearch: (q: string) => void }) {
  const [text, setText] = useState(q)
  return (
    <form
      role="search"
      className={css.box}
      onSubmit={(event) => {
        event.preventDefault()
        onSearch(text.trim())
      }}
    >
      <input type="search" aria-label={t.words} placeholder={t.box} autoComplete="off" spellCheck={false} autoFocus value={text} onChange={(event) => setText(event.target.value)} />
      <Button kind="primary" type="submit" pending={pending}>{pending ? t.searching : q && text.trim() === q ? t.again : t.search}</Button>
    </form>
  )
}

function Filters({ search, choose }: { search: LogsSearch; choose: (what: Partial<LogsSearch>) => void }) {
  const jobs = useQuery(queries.jobs())
  const [jobText, setJobText] = useState('')
  const chosen = search.job?.split(',') ?? []
  return (
    <>
      <span className={css.job}>
        <Combobox
          aria-label={t.job}
          placeholder={t.allJobs}
          value={jobText}
          options={(jobs.data?.jobs ?? []).filter((job) => !chosen.includes(job.id)).map((job) => ({ value: job.id, words: job.tags.join(' ') }))}
          onChange={(id) => {
            setJobText('')
            choose({ job: toggled(search.job, id) })
          }}
        />
      </span>
      <select aria-label={t.level} value={search.level ?? ''} onChange={(event) => choose({ level: event.target.value || undefined })}>
        <option value="">{t.anyLevel}</option>
        {LEVELS.map((each) => <option key={each} value={each}>{each === 'ERROR' ? each : `≥ ${each}`}</option>)}
      </select>
      <TimeFilter range={search.range} from={search.from} to={search.to} onChange={choose} />
      {chosen.map((id) => <Chip key={id} text={id} onClick={() => choose({ job: toggled(search.job, id) })} />)}
      {search.from && <Chip text={t.from(told(search.from))} onClick={() => choose({ from: undefined })} />}
      {search.to && <Chip text={t.to(told(search.to))} onClick={() => choose({ to: undefined })} />}
    </>
  )
}

function Chip({ text, onClick }: { text: string; onClick: () => void }) {
  return <button type="button" className={css.chip} aria-label={`${t.clear}: ${text}`} onClick={onClick}><span className="mono">{text}</span><X size={12} aria-hidden /></button>
}

function RunHits({ group }: { group: Group }) {
  return (
    <section className={ui.panel} aria-label={t.ofRun(group.run_id)} data-run={group.run_id}>
      <div className={css.runHead}>
        <h2><Link to="/jobs/$id" params={{ id: group.job_id }} className="mono">{group.job_id}</Link></h2>
        <Link to="/runs/$id" params={{ id: group.run_id }} className="mono">{group.run_id}</Link>
        <span className="muted"><At at={group.hits[0]!.at} /></span>
      </div>
      <ol className={css.hits}>{group.hits.map((hit) => <li key={hit.number}><Line hit={hit} /></li>)}</ol>
    </section>
  )
}

function Line({ hit }: { hit: LogHit }) {
  const line = hit.number + 1
  return (
    <Link to="/runs/$id" params={{ id: hit.run_id }} hash={`L${line}`} className={css.hit} data-hit={line}>
      <span className={css.at}><At at={hit.at} /></span>
      <span className={css.level} data-level={hit.level}>{hit.level}</span>
      <span className={css.number} title={t.line(line)}>{line}</span>
      <span className={css.text}>
        {hit.step && <span className={css.step}>[{hit.step}] </span>}
        {pieces(hit.text, hit.marks).map((piece, i) => (piece.marked ? <mark key={i}>{piece.text}</mark> : piece.text))}
      </span>
    </Link>
  )
}
