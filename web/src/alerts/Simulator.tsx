/** "Who gets what, were this to happen to that job now?" Asked of the server, which decides the same way when it happens. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queries } from '../api/queries'
import { ActionButton } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { Field } from '../ui/Field'
import { m } from '../mutes/mutes'
import { Panel } from '../ui/parts'
import { At } from '../ui/Times'
import { alerts, EVENTS, type EventName } from './api'
import css from './alerts.module.css'
import { words } from './routes'
import { t } from './words'

export function Simulator() {
  const jobs = useQuery(queries.jobs())
  const [job, setJob] = useState('')
  const [tags, setTags] = useState('')
  const [event, setEvent] = useState<EventName>('failed')
  const ask = useMutation({ mutationFn: () => alerts.simulate({ job: job.trim(), event, ...(words(tags).length > 0 ? { tags: words(tags) } : {}) }) })
  const chosen = jobs.data?.jobs.find((each) => each.id === job)
  return (
    <Panel title={t.simulate} id="simulate">
      <form
        className={css.simulator}
        onSubmit={(submit) => {
          submit.preventDefault()
          if (job.trim() !== '') ask.mutate()
        }}
      >
        <p className="muted">{t.simulateHint}</p>
        <Field label={t.job}>{(tie) => <Combobox {...tie} free aria-label={t.job} value={job} options={(jobs.data?.jobs ?? []).map((each) => ({ value: each.id, words: each.tags.join(' ') }))} onChange={setJob} />}</Field>
        <Field label={t.tags} hint={chosen && tags === '' ? chosen.tags.join(', ') : undefined}>{(tie) => <input {...tie} type="text" spellCheck={false} value={tags} onChange={(change) => setTags(change.target.value)} />}</Field>
        <Field label={t.event}>
          {(tie) => <select {...tie} value={event} onChange={(change) => setEvent(change.target.value as EventName)}>{EVENTS.map((each) => <option key={each} value={each}>{t.eventNames[each]}</option>)}</select>}
        </Field>
        <div><ActionButton type="submit" action={ask} waiting={t.asking} disabled={job.trim() === ''}>{t.ask}</ActionButton></div>
        {ask.data && !ask.isPending && (
          <div role="status" className={css.result}>
            <p><strong>{ask.data.recipients.length === 0 ? t.nobody : t.reach(ask.data.recipients.length)}</strong> {t.ofSeverity(t.severities[ask.data.severity])}</p>
            <ul className={css.told}>
              {ask.data.recipients.map((each, i) => (
                <li key={i}>
                  <code>{each.transport || '–'}</code> → {each.recipient ? <code>{each.recipient}</code> : t.defaultOf}{' '}
                  <span className="muted">
                    {each.route ? t.via(each.route) : t.byJob}
                    {each.group_seconds ? <> · {t.gathered(each.group_seconds)}</> : null}
                    {each.hold_until && <> · {t.held} <At at={each.hold_until} /></>}
                  </span>
                  {each.muted_until && <strong> {m.muted} {m.until} <At at={each.muted_until} /></strong>}
                  {each.failure && <span className={css.lastError}> {each.failure}</span>}
                </li>
              ))}
            </ul>
          </div>
        )}
      </form>
    </Panel>
  )
}
