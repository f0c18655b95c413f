/** Takes a job out of service with a word on why. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { JobCard } from '../api/types'
import { ConfirmDialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { change } from './actions'
import { quarantined } from './quarantine'
import { t } from './words'

export function QuarantineDialog({ job, close }: { job: JobCard; close: () => void }) {
  const [note, setNote] = useState('')
  const action = useMutation({ mutationFn: () => change(job, quarantined(job, note)), onSuccess: close })
  return (
    <ConfirmDialog title={t.quarantineTitle(job.id)} confirm={t.quarantine.replace('…', '')} danger action={action} onConfirm={() => action.mutate()} close={close}>
      <p>{t.quarantineText}</p>
      <Field label={t.quarantineNote}>{(tie) => <input {...tie} type="text" autoFocus maxLength={200} value={note} onChange={(event) => setNote(event.target.value)} />}</Field>
    </ConfirmDialog>
  )
}
