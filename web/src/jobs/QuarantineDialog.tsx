/** Takes a job out of service with a word on why. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { endpoint } from '../api/http'
import type { JobCard } from '../api/types'
import { ConfirmDialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { httpRequest } from '../ui/commands'
import { CopyAsMenu } from '../ui/CopyAs'
import { change } from './actions'
import { quarantined } from './quarantine'
import { t } from './words'

export function QuarantineDialog({ job, close }: { job: JobCard; close: () => void }) {
  const [note, setNote] = useState('')
  const action = useMutation({ mutationFn: () => change(job, quarantined(job, note)), onSuccess: close })
  const copy = <CopyAsMenu label={t.copyQuarantine} command={() => null} request={() => httpRequest('PATCH', endpoint(`admin/jobs/${encodeURIComponent(job.id)}`), quarantined(job, note))} />
  return (
    <ConfirmDialog title={t.quarantineTitle(job.id)} confirm={t.quarantine.replace('…', '')} danger action={action} extra={copy} onConfirm={() => action.mutate()} close={close}>
      <p>{t.quarantineText}</p>
      <Field label={t.quarantineNote}>{(tie) => <input {...tie} type="text" autoFocus maxLength={200} value={note} onChange={(event) => setNote(event.target.value)} />}</Field>
    </ConfirmDialog>
  )
}
