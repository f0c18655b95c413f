/** One route as a form. Applied to the list on screen, which is saved as a whole. */
import { useState } from 'react'
import { Button, Switch } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { t as shared } from '../ui/words'
import { EVENTS, type QuietHours, type Route, type Severity } from './api'
import css from './alerts.module.css'
import { words } from './routes'
import { t } from './words'

const SEVERITIES: Severity[] = ['low', 'medium', 'high']

interface Props {
  route: Route
  /** Names of the other routes. */
  taken: string[]
  apply: (route: Route) => void
  close: () => void
}

export function RouteDialog({ route: first, taken, apply, close }: Props) {
  const [route, setRoute] = useState(first)
  // Lists stay as typed until they are applied, or a comma could not be written.
  const [texts, setTexts] = useState({ jobs: first.jobs.join(', '), tags: first.tags.join(', '), recipients: first.recipients.join(', '), group: first.group_seconds?.toString() ?? '' })
  const set = (change: Partial<Route>) => setRoute((old) => ({ ...old, ...change }))
  const setQuiet = (change: Partial<QuietHours>) => setRoute((old) => ({ ...old, quiet_hours: { ...old.quiet_hours!, ...change } }))
  const name = route.name.trim()
  const nameError = name === '' || taken.includes(name) ? t.nameNeeded : undefined
  const groupError = texts.group.trim() !== '' && !/^\d{1,4}$/.test(texts.group.trim()) ? t.groupHint : undefined
  const done = () => {
    const quiet = route.quiet_hours
    const { timezone, let_through, ...hours } = quiet ?? ({} as QuietHours)
    apply({
      ...route,
      name,
      jobs: words(texts.jobs),
      tags: words(texts.tags),
      recipients: words(texts.recipients),
      group_seconds: texts.group.trim() === '' ? null : Number(texts.group),
      quiet_hours: quiet && ({ ...hours, ...(timezone ? { timezone } : {}), ...(let_through ? { let_through } : {}) } as QuietHours),
    })
    close()
  }
  const text = (key: keyof typeof texts, label: string, hint: string, error?: string) => (
    <Field label={label} hint={hint} error={error}>{(tie) => <input {...tie} type="text" spellCheck={false} autoComplete="off" value={texts[key]} onChange={(event) => setTexts({ ...texts, [key]: event.target.value })} />}</Field>
  )
  return (
    <Dialog
      title={t.editRoute(first.name)}
      close={close}
      foot={<><Button onClick={close}>{shared.cancel}</Button><Button kind="primary" disabled={nameError !== undefined || groupError !== undefined} onClick={done}>{t.apply}</Button></>}
    >
      <Field label={t.name} error={nameError}>{(tie) => <input {...tie} type="text" value={route.name} onChange={(event) => set({ name: event.target.value })} />}</Field>
      <Field label={t.enabled}>{(tie) => <span id={tie.id}><Switch checked={route.enabled} label={t.enabled} onChange={(enabled) => set({ enabled })} /></span>}</Field>
      {text('jobs', t.jobs, t.jobsHint)}
      {text('tags', t.tags, t.tagsHint)}
      <fieldset className={css.checks}>
        <legend>{t.events}</legend>
        {EVENTS.map((each) => (
          <label key={each}><input type="checkbox" checked={route.events.includes(each)} onChange={(event) => set({ events: event.target.checked ? [...route.events, each] : route.events.filter((other) => other !== each) })} />{t.eventNames[each]}</label>
        ))}
        <small className="muted">{t.eventsHint}</small>
      </fieldset>
      <Field label={t.severity}>
        {(tie) => (
          <select {...tie} value={route.min_severity ?? ''} onChange={(event) => set({ min_severity: (event.target.value || null) as Severity | null })}>
            <option value="">{t.anySeverity}</option>
            {SEVERITIES.map((each) => <option key={each} value={each}>{t.severities[each]}</option>)}
          </select>
        )}
      </Field>
      {text('recipients', t.recipients, t.recipientsHint)}
      <label className={css.check}><input type="checkbox" checked={route.continue} onChange={(event) => set({ continue: event.target.checked })} />{t.goesOn}</label>
      {text('group', t.group, t.groupHint, groupError)}
      <label className={css.check}>
        <input type="checkbox" checked={route.quiet_hours !== null} onChange={(event) => set({ quiet_hours: event.target.checked ? { from: '22:00', to: '07:00', timezone: '', then: 'hold', let_through: 'high' } : null })} />{t.quiet}
      </label>
      {route.quiet_hours && (
        <>
          <Field label={t.quietFrom}>{(tie) => <input {...tie} type="time" required value={route.quiet_hours!.from} onChange={(event) => setQuiet({ from: event.target.value })} />}</Field>
          <Field label={t.quietTo}>{(tie) => <input {...tie} type="time" required value={route.quiet_hours!.to} onChange={(event) => setQuiet({ to: event.target.value })} />}</Field>
          <Field label={t.zone} hint={t.zoneHint}>{(tie) => <input {...tie} type="text" spellCheck={false} placeholder="Europe/Paris" value={route.quiet_hours!.timezone} onChange={(event) => setQuiet({ timezone: event.target.value.trim() })} />}</Field>
          <Field label={t.then}>
            {(tie) => <select {...tie} value={route.quiet_hours!.then} onChange={(event) => setQuiet({ then: event.target.value as QuietHours['then'] })}>{(['hold', 'drop'] as const).map((each) => <option key={each} value={each}>{t.thens[each]}</option>)}</select>}
          </Field>
          <Field label={t.through}>
            {(tie) => (
              <select {...tie} value={route.quiet_hours!.let_through ?? ''} onChange={(event) => setQuiet({ let_through: (event.target.value || undefined) as Severity })}>
                <option value="">{t.nothingThrough}</option>
                {SEVERITIES.map((each) => <option key={each} value={each}>{t.severities[each]}</option>)}
              </select>
            )}
          </Field>
        </>
      )}
    </Dialog>
  )
}
