/** This run beside another of the same job: lengths and rows step by step, and the values that differ. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { api } from '../api/client'
import { optional, queries } from '../api/queries'
import type { RunDocument } from '../api/types'
import { count } from '../i18n'
import { textOf } from '../jobs/overrides'
import { Button } from '../ui/Button'
import { Skeleton } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { Badge } from '../ui/Status'
import { duration } from '../ui/time'
import ui from '../ui/ui.module.css'
import { compareSteps, differing, flat } from './compare'
import css from './runs.module.css'
import { given } from './RunFacts'
import { t } from './words'

/** `other` is the id of a run, or `success` for the last one before this that succeeded. */
export function Compare({ document, other, close }: { document: RunDocument; other: string; close: () => void }) {
  const { run } = document
  const found = useQuery({
    queryKey: ['run-success-before', run.id],
    queryFn: async ({ signal }) => (await api.runs({ job: run.job_id, status: 'SUCCEEDED', before: run.id }, 1, signal)).runs[0]?.id ?? null,
    enabled: other === 'success',
  })
  const id = other === 'success' ? found.data : other
  const that = useQuery({ ...queries.run(id ?? ''), enabled: Boolean(id) })
  return (
    <section className={css.compare} aria-label={t.compareTitle(id ?? '')}>
      <div className={css.compareHead}>
        <h2>{id ? <>{t.compareTitle('')} <Link to="/runs/$id" params={{ id }} className="mono">{id}</Link></> : found.data === null ? t.noSuccess : t.compareSuccess}</h2>
        {that.data && <Badge status={that.data.run.status} />}
        <span className="grow" />
        <Button kind="quiet" icon={<X size={14} aria-hidden />} aria-label={t.closeCompare} onClick={close} />
      </div>
      <InlineProblem error={found.error ?? that.error} />
      <Skeleton pending={that.isLoading} rows={1} />
      {that.data && <Definitions left={run.id} right={that.data.run.id} />}
      {that.data && <Table left={document} right={that.data} />}
    </section>
  )
}

/** Where the definitions the two runs were recorded with are not the same. */
function Definitions({ left, right }: { left: string; right: string }) {
  const read = (id: string) => ({ queryKey: ['run-definition', id], queryFn: ({ signal }: { signal: AbortSignal }) => optional(api.definition(id, signal)) })
  const [a, b] = [useQuery(read(left)), useQuery(read(right))]
  if (!a.data || !b.data) return null
  const values = differing(flat(a.data), flat(b.data))
  if (values.length === 0) return <p className="muted">{t.sameDefinition}</p>
  return (
    <>
      <h3>{t.otherDefinition}</h3>
      <Differences values={values} />
    </>
  )
}

function Differences({ values }: { values: ReturnType<typeof differing> }) {
  return (
    <ul className={css.differs}>
      {values.map((each) => <li key={each.name} className="mono">{each.name}: {each.left === undefined ? '–' : textOf(each.left)} ← {each.right === undefined ? '–' : textOf(each.right)}</li>)}
    </ul>
  )
}

function Table({ left, right }: { left: RunDocument; right: RunDocument }) {
  const values = differing(given(left.run), given(right.run))
  const time = (ms: number | null) => (ms === null ? '–' : duration(ms))
  return (
    <>
      {values.length === 0 ? <p className="muted">{t.noDifference}</p> : <Differences values={values} />}
      <table className={ui.table}>
        <thead>
          <tr>
            <th scope="col">{t.step}</th><th scope="col" className={ui.number}>{t.duration}: {t.thisRun}</th><th scope="col" className={ui.number}>{t.otherRun}</th>
            <th scope="col" className={ui.number}>{t.rows}: {t.thisRun}</th><th scope="col" className={ui.number}>{t.otherRun}</th>
          </tr>
        </thead>
        <tbody>
          {compareSteps(left.steps, right.steps).map((row) => (
            <tr key={row.name}>
              <td className="mono">{row.name}</td>
              <td className={ui.number}>{time(row.left.ms)}{row.times !== null && row.times >= 2 && <strong> {t.slow(`${row.times.toFixed(1)}×`)}</strong>}</td>
              <td className={ui.number}>{time(row.right.ms)}</td>
              <td className={ui.number}>{count(row.left.rows)}</td>
              <td className={ui.number}>{count(row.right.rows)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
