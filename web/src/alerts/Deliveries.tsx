/** What became of every message: a log with filters in the address, each delivery with its attempts, and sending it again. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { RotateCw } from 'lucide-react'
import { queries } from '../api/queries'
import { ActionButton, Button } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { DataTable, type Column } from '../ui/DataTable'
import { Dialog } from '../ui/Dialog'
import { Empty, Fact, Facts, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Ago, At } from '../ui/Times'
import { t as shared } from '../ui/words'
import ui from '../ui/ui.module.css'
import { alertQueries, alerts, OUTCOMES, type Delivery, type DeliveryFilter } from './api'
import css from './alerts.module.css'
import { Outcome } from './Outcome'
import { refreshAlerts } from './Transports'
import { useNews } from './useNews'
import { t } from './words'

interface Search extends DeliveryFilter {
  delivery?: string | undefined
}

const columns = (open: (id: string) => void): Column<Delivery>[] => [
  { id: 'at', head: t.time, cell: (row) => <span className={ui.nowrap}><Ago at={row.at} /></span> },
  { id: 'outcome', head: t.outcome, cell: (row) => <Outcome outcome={row.outcome} /> },
  { id: 'event', head: t.event, cell: (row) => <>{t.eventNames[row.event] ?? row.event}{row.count > 1 && <span className="muted"> · {t.events_(row.count)}</span>}</> },
  { id: 'job', head: t.job, cell: (row) => (row.event === 'test' || !row.job_id ? '–' : <Link to="/jobs/$id" params={{ id: row.job_id }}><span className="mono">{row.job_id}</span></Link>) },
  { id: 'run', head: t.run, cell: (row) => (row.run_id ? <Link to="/runs/$id" params={{ id: row.run_id }}><span className="mono">{row.run_id.slice(-8)}</span></Link> : null) },
  { id: 'to', head: t.transport, breaks: true, cell: (row) => <><code>{row.transport || '–'}</code>{row.recipient && <> → <code>{row.recipient}</code></>}</> },
  { id: 'attempts', head: t.attempts, number: true, label: t.attempts, cell: (row) => row.attempts },
  { id: 'error', head: t.error, breaks: true, cell: (row) => (row.next_attempt_at && row.attempts > 0 ? <>{row.error} <span className="muted">{t.next} <Ago at={row.next_attempt_at} /></span></> : row.error) },
  { id: 'open', head: <span className="unseen">{t.details}</span>, cell: (row) => <button type="button" className={ui.linkButton} aria-label={`${t.details}: ${row.id}`} onClick={() => open(row.id)}>{t.details}</button> },
]

export function Deliveries() {
  const search = useSearch({ strict: false }) as Search
  const { delivery, ...filter } = search
  const navigate = useNavigate()
  const go = (next: Search) => void navigate({ to: '/alerts/$tab', params: { tab: 'deliveries' }, search: next as Record<string, string | undefined>, replace: true })
  const choose = (key: keyof DeliveryFilter, value: string | undefined) => go({ ...filter, cursor: undefined, [key]: value || undefined })
  const transports = useQuery(alertQueries.transports())
  const jobs = useQuery(queries.jobs())
  const { data, error, isPending, refetch, dataUpdatedAt } = useQuery(alertQueries.deliveries(filter))
  useNews(data?.deliveries, dataUpdatedAt)
  const isFiltered = Boolean(filter.transport || filter.outcome || filter.job)
  return (
    <>
      <div className={css.filters}>
        <select aria-label={t.transport} value={filter.transport ?? ''} onChange={(event) => choose('transport', event.target.value)}>
          <option value="">{t.anyTransport}</option>
          {transports.data?.transports.map((each) => <option key={each.name} value={each.name}>{each.name}</option>)}
        </select>
        <select aria-label={t.outcome} value={filter.outcome ?? ''} onChange={(event) => choose('outcome', event.target.value)}>
          <option value="">{t.anyOutcome}</option>
          {OUTCOMES.map((each) => <option key={each} value={each}>{t.outcomes[each]}</option>)}
        </select>
        <Combobox aria-label={t.job} placeholder={t.allJobs} value={filter.job ?? ''} options={(jobs.data?.jobs ?? []).map((each) => ({ value: each.id }))} onChange={(id) => choose('job', id)} />
        {isFiltered && <button type="button" className={ui.linkButton} onClick={() => go({})}>{shared.clear}</button>}
        <span className="grow" />
        {filter.cursor && <Button onClick={() => go({ ...filter, cursor: undefined })}>{t.newest}</Button>}
        {data?.next_cursor && <Button onClick={() => go({ ...filter, cursor: data.next_cursor! })}>{t.older}</Button>}
      </div>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && data.deliveries.length > 0 && <section className={ui.panel}><DataTable label={t.tabs.deliveries} columns={columns((id) => go({ ...search, delivery: id }))} rows={data.deliveries} rowKey={(row) => row.id} /></section>}
      {data?.deliveries.length === 0 && (isFiltered || filter.cursor ? <Empty title={t.noneFit}><Button onClick={() => go({})}>{shared.clear}</Button></Empty> : <Empty title={t.noDeliveries}><span>{t.noDeliveriesHint}</span></Empty>)}
      {delivery && <Detail key={delivery} id={delivery} close={() => go(filter)} open={(id) => go({ ...filter, delivery: id })} />}
    </>
  )
}

function Detail({ id, close, open }: { id: string; close: () => void; open: (id: string) => void }) {
  const { data, error, isPending, refetch } = useQuery(alertQueries.delivery(id))
  const resend = useMutation({ mutationFn: () => alerts.resend(id), onSuccess: refreshAlerts })
  const isOver = data?.outcome === 'SENT' || data?.outcome === 'FAILED'
  return (
    <Dialog
      title={t.deliveryTitle(id)}
      close={close}
      foot={
        <>
          {resend.data && <button type="button" className={ui.linkButton} onClick={() => open(resend.data.id)}>{t.deliveryTitle(resend.data.id)}</button>}
          {isOver && data?.event !== 'test' && <ActionButton icon={<RotateCw size={13} aria-hidden />} action={resend} waiting={t.resending} done={t.resent} onClick={() => resend.mutate()}>{t.resend}</ActionButton>}
          <Button onClick={close}>{shared.close}</Button>
        </>
      }
    >
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} rows={2} />
      {data && (
        <>
          <Facts>
            <Fact name={t.outcome}><Outcome outcome={data.outcome} /></Fact>
            <Fact name={t.time}><At at={data.at} /></Fact>
            <Fact name={t.transport}><code>{data.transport || '–'}</code></Fact>
            <Fact name={t.recipient}>{data.recipient ? <code>{data.recipient}</code> : t.defaultOf}</Fact>
            {data.route && <Fact name={t.route}>{data.route}</Fact>}
            {data.requested_by && <Fact name={t.askedBy}>{data.requested_by}</Fact>}
            {data.resend_of && <Fact name={t.resendOf}><button type="button" className={ui.linkButton} onClick={() => open(data.resend_of!)}>{t.deliveryTitle(data.resend_of)}</button></Fact>}
            {data.next_attempt_at && <Fact name={t.next}><Ago at={data.next_attempt_at} /></Fact>}
          </Facts>
          {data.error && <p className={css.lastError}>{data.error}</p>}
          <h3>{t.tried}</h3>
          {data.attempt_list.length === 0 ? <p className="muted">{isOver ? t.noWay : t.noAttempts}</p> : (
            <ol className={css.attempts}>
              {data.attempt_list.map((attempt) => <li key={attempt.attempt}><span className="mono">{attempt.attempt}</span> <Outcome outcome={attempt.ok ? 'SENT' : 'FAILED'} /> <At at={attempt.at} /> <span className="muted">{attempt.ms} ms</span> <code>{attempt.answer}</code></li>)}
            </ol>
          )}
          <h3>{t.text}</h3>
          <ul className={css.told}>
            {data.notices.map((notice, i) => (
              <li key={i}>
                <strong>{t.eventNames[notice.event] ?? notice.event}</strong> {notice.event !== 'test' && <Link to="/jobs/$id" params={{ id: notice.job_id }}><span className="mono">{notice.job_id}</span></Link>}{' '}
                {notice.run_id && <Link to="/runs/$id" params={{ id: notice.run_id }}>{t.run}</Link>} <Ago at={notice.at} /><br /><span className="muted">{notice.text}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  )
}
