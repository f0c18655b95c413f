/** When a job fires, what became of past fires, and the answer to "why did it (not) run?". */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api } from '../api/client'
import { endpoint } from '../api/http'
import { queries, queryClient } from '../api/queries'
import type { JobDetail, ScheduleDefinition } from '../api/types'
import { Button, Switch } from '../ui/Button'
import { commandLine, httpRequest } from '../ui/commands'
import { useCopyAs } from '../ui/CopyAs'
import { cronWords } from '../ui/cron'
import { DataTable } from '../ui/DataTable'
import { ConfirmDialog } from '../ui/Dialog'
import { useNow } from '../ui/hooks'
import { Menu } from '../ui/Menu'
import { Empty, Panel } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { Badge, Glyph } from '../ui/Status'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { holds, mayUndo, refreshHolds, skipOf } from '../schedule/holds'
import { useJobRights } from './actions'
import { CopyChange } from './CopyChange'
import css from './job.module.css'
import { t } from './jobWords'
import { summary, withoutSchedule } from './named'
import { Presets } from './Presets'
import { ScheduleDialog } from './ScheduleDialog'
import { useJobChange } from './useJobChange'

const GLYPHS = { fired: 'SUCCEEDED', skipped: 'SKIPPED', missed: 'CANCELED', failed_to_start: 'FAILED' } as const

export function Schedules({ job }: { job: JobDetail }) {
  const rights = useJobRights(job.id)
  const slots = useQuery(queries.slots(job.id))
  /** The name of the schedule in the dialog; null for one to be added. */
  const [editing, setEditing] = useState<string | null | undefined>(undefined)
  const add = <Button icon={<Plus size={14} aria-hidden />} onClick={() => setEditing(null)}>{t.add}</Button>
  return (
    <>
      <Panel title={t.tabs.schedules} actions={rights.edit && job.schedules.length > 0 && add}>
        {job.schedules.length === 0
          ? <Empty title={t.noSchedules}>{rights.edit && add}</Empty>
          : job.schedules.map((schedule) => <Row key={schedule.name} job={job} schedule={schedule} mayEdit={rights.edit} maySkip={rights.run} onEdit={() => setEditing(schedule.name)} />)}
      </Panel>
      <Presets job={job} />
      <Why job={job} />
      <Panel title={t.slots}>
        {slots.error && <p className={css.pad}><InlineProblem error={slots.error} /></p>}
        {slots.data?.slots.length === 0 && <Empty title={t.noSlots} />}
        {slots.data && slots.data.slots.length > 0 && (
          <DataTable
            label={t.slots}
            rows={slots.data.slots}
            rowKey={(slot) => `${slot.schedule} ${slot.due_at}`}
            columns={[
              { id: 'outcome', head: t.outcome, cell: (slot) => <span className={css.outcome}><Glyph status={GLYPHS[slot.outcome as keyof typeof GLYPHS] ?? 'PENDING'} /> {t.outcomes[slot.outcome] ?? slot.outcome}</span> },
              { id: 'due', head: t.due, cell: (slot) => <At at={slot.due_at} zone={job.timezone} /> },
              { id: 'schedule', head: t.schedule, cell: (slot) => <span className="mono">{slot.schedule}</span> },
              { id: 'run', head: t.run, cell: (slot) => slot.run_id && <Link to="/runs/$id" params={{ id: slot.run_id }} className="mono">{slot.run_id}</Link> },
              { id: 'reason', head: t.reason, cell: (slot) => slot.reason },
              { id: 'decided', head: t.decided, cell: (slot) => <Ago at={slot.decided_at} zone={job.timezone} /> },
            ]}
          />
        )}
      </Panel>
      {editing !== undefined && <ScheduleDialog job={job.id} name={editing} close={() => setEditing(undefined)} />}
    </>
  )
}

function Row({ job, schedule, mayEdit, maySkip, onEdit }: { job: JobDetail; schedule: ScheduleDefinition; mayEdit: boolean; maySkip: boolean; onEdit: () => void }) {
  const [removing, setRemoving] = useState(false)
  const remove = useJobChange(job.id, () => setRemoving(false))
  const values = summary(schedule.overrides ?? {}, t.off, t.on.toLowerCase())
  const now = useNow(5000)
  const skip = useMutation({ mutationFn: (at: string) => holds.skip(job.id, schedule.name, at), onSuccess: refreshHolds })
  const undo = useMutation({ mutationFn: (at: string) => holds.undo(job.id, schedule.name, at), onSuccess: refreshHolds })
  const save = useMutation({
    mutationFn: async (enabled: boolean) => {
      const source = await api.source(job.id)
      await api.patchJob(job.id, { schedules: { [schedule.name]: { enabled } } }, source.etag)
      await queryClient.invalidateQueries({ queryKey: ['job', job.id] })
    },
  })
  const words = cronWords(schedule.text)
  // What is switched off fires at no time, whatever its cron says.
  const fires = schedule.enabled && job.enabled ? schedule.next : []
  const nextFire = maySkip ? fires[0] : undefined
  const copySkip = useCopyAs(
    () => commandLine('job', 'skip-next', job.id, '--schedule', schedule.name, '--at', nextFire ?? ''),
    () => httpRequest('POST', endpoint(skipOf(job.id, schedule.name)), { due_at: nextFire }),
  )
  const copySwitch = useCopyAs(() => null, () => httpRequest('PATCH', endpoint(`admin/jobs/${encodeURIComponent(job.id)}`), { schedules: { [schedule.name]: { enabled: !schedule.enabled } } }))
  const copies = [
    ...(nextFire === undefined ? [] : copySkip.items.map((item) => ({ ...item, label: `${item.label}: ${t.skipOnce}` }))),
    ...(mayEdit ? copySwitch.items.map((item) => ({ ...item, label: `${item.label}: ${schedule.enabled ? t.switchOff : t.switchOn}` })) : []),
  ]
  return (
    <div className={css.schedule} data-schedule={schedule.name}>
      <div>
        <strong className="mono">{schedule.name}</strong> <code>{schedule.text}</code> {schedule.timezone}
        {words && <span className="muted"> · {words}</span>}
        {!schedule.enabled && <span className={ui.tag}>{t.disabled}</span>}
        {values && <p className={`muted ${css.values}`}>{values}</p>}
        <InlineProblem error={save.error ?? skip.error ?? undo.error} />
      </div>
      <ol className={css.fires} aria-label={t.fires}>
        {schedule.skipped?.map(({ due_at: at, reason }) => (
          <li key={at} data-skipped={at}>
            <s><At at={at} zone={schedule.timezone} /></s> <span className="muted">{reason}</span>
            {maySkip && mayUndo(Date.parse(at), now) && <> <button type="button" className={ui.linkButton} disabled={undo.isPending} onClick={() => undo.mutate(at)}>{t.unskip}</button></>}
          </li>
        ))}
        {fires.map((at, i) => (
          <li key={at}>
            <At at={at} zone={schedule.timezone} /> <span className="muted"><Ago at={at} zone={schedule.timezone} /></span>
            {i === 0 && maySkip && <> <button type="button" className={ui.linkButton} disabled={skip.isPending} aria-label={t.skipOf(schedule.name)} onClick={() => skip.mutate(at)}>{t.skipOnce}</button></>}
          </li>
        ))}
        {fires.length === 0 && <li className="muted">{t.noFire}</li>}
      </ol>
      <span className={css.scheduleActions}>
        {copySkip.layer}
        {copySwitch.layer}
        {copies.length > 0 && <Menu label={t.moreOf(schedule.name)} className={`${ui.button} ${ui.quiet} ${ui.icon}`} items={copies} />}
        {mayEdit && <Button kind="quiet" icon={<Pencil size={14} aria-hidden />} aria-label={t.change_(schedule.name)} title={t.change_(schedule.name)} onClick={onEdit} />}
        {mayEdit && <Button kind="quiet" icon={<Trash2 size={14} aria-hidden />} aria-label={t.removeSchedule(schedule.name)} title={t.removeSchedule(schedule.name)} onClick={() => setRemoving(true)} />}
        <Switch checked={schedule.enabled} label={t.toggle(schedule.name)} pending={save.isPending} disabled={!mayEdit || !job.enabled} onChange={(enabled) => save.mutate(enabled)} />
      </span>
      {removing && (
        <ConfirmDialog title={t.removeSchedule(schedule.name)} confirm={t.remove} danger action={remove} extra={<CopyChange job={job.id} change={(saved) => withoutSchedule(saved, schedule.name)} />} onConfirm={() => remove.mutate((saved) => withoutSchedule(saved, schedule.name))} close={() => setRemoving(false)}>
          <p>{t.removeScheduleHint}</p>
        </ConfirmDialog>
      )}
    </div>
  )
}

/** Asks the server about an instant; the question stands in the address. */
function Why({ job }: { job: JobDetail }) {
  const { at } = useSearch({ from: '/shell/jobs/$id' })
  const navigate = useNavigate({ from: '/jobs/$id' })
  const [text, setText] = useState(at ?? '')
  const answer = useQuery({ queryKey: ['slots', job.id, 'why', at], queryFn: ({ signal }) => api.why(job.id, at!, signal), enabled: at !== undefined, retry: false })
  if (job.schedules.length === 0) return null
  return (
    <Panel>
      <form
        className={css.why}
        onSubmit={(event) => {
          event.preventDefault()
          void navigate({ search: (old) => ({ ...old, at: text.trim() || undefined }), replace: true })
        }}
      >
        <label htmlFor="why-at">{t.why}</label>
        <input id="why-at" type="text" className="mono" placeholder={t.whyHint} value={text} onChange={(event) => setText(event.target.value)} />
        <Button type="submit" pending={answer.isFetching} disabled={text.trim() === ''}>{t.ask}</Button>
        <InlineProblem error={answer.error} />
      </form>
      {answer.data && (
        <ul className={css.answers} aria-live="polite">
          {answer.data.answers.map((each, i) => (
            <li key={i}>
              {each.run_status && <Badge status={each.run_status} />} {each.text}
              {each.run_id && <> · <Link to="/runs/$id" params={{ id: each.run_id }} className="mono">{each.run_id}</Link></>}
              {each.due_at && <span className="muted"> · <At at={each.due_at} zone={job.timezone} /></span>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
