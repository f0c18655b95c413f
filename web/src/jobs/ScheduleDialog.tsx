/** One schedule of a job, added or changed: when, in which zone, with which values. The scheduler's own code says when it fires. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { editing, type JobSource } from '../editor/requests'
import { ZonePicker } from '../editor/pickers'
import { SchedulePreview } from '../editor/SchedulePreview'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Skeleton } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { CopyChange } from './CopyChange'
import css from './job.module.css'
import { t } from './jobWords'
import { OWN, presetsOf, scheduleForm, summary, withSchedule, type Preset } from './named'
import { useJobChange } from './useJobChange'

interface Props {
  job: string
  /** The schedule that is changed; null adds one. */
  name: string | null
  /** The preset whose values a new one begins with. */
  preset?: Preset | undefined
  close: () => void
}

export function ScheduleDialog(props: Props) {
  const { data, error } = useQuery(editing.source(props.job))
  if (data) return <ScheduleFields {...props} source={data} />
  return (
    <Dialog title={t.tabs.schedules} close={props.close} foot={<Button onClick={props.close}>{t.cancel}</Button>}>
      <InlineProblem error={error} />
      <Skeleton pending={!error} rows={2} />
    </Dialog>
  )
}

function ScheduleFields({ job, name, preset, close, source: { job: saved } }: Props & { source: JobSource }) {
  // Made once: what is typed stays whatever the server says meanwhile.
  const [form, setForm] = useState(() => ({ ...scheduleForm(saved, name), ...(preset && { values: preset.values, name: preset.name }) }))
  const save = useJobChange(job, close)
  const presets = presetsOf(saved)
  const isOwn = name === OWN
  const isEvery = form.cron === '' && form.every !== ''
  const isWhole = form.name.trim() !== '' && (form.cron.trim() !== '' || form.every.trim() !== '')
  const own = summary(form.values, t.off, t.on)
  const submit = (event: React.FormEvent) => {
    event.preventDefault()
    save.mutate((job) => withSchedule(job, name, form))
  }
  return (
    <Dialog
      title={name === null ? t.newSchedule(job) : t.editSchedule(name)}
      close={close}
      foot={
        <>
          <InlineProblem error={save.error} />
          {isWhole && <CopyChange job={job} change={(each) => withSchedule(each, name, form)} />}
          <Button onClick={close}>{t.cancel}</Button>
          <Button kind="primary" type="submit" form="schedule-form" pending={save.isPending} disabled={!isWhole}>{t.saveSchedule}</Button>
        </>
      }
    >
      <form id="schedule-form" className={css.scheduleForm} onSubmit={submit}>
        <Field label={t.name}>{(tie) => <input {...tie} type="text" className="mono" autoComplete="off" spellCheck={false} disabled={isOwn} value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} />}</Field>
        {isEvery
          ? <Field label={t.every}>{(tie) => <input {...tie} type="text" className="mono" value={form.every} onChange={(event) => setForm({ ...form, every: event.target.value })} />}</Field>
          : <Field label={t.cron} hint={t.cronHint}>{(tie) => <input {...tie} type="text" className="mono" autoComplete="off" spellCheck={false} value={form.cron} onChange={(event) => setForm({ ...form, cron: event.target.value })} />}</Field>}
        <Field label={t.timezone}>{(tie) => <ZonePicker tie={tie} value={form.timezone} onChange={(value) => setForm({ ...form, timezone: typeof value === 'string' ? value : '' })} />}</Field>
        <SchedulePreview cron={form.cron} every={form.every} zone={form.timezone} />
        {!isOwn && (
          <Field label={t.values} hint={t.valuesHint}>
            {(tie) => (
              <select {...tie} value="" onChange={(event) => setForm({ ...form, values: presets.find((each) => each.name === event.target.value)?.values ?? {} })}>
                <option value="">{own || t.asSaved}</option>
                {own && <option value="saved">{t.asSaved}</option>}
                {presets.map((each) => <option key={each.name} value={each.name}>{t.presetOf(each.name)}</option>)}
              </select>
            )}
          </Field>
        )}
      </form>
    </Dialog>
  )
}
