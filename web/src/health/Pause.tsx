/** Pausing and resuming all schedules, for those who may. */
import { useMutation } from '@tanstack/react-query'
import { Pause, Play } from 'lucide-react'
import { useState } from 'react'
import { http } from '../api/http'
import { useMay } from '../api/permissions'
import { queryClient } from '../api/queries'
import { ActionButton, Button } from '../ui/Button'
import { ConfirmDialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { chosenZone } from '../ui/time'
import type { Health } from './health'
import { t } from './words'

const LONGEST_REASON = 200

const refresh = () => Promise.all(['health', 'scheduler', 'jobs'].map((key) => queryClient.invalidateQueries({ queryKey: [key] })))

export function PauseButton({ health }: { health: Health }) {
  const allowed = useMay()('superuser')
  const [asking, setAsking] = useState(false)
  const resume = useMutation({ mutationFn: () => http.post('admin/scheduler/resume'), onSuccess: refresh })
  if (!allowed) return null
  if (health.paused_by) {
    return <ActionButton kind="primary" icon={<Play size={13} aria-hidden />} action={resume} waiting={t.resuming} onClick={() => resume.mutate()}>{t.resume}</ActionButton>
  }
  return (
    <>
      <Button icon={<Pause size={13} aria-hidden />} onClick={() => setAsking(true)}>{t.pause}</Button>
      {asking && <PauseDialog close={() => setAsking(false)} />}
    </>
  )
}

function PauseDialog({ close }: { close: () => void }) {
  const [reason, setReason] = useState('')
  const [until, setUntil] = useState('')
  // The clock that every other instant of the page is shown by.
  const zone = chosenZone() ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  // A pause that ends by itself is a maintenance window from now on.
  const pause = useMutation({
    mutationFn: () => until === ''
      ? http.post<unknown>('admin/scheduler/pause', { reason: reason.trim() })
      : http.post<unknown>('admin/maintenance', { to: until, zone, reason: reason.trim() }),
    onSuccess: async () => {
      await refresh()
      close()
    },
  })
  return (
    <ConfirmDialog title={t.pauseTitle} confirm={pause.isPending ? t.pausing : t.pause} action={pause} onConfirm={() => pause.mutate()} close={close}>
      <p>{t.pauseHint}</p>
      <Field label={t.until} hint={<>{zone}. {t.untilHint}</>}>{(tie) => <input {...tie} type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />}</Field>
      <Field label={t.reason} hint={t.reasonHint}>{(tie) => <input {...tie} type="text" maxLength={LONGEST_REASON} autoFocus value={reason} onChange={(event) => setReason(event.target.value)} />}</Field>
    </ConfirmDialog>
  )
}
