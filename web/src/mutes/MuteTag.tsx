/** A sign that alerts are muted, wherever the job or route stands: silence must not look like health. */
import { useMutation } from '@tanstack/react-query'
import { BellOff } from 'lucide-react'
import { useState } from 'react'
import { useMay } from '../api/permissions'
import { ActionButton, Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Panel } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { At } from '../ui/Times'
import { t as shared } from '../ui/words'
import css from './mutes.module.css'
import { m, mute, SPANS, unmute, useMutes, type Mute } from './mutes'

export function MuteTag({ kind, name }: Pick<Mute, 'kind' | 'name'>) {
  const found = useMutes().find((each) => each.kind === kind && each.name === name)
  if (!found) return null
  return (
    <span className={css.tag} title={`${m.tag(name)}. ${m.by(found.by)} ${found.reason}`} data-muted={name}>
      <BellOff size={12} aria-hidden /> {m.muted} {m.until} <At at={found.until} />
    </span>
  )
}

/** Every mute, with a way to end it; nothing while there is none. */
export function MuteList() {
  const mutes = useMutes()
  if (mutes.length === 0) return null
  return (
    <Panel title={m.list}>
      <ul className={css.list}>
        {mutes.map((each) => (
          <li key={`${each.kind} ${each.name}`} data-mute={each.name}>
            <BellOff size={14} aria-hidden /> <span>{m.kinds[each.kind]} <strong className="mono">{each.name}</strong> {m.until} <At at={each.until} /></span>
            <span className="muted">{m.by(each.by)}{each.reason && ` · ${each.reason}`} · {m.held(each.held)}</span>
            <EndMute kind={each.kind} name={each.name} />
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function EndMute({ kind, name }: Pick<Mute, 'kind' | 'name'>) {
  const end = useMutation({ mutationFn: () => unmute(kind, name) })
  return <ActionButton action={end} kind="quiet" waiting={m.ending} onClick={() => end.mutate()}>{m.end}</ActionButton>
}

/** Mutes, or ends the mute there is. Only for those who may. */
export function MuteButton({ kind, name }: Pick<Mute, 'kind' | 'name'>) {
  const isMuted = useMutes().some((each) => each.kind === kind && each.name === name)
  const [open, setOpen] = useState(false)
  if (!useMay()('settings:notifications')) return null
  if (isMuted) return <EndMute kind={kind} name={name} />
  return (
    <>
      <Button kind="quiet" icon={<BellOff size={14} aria-hidden />} aria-label={`${m.mute}: ${name}`} title={m.mute} onClick={() => setOpen(true)} />
      {open && <MuteDialog kind={kind} name={name} close={() => setOpen(false)} />}
    </>
  )
}

function MuteDialog({ kind, name, close }: Pick<Mute, 'kind' | 'name'> & { close: () => void }) {
  const [minutes, setMinutes] = useState<number>(60)
  const [reason, setReason] = useState('')
  const act = useMutation({ mutationFn: () => mute(kind, name, minutes, reason), onSuccess: close })
  return (
    <Dialog
      title={m.title(name)}
      close={close}
      size="small"
      foot={
        <>
          <InlineProblem error={act.error} />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={act.isPending} onClick={() => act.mutate()}>{act.isPending ? m.muting : m.mute}</Button>
        </>
      }
    >
      <p className="muted">{m.hint}</p>
      <Field label={m.span}>
        {(tie) => <select {...tie} value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>{SPANS.map((each) => <option key={each} value={each}>{m.spans[each]}</option>)}</select>}
      </Field>
      <Field label={m.reason} hint={m.reasonHint}>
        {(tie) => <input {...tie} type="text" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
    </Dialog>
  )
}
