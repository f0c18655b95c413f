/** One account: its name for people, what it may do and why, and the ways to take that away. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queries } from '../api/queries'
import { ActionButton, Button } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import { ConfirmDialog, Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Tag } from '../ui/parts'
import { t as shared } from '../ui/words'
import { isLastSuperuser, whyRun } from './access'
import { settings, type User } from './api'
import { OneTime, refreshUsers } from './NewUser'
import { PermissionPicker } from './PermissionPicker'
import { Reach } from './Reach'
import css from './settings.module.css'
import { t } from './words'

export function UserDialog({ user, users, close }: { user: User; users: User[]; close: () => void }) {
  const [shownAs, setShownAs] = useState(user.display_name)
  const [held, setHeld] = useState(user.permissions)
  const [removing, setRemoving] = useState(false)
  const isLast = isLastSuperuser(users, user.name)
  const isDirty = shownAs.trim() !== user.display_name || held.join() !== user.permissions.join()
  const save = useMutation({ mutationFn: () => settings.changeUser(user.name, { display_name: shownAs.trim(), permissions: held }), onSuccess: refreshUsers })
  const toggle = useMutation({ mutationFn: () => settings.changeUser(user.name, { disabled: !user.disabled }), onSuccess: refreshUsers })
  const reset = useMutation({ mutationFn: () => settings.resetPassword(user.name), onSuccess: refreshUsers })
  if (reset.data) return <OneTime name={user.name} password={reset.data.one_time_password} path={reset.data.setup_path} close={close} />
  if (removing) return <Remove user={user} close={() => setRemoving(false)} gone={close} />
  return (
    <Dialog
      title={t.editUser(user.name)}
      close={close}
      foot={
        <>
          <Button onClick={close}>{shared.close}</Button>
          <ActionButton kind="primary" action={save} waiting={t.saving} done={t.saved} disabled={!isDirty} onClick={() => save.mutate()}>{t.save}</ActionButton>
        </>
      }
    >
      <Field label={t.displayName}>{(tie) => <input {...tie} type="text" maxLength={200} value={shownAs} onChange={(event) => setShownAs(event.target.value)} />}</Field>
      <PermissionPicker label={t.granted} held={held} onChange={setHeld} />
      {user.permissions_from_groups.length > 0 && (
        <div className={css.groups}><span>{t.fromGroups}</span><span className={css.marks}>{user.permissions_from_groups.map((each) => <Tag key={each}>{each}</Tag>)} <small className="muted">{t.fromGroupsHint}</small></span></div>
      )}
      <Reach permissions={[...held, ...user.permissions_from_groups]} />
      <WhyRun user={user} />
      <div className={css.danger}>
        <ActionButton action={toggle} waiting={user.disabled ? t.enabling : t.disabling} title={user.disabled ? undefined : t.disableHint} disabled={isLast && !user.disabled} onClick={() => toggle.mutate()}>{user.disabled ? t.enable : t.disable}</ActionButton>
        {user.source === 'local' && <ActionButton action={reset} waiting={t.resetting} onClick={() => reset.mutate()}>{t.reset}</ActionButton>}
        <Button kind="quiet" disabled={isLast} onClick={() => setRemoving(true)}>{t.deleteUser}</Button>
        {isLast && <small className="muted">{t.lastSuperuser}</small>}
      </div>
    </Dialog>
  )
}

/** As the account is saved, not as it is being edited: that is what the server would say. */
function WhyRun({ user }: { user: User }) {
  const jobs = useQuery(queries.jobs())
  const [job, setJob] = useState('')
  const why = job === '' ? null : whyRun(user, job)
  return (
    <Field label={t.why(user.name)}>
      {(tie) => (
        <>
          <Combobox {...tie} aria-label={t.whyJob} placeholder={t.whyJob} value={job} options={(jobs.data?.jobs ?? []).map((each) => ({ value: each.id }))} onChange={setJob} />
          {why && (
            <span role="status">
              {user.disabled ? t.whyDisabled : why.length === 0 ? t.whyNo : <>{t.whyYes} {why.map((each, i) => <span key={each.permission + each.through}>{i > 0 && ', '}<code>{each.permission}</code> ({each.through === 'granted' ? t.granted_ : t.group_})</span>)}.</>}
            </span>
          )}
        </>
      )}
    </Field>
  )
}

function Remove({ user, close, gone }: { user: User; close: () => void; gone: () => void }) {
  const remove = useMutation({
    mutationFn: () => settings.deleteUser(user.name),
    onSuccess: async () => {
      await refreshUsers()
      gone()
    },
  })
  return <ConfirmDialog title={t.deleteTitle(user.name)} danger word={user.name} confirm={t.deleteUser} action={remove} onConfirm={() => remove.mutate()} close={close}><p>{t.deleteHint}</p></ConfirmDialog>
}
