/** How long runs are kept, what the last pass removed, and a pass now. A pass is a run like any other. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useMay } from '../api/permissions'
import { queries, queryClient } from '../api/queries'
import { isFinal } from '../api/types'
import { number } from '../i18n'
import { ActionButton } from '../ui/Button'
import { Empty, Fact, Facts, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Badge } from '../ui/Status'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { settingQueries, settings, type Retention } from './api'
import { Growth, WhatWouldGo } from './Growth'
import css from './settings.module.css'
import { t } from './words'

const refresh = () => queryClient.invalidateQueries({ queryKey: ['retention'] })

export function History() {
  const { data, error, isPending, refetch } = useQuery(settingQueries.retention())
  const superuser = useMay()('superuser')
  const sweep = useMutation({ mutationFn: settings.sweep, onSuccess: refresh })
  if (data === null) return <Empty title={t.keepsAll} />
  return (
    <>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} rows={2} />
      {data && (
        <>
          <Panel title={t.policy}>
            <Facts>
              <Fact name={t.historyDays}>{data.policy.history_days === null ? t.forEver : t.days(data.policy.history_days)}</Fact>
              {data.policy.next_at && <Fact name={t.nextSweep}><Ago at={data.policy.next_at} /> · <At at={data.policy.next_at} /></Fact>}
            </Facts>
            <div className={css.pad}>
              <p className="muted">{t.policyHint}</p>
              {superuser && <div><ActionButton action={sweep} waiting={t.sweeping} done={t.sweepBegan} onClick={() => sweep.mutate()}>{t.sweep}</ActionButton></div>}
            </div>
          </Panel>
          {superuser && <WhatWouldGo days={data.policy.history_days} />}
          <Panel title={t.lastSweep}>{data.last_sweep ? <LastSweep sweep={data.last_sweep} /> : <p className={css.pad}>{t.noSweep}</p>}</Panel>
          {superuser && <Growth />}
        </>
      )}
    </>
  )
}

function LastSweep({ sweep }: { sweep: NonNullable<Retention['last_sweep']> }) {
  // The stream carries the run while it lasts; what it removed is read when it is over.
  const { data } = useQuery(queries.run(sweep.run.id))
  const run = data?.run ?? sweep.run
  const over = isFinal(run.status)
  useEffect(() => {
    if (over && !isFinal(sweep.run.status)) void refresh()
  }, [over, sweep.run.status])
  const removed = Object.entries(t.removedOf).filter(([key]) => typeof sweep.removed?.[key] === 'number')
  return (
    <>
      <Facts>
        <Fact name={t.outcome}><Badge status={run.status} /></Fact>
        <Fact name={t.time}><Ago at={run.finished_at ?? run.started_at ?? run.queued_at} /></Fact>
        {removed.map(([key, word]) => <Fact key={key} name={`${t.removed}: ${word}`}>{number(sweep.removed![key] as number)}</Fact>)}
        {typeof sweep.removed?.cutoff === 'string' && <Fact name={t.cutoff}><At at={sweep.removed.cutoff} /></Fact>}
      </Facts>
      <p className={css.pad}><Link to="/runs/$id" params={{ id: run.id }} className={ui.nowrap}>{t.openRun}</Link></p>
    </>
  )
}
