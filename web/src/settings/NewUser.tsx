/** Making a local account; its one-time password is shown once. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { endpoint } from '../api/http'
import { queryClient } from '../api/queries'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { t as shared } from '../ui/words'
import { settings } from './api'
import { PermissionPicker } from './PermissionPicker'
import { Reach } from './Reach'
import { Shown } from './Shown'
import { t } from './words'

export const refreshUsers = () => queryClient.invalidateQueries({ queryKey: ['users'] })

export function NewUser({ close }: { close: () => void }) {
  const [name, setName] = useState('')
  const [shownAs, setShownAs] = useState('')
  const [held, setHeld] = useState<string[]>([])
  const create = useMutation({ mutationFn: () => settings.createUser({ name: name.trim(), display_name: shownAs.trim(), permissions: held }), onSuccess: refreshUsers })
  if (create.data?.one_time_password) return <OneTime name={create.data.name} password={create.data.one_time_password} path={create.data.setup_path} close={close} />
  return (
    <Dialog
      title={t.newUser}
      close={close}
      foot={
        <>
          <InlineProblem error={create.error} />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={create.isPending} disabled={name.trim() === ''} onClick={() => create.mutate()}>{create.isPending ? t.creating : t.create}</Button>
        </>
      }
    >
      <Field label={t.name} hint={t.nameRule}>{(tie) => <input {...tie} type="text" autoCapitalize="none" autoComplete="off" spellCheck={false} autoFocus maxLength={64} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
      <Field label={t.displayName}>{(tie) => <input {...tie} type="text" autoComplete="off" maxLength={200} value={shownAs} onChange={(event) => setShownAs(event.target.value)} />}</Field>
      <PermissionPicker label={t.permissions} held={held} onChange={setHeld} />
      <Reach permissions={held} />
    </Dialog>
  )
}

/** The password, and a link that brings it along: either is enough, and works once. */
export function OneTime({ name, password, path, close }: { name: string; password: string; path: string | null; close: () => void }) {
  return (
    <Dialog title={t.oneTime(name)} close={close} size="small" foot={<Button kind="primary" onClick={close}>{t.done}</Button>}>
      <p>{t.oneTimeHint}</p>
      <Shown text={password} label={t.oneTime(name)} copy={t.copyPassword} />
      {path && <><p>{t.setupHint}</p><Shown text={endpoint(path.slice(1))} label={t.setupLink} copy={t.copySetup} /></>}
    </Dialog>
  )
}
