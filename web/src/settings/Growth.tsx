/** What the history takes, how fast that grows, and what a shorter one would remove: asked, never done. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { number } from '../i18n'
import { bytes } from '../runs/usage'
import { ActionButton } from '../ui/Button'
import { DataTable, type Column } from '../ui/DataTable'
import { Field } from '../ui/Field'
import { Fact, Facts, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { At } from '../ui/Times'
import { settingQueries } from './api'
import { wanted, writeSetting } from './SettingDialog'
import { t as s } from './settingWords'
import css from './settings.module.css'
import { daysOf, MOST_DAYS, store, storeQueries, type TableSize } from './store'
import { t } from './storeWords'
import { t as words } from './words'

const size = (n: number | null) => (n === null ? '–' : bytes(Math.round(n)))

const columns: Column<TableSize>[] = [
  { id: 'table', head: t.table, cell: (row) => <code>{row.name}</code> },
  { id: 'rows', head: t.rows, number: true, label: t.rows, cell: (row) => number(row.rows) },
  { id: 'size', head: t.size, number: true, label: t.size, cell: (row) => size(row.bytes) },
  { id: 'perDay', head: t.perDay, number: true, label: t.perDay, cell: (row) => (row.rows_per_day === null ? '–' : number(Math.round(row.rows_per_day))) },
  { id: 'growth', head: t.sizePerDay, number: true, label: t.sizePerDay, cell: (row) => size(row.bytes_per_day) },
]

export function Growth() {
  const { data, error, isPending, refetch } = useQuery(storeQueries.sizes())
  return (
    <>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && (
        <Panel title={t.tables}>
          <Facts>
            <Fact name={t.total}>{bytes(data.bytes)}</Fact>
            <Fact name={t.sizePerDay}>{size(data.bytes_per_day)}</Fact>
            {data.pools.map((pool) => <Fact key={pool.name} name={t.pools}>{t.poolOf(pool.size - (pool.open - pool.idle), pool.size, pool.waiting)}</Fact>)}
          </Facts>
          <DataTable label={t.tables} columns={columns} rows={data.tables} rowKey={(row) => row.name} />
          <p className={`${css.pad} muted`}>{t.tablesHint}</p>
        </Panel>
      )}
    </>
  )
}

export function WhatWouldGo({ days: set }: { days: number | null }) {
  const [text, setText] = useState(set === null ? '' : String(set))
  const days = daysOf(text)
  const counting = useMutation({ mutationFn: store.estimate })
  const found = counting.data
  const setting = useQuery(settingQueries.values()).data?.find((each) => each.key === 'jobs.history_days')
  const keep = useMutation({ mutationFn: (wish: number) => writeSetting('jobs.history_days', wish) })
  return (
    <Panel title={t.estimate}>
      {typeof setting?.next === 'number' && <p role="status" className={css.pad} data-next={setting.next}>{s.kept(words.days(setting.next))}</p>}
      <form className={css.form} onSubmit={(event) => { event.preventDefault(); if (days !== null) counting.mutate(days) }}>
        <Field label={t.keepDays} hint={t.keepHint} error={text !== '' && days === null ? t.daysWrong : undefined}>
          {(tie) => <input {...tie} type="text" inputMode="numeric" value={text} maxLength={String(MOST_DAYS).length} onChange={(event) => setText(event.target.value)} />}
        </Field>
        <div><ActionButton type="submit" action={counting} waiting={t.counting} done={t.counted} disabled={days === null}>{t.count}</ActionButton></div>
      </form>
      {found && (
        <div role="status">
          <Facts>
            <Fact name={t.before}><At at={found.cutoff} /></Fact>
            {(['run_rows', 'step_rows', 'log_rows', 'slot_rows'] as const).map((key) => <Fact key={key} name={`${t.wouldGo}: ${words.removedOf[key]}`}>{number(found[key])}</Fact>)}
          </Facts>
          {setting?.changeable && found.history_days !== wanted(setting) && (
            <div className={css.pad}><div><ActionButton kind="primary" action={keep} waiting={s.saving} onClick={() => keep.mutate(found.history_days)}>{s.keepFor(words.days(found.history_days))}</ActionButton></div><small className="muted">{s.counts}</small></div>
          )}
          {setting && !setting.changeable && found.history_days !== set && <p className={`${css.pad} muted`}>{setting.source === 'env' ? words.locked(setting.env) : t.setIt(found.history_days)}</p>}
        </div>
      )}
    </Panel>
  )
}
