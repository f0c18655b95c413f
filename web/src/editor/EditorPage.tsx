/** The job editor, under `/jobs/new` and `/jobs/<id>/edit`: reads what is saved, then hands over to the editor. */
import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { isMissing } from '../api/http'
import { useMay } from '../api/permissions'
import { queries } from '../api/queries'
import { useTitle } from '../ui/hooks'
import { Empty, Page, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Editor } from './Editor'
import { isTable } from './exact'
import { newJob } from './model'
import type { Table } from './pointer'
import { editing } from './requests'
import { t } from './words'

export function EditorPage() {
  const { id } = useParams({ strict: false })
  const { from } = useSearch({ strict: false }) as { from?: string }
  const isAllowed = useMay()('settings:jobs')
  useTitle(id ?? t.newTitle)
  if (!isAllowed) return <Page head={<h1>{id ?? t.newTitle}</h1>}><Empty title={t.noRight}>{id && <Link to="/jobs/$id" params={{ id }} search={{ tab: 'definition' }}>{t.toJob}</Link>}</Empty></Page>
  return id === undefined ? <New key={from ?? ''} from={from} /> : <Saved key={id} id={id} />
}

function Saved({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(editing.source(id))
  if (data) return <Editor id={id} source={data} />
  return (
    <Page head={<h1 className="mono">{id}</h1>}>
      {error && (isMissing(error) ? <Empty title={t.gone} /> : <ProblemPanel error={error} retry={() => void refetch()} />)}
      <Skeleton pending={!error} />
    </Page>
  )
}

/** An empty job, or with `from` a copy of another one. */
function New({ from }: { from: string | undefined }) {
  const catalogue = useQuery(queries.jobs())
  const source = useQuery({ ...editing.source(from ?? ''), enabled: from !== undefined })
  const isPending = catalogue.isPending || (from !== undefined && source.isPending)
  if (isPending || source.error) return <Page head={<h1>{t.newTitle}</h1>}>{source.error ? <ProblemPanel error={source.error} /> : <Skeleton pending={isPending} />}</Page>
  const apps = [...new Set((catalogue.data?.jobs ?? []).map((job) => job.app))].filter((app) => !app.startsWith('_')).sort()
  const app = source.data?.app ?? (apps.length === 1 ? apps[0]! : '')
  return <Editor id={null} source={null} copy={source.data ? copyOfJob(source.data.job) : newJob()} apps={apps} app={app} />
}

/** The job of another one under a free id, off until somebody turns it on. */
export function copyOfJob(job: Table): Table {
  const { id, name, enabled: _, ...rest } = job
  const { schedules } = rest
  return { id: `${String(id ?? name ?? 'job')}-copy`, enabled: false, ...rest, ...(Array.isArray(schedules) && { schedules: schedules.filter(isTable) }) }
}
