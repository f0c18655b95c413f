/** Recipients of a job's alerts, from the transports there are; and a test message to those in the form, saved or not. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { alertQueries, alerts, type Transport } from '../alerts/api'
import { useMay } from '../api/permissions'
import { ActionButton } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { Glyph } from '../ui/Status'
import { useEditing } from './context'
import css from './editor.module.css'
import { read } from './pointer'
import { reachedBy } from './recipients'
import { t } from './words'

const PLACE = '/alerts/recipients'

export function AlertRecipients() {
  const { job, set } = useEditing()
  const may = useMay()('settings:notifications')
  const { data } = useQuery({ ...alertQueries.transports(), enabled: may })
  const [typed, setTyped] = useState('')
  const found = read(job, PLACE)
  const recipients = Array.isArray(found) ? found.filter((each): each is string => typeof each === 'string') : []
  const transports = data?.transports ?? []
  const test = useMutation({ mutationFn: () => Promise.all(targets(recipients, transports).map(async ([recipient, target]) => ({ recipient, ...(target ? await alerts.test(target.transport, target.to) : { ok: false, answer: t.noTransport }) }))) })
  if (!may) return null
  const options = transports.filter((each) => each.enabled).map((each) => ({ value: each.name, hint: [each.kind, each.default_recipient].filter(Boolean).join(' · ') }))
  const add = (value: string) => {
    setTyped(value)
    if (!options.some((option) => option.value === value)) return
    if (!recipients.includes(value)) set(PLACE, [...recipients, value])
    setTyped('')
  }
  return (
    <div className={css.recipients} data-recipients={recipients.length}>
      <Combobox aria-label={t.addTransport} placeholder={t.addTransport} value={typed} options={options} onChange={add} />
      <ActionButton action={test} waiting={t.sendingTest} disabled={transports.length === 0} onClick={() => test.mutate()}>{t.sendTest}</ActionButton>
      {test.data && !test.isPending && (
        <div role="status">
          <ul>
            {test.data.map((each) => <li key={each.recipient} data-tested={each.ok}><Glyph status={each.ok ? 'SUCCEEDED' : 'FAILED'} /> <code>{each.recipient}</code> <span className="muted">{each.answer}</span></li>)}
          </ul>
        </div>
      )}
    </div>
  )
}

/** Whom the form names, or else every transport at its default recipient. */
function targets(recipients: string[], transports: Transport[]) {
  const names = recipients.length > 0 ? recipients : transports.filter((each) => each.enabled && each.default_recipient !== null).map((each) => each.name)
  return names.map((recipient) => [recipient, reachedBy(recipient, transports)] as const)
}
