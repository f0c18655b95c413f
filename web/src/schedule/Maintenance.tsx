/** Announcing a maintenance window, and what there is to know of one. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { Maintenance } from '../api/client'
import { useMay } from '../api/permissions'
import { ActionButton, Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Fact } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { At } from '../ui/Times'
import css from './schedule.module.css'
import { holds, refreshHolds } from './holds'
import { t } from './words'

const LONGEST_REASON = 200

/** A stretch that was drawn, in wall times of the zone. */
export interface Drawn {
  from: string
  to: string
}

export function MaintenanceDialog({ zone, drawn, windows, close }: { zone: string; drawn: Drawn; windows: Maintenance[]; close: () => void }) {
  const [from, setFrom] = useState(drawn.from)
  const [to, setTo] = useState(drawn.to)
  const [reason, setReason] = useState('')
  const announce = useMutation({
    mutationFn: () => holds.announce({ from: from || undefined, to, zone, reason: reason.trim() }),
    onSuccess: async () => {
      await refreshHolds()
      close()
    },
  })
  const isBackwards = from !== '' && to !== '' && to <= from
  return (
    <Dialog
      title={t.maintain}
      close={close}
      foot={
        <>
          <InlineProblem error={announce.error} />
          <Button onClick={close}>{t.cancel}</Button>
          <Button kind="primary" pending={announce.isPending} disabled={to === '' || isBackwards} onClick={() => announce.mutate()}>{announce.isPending ? t.announcing : t.announce}</Button>
        </>
      }
    >
      <p>{t.maintainHint}</p>
      <Field label={t.from} hint={t.fromHint}>{(tie) => <input {...tie} type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />}</Field>
      <Field label={t.until} hint={zone} error={isBackwards ? t.backwards : undefined}>{(tie) => <input {...tie} type="datetime-local" required value={to} onChange={(event) => setTo(event.target.value)} />}</Field>
      <Field label={t.reason} hint={t.reasonHint}>{(tie) => <input {...tie} type="text" maxLength={LONGEST_REASON} value={reason} onChange={(event) => setReason(event.target.value)} />}</Field>
      {windows.length > 0 && (
        <section className={css.windows} aria-label={t.announced}>
          <h3>{t.announced}</h3>
          <ul>{windows.map((window) => <li key={window.id}><At at={window.from} /> – <At at={window.to} /> {window.reason} <End window={window} /></li>)}</ul>
        </section>
      )}
    </Dialog>
  )
}

/** One window, with the way to end it. */
export function WindowDialog({ window, close }: { window: Maintenance; close: () => void }) {
  return (
    <Dialog title={t.maintenance} close={close} foot={<><End window={window} done={close} /><Button kind="primary" onClick={close}>{t.close}</Button></>}>
      <p>{t.noneFires}</p>
      <dl className={css.facts}>
        <Fact name={t.from}><At at={window.from} /></Fact>
        <Fact name={t.until}><At at={window.to} /></Fact>
        {window.reason && <Fact name={t.reason}>{window.reason}</Fact>}
        <Fact name={t.by}>{window.created_by}</Fact>
      </dl>
    </Dialog>
  )
}

function End({ window, done }: { window: Maintenance; done?: () => void }) {
  const allowed = useMay()('superuser')
  const end = useMutation({
    mutationFn: () => holds.end(window.id),
    onSuccess: async () => {
      await refreshHolds()
      done?.()
    },
  })
  if (!allowed || window.state === 'over') return null
  return <ActionButton action={end} waiting={t.ending} onClick={() => end.mutate()}>{window.state === 'active' ? t.endNow : t.takeBack}</ActionButton>
}
