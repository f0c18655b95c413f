/** The sections of the form but the steps: what names the job, when it fires, what its steps share, how it fails. */
import { Plus, Trash2 } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { Field } from '../ui/Field'
import { AlertRecipients } from './AlertRecipients'
import { useEditing } from './context'
import css from './editor.module.css'
import { isTable } from './exact'
import { Bound, Fields, Found } from './Fields'
import { ALERT_FIELDS, RETRY_FIELDS, SCHEDULE_FIELDS, SCHEDULE_MORE } from './fields'
import { join, read, spelled } from './pointer'
import { at, leftOfSection, type Section } from './problems'
import { SchedulePreview } from './SchedulePreview'
import { ValueTable } from './ValueTable'
import { label, t } from './words'

interface FrameProps {
  id: Section
  number: number
  /** Places whose problems are shown at fields of the section. */
  places: string[]
  folds?: boolean
  open?: boolean
  children: ReactNode
}

/** A section with its number; what was found in it and has no field stands at its top. */
export function Frame({ id, number, places, folds = false, open = true, children }: FrameProps) {
  const { findings } = useEditing()
  const left = leftOfSection(findings, id, places)
  const title = <><span className={css.number} aria-hidden="true">{number}</span>{t.sections[id]}{folds && <small className="muted">{t.optional}</small>}</>
  const body = <div className={css.fields}>{left.length > 0 && <p className={css.left} role="note"><Found found={left} /></p>}{children}</div>
  return (
    <section id={`section-${id}`} className={css.section} aria-label={t.sections[id]} tabIndex={-1}>
      {folds ? <details open={open || left.length > 0}><summary><h2>{title}</h2></summary>{body}</details> : <><h2>{title}</h2>{body}</>}
    </section>
  )
}

export function Identity({ isNew, app, apps, setApp }: { isNew: boolean; app: string; apps: string[]; setApp: (app: string) => void }) {
  const { job, findings, set } = useEditing()
  const pointer = spelled(job, '', 'id', 'name')
  const id = read(job, pointer)
  const found = at(findings, pointer, false)
  const noApp = at(findings, '/app', false)
  return (
    <Frame id="identity" number={1} places={[pointer, ...(isNew ? ['/app'] : []), '/description', '/tags', '/enabled']}>
      <div data-pointer={pointer}>
        <Field label={<>{label('id')}{isNew && <span className={css.must} aria-hidden="true"> *</span>}</>} hint={isNew ? t.idHint : t.idLocked} error={found.length > 0 ? <Found found={found} /> : undefined}>
          {(tie) => <input type="text" className="mono" autoComplete="off" spellCheck={false} {...tie} readOnly={!isNew} value={typeof id === 'string' ? id : ''} onChange={(event) => set(pointer, event.target.value)} />}
        </Field>
      </div>
      {isNew && (
        <div data-pointer="/app">
          <Field label={<>{label('app')}<span className={css.must} aria-hidden="true"> *</span></>} hint={t.appHint} error={noApp.length > 0 && app === '' ? <Found found={noApp} /> : undefined}>
            {(tie) => <Combobox {...tie} className="mono" free value={app} options={apps.map((each) => ({ value: each }))} onChange={setApp} />}
          </Field>
        </div>
      )}
      <Bound base="" spec={{ key: 'description', kind: 'text' }} />
      <Bound base="" spec={{ key: 'tags', kind: 'list' }} hint={t.tagsHint} />
      <Bound base="" spec={{ key: 'enabled', kind: 'flag', standard: true }} hint={t.enabledHint} />
    </Frame>
  )
}

const PRESETS = { hourly: '0 * * * *', daily: '0 2 * * *', weekdays: '0 2 * * 1-5', weekly: '0 2 * * 1', monthly: '0 2 1 * *', manual: undefined }

export function Schedule() {
  const { job, set } = useEditing()
  const further = Array.isArray(job.schedules) ? job.schedules : []
  return (
    <Frame id="schedule" number={2} places={['/schedule', '/timezone', ...SCHEDULE_MORE.map(({ key }) => `/${key}`), ...further.flatMap((_, i) => SCHEDULE_FIELDS.map(({ key }) => `/schedules/${i}/${key}`))]}>
      <Bound base="" spec={{ key: 'schedule', kind: 'text' }} hint={t.cronHint} />
      <div className={css.presets} role="group" aria-label={t.presets}>
        {Object.entries(PRESETS).map(([name, cron]) => (
          <Button key={name} aria-pressed={job.schedule === cron} onClick={() => set('/schedule', cron)}>{t.preset[name as keyof typeof PRESETS]}</Button>
        ))}
      </div>
      <Bound base="" spec={{ key: 'timezone', kind: 'zone' }} hint={t.zoneHint} />
      <SchedulePreview cron={job.schedule} zone={job.timezone} gap={job.gap} fold={job.fold} />
      {further.map((schedule, i) => <Further key={i} index={i} schedule={schedule} />)}
      <span>
        <Button icon={<Plus size={14} aria-hidden />} onClick={() => set('/schedules', [...further, { name: `schedule-${further.length + 1}`, cron: '0 2 * * *' }])}>{t.addSchedule}</Button>
      </span>
      <details className={css.more}><summary>{t.whenLate}</summary><div className={css.fields}><Fields base="" specs={SCHEDULE_MORE} /></div></details>
    </Frame>
  )
}

function Further({ index, schedule }: { index: number; schedule: unknown }) {
  const { job, set } = useEditing()
  const base = join('', 'schedules', index)
  const table = isTable(schedule) ? schedule : {}
  const name = typeof table.name === 'string' ? table.name : String(index + 1)
  return (
    <fieldset className={css.group}>
      <legend>{t.scheduleOf(name)} <Button kind="quiet" icon={<Trash2 size={14} aria-hidden />} aria-label={t.takeAway(name)} title={t.takeAway(name)} onClick={() => set('/schedules', (job.schedules as unknown[]).length === 1 ? undefined : (job.schedules as unknown[]).toSpliced(index, 1))} /></legend>
      <Fields base={base} specs={SCHEDULE_FIELDS} />
      <SchedulePreview cron={table.cron} every={table.every} zone={table.timezone ?? job.timezone} gap={table.gap} fold={table.fold} />
    </fieldset>
  )
}

export function Params() {
  const { job, findings, set } = useEditing()
  const known = Object.keys(isTable(job.params) ? job.params : {}).map((key) => join('/params', key))
  return (
    <Frame id="params" number={3} places={known} folds open={known.length > 0}>
      <p className="muted">{t.paramsHint}</p>
      <ValueTable pointer="/params" value={job.params} findings={findings} onChange={(next) => set('/params', next)} name={t.sections.params} />
    </Frame>
  )
}

export function Retry() {
  const { job } = useEditing()
  const isSet = job.retry !== undefined || job.timeout_seconds !== undefined || job.on_restart !== undefined
  return (
    <Frame id="retry" number={5} places={RETRY_FIELDS.flatMap(({ key, alias }) => [`/${key}`, `/${alias ?? key}`])} folds open={isSet}>
      <Fields base="" specs={RETRY_FIELDS} />
    </Frame>
  )
}

export function Alerts() {
  const { job, set } = useEditing()
  const isSet = job.alerts !== undefined
  return (
    <Frame id="alerts" number={6} places={ALERT_FIELDS.map(({ key }) => `/${key}`)} folds open={isSet}>
      <label className={css.flag}><input type="checkbox" checked={isSet} onChange={(event) => set('/alerts', event.target.checked ? {} : undefined)} /> {t.alertsOn}</label>
      {isSet ? <><Fields base="" specs={ALERT_FIELDS} hints={{ 'alerts/recipients': t.recipientsHint }} /><AlertRecipients /></> : <p className="muted">{t.alertsOff}</p>}
    </Frame>
  )
}

export function LogLevel() {
  const { job } = useEditing()
  return (
    <Frame id="log" number={7} places={['/log_level']} folds open={job.log_level !== undefined}>
      <Bound base="" spec={{ key: 'log_level', kind: 'word', words: ['INFO', 'DEBUG'], standard: 'INFO' }} hint={t.logHint} />
    </Frame>
  )
}
