/** Another name for a connector, in everything that names it; and taking it out, which waits until nobody does. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { queryClient } from '../api/queries'
import { Button } from '../ui/Button'
import { ConfirmDialog, Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Skeleton } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { t as shared } from '../ui/words'
import { editing, type Reference } from './connectors'
import css from './connectors.module.css'
import { isName } from './draft'
import { e } from './editWords'

export function References({ references }: { references: Reference[] }) {
  return (
    <ul className={css.references}>
      {references.map((each) => (
        <li key={`${each.kind} ${each.name}`} data-reference={each.name}>
          {e.kinds[each.kind]} {each.kind === 'job' ? <Link to="/jobs/$id" params={{ id: each.name }} className="mono">{each.name}</Link> : <span className="mono">{each.name}</span>}
          <span className="muted"> {each.file} {each.places.join(', ')}</span>
        </li>
      ))}
    </ul>
  )
}

export function RenameDialog({ name, close, renamed }: { name: string; close: () => void; renamed: (to: string) => void }) {
  const [to, setTo] = useState('')
  const who = useQuery({ queryKey: ['connectors', name, 'references'], queryFn: () => editing.rename(name, `${name}_`, true), staleTime: 0, retry: false })
  const rename = useMutation({
    mutationFn: () => editing.rename(name, to, false),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['connectors'] })
      renamed(to)
    },
  })
  const bad = to !== '' && !isName(to)
  return (
    <Dialog
      title={e.renameTitle(name)}
      close={close}
      foot={
        <>
          <InlineProblem error={rename.error ?? who.error} />
          <span className="grow" />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={rename.isPending} disabled={to === '' || bad || to === name || !who.data} onClick={() => rename.mutate()}>{rename.isPending ? e.renaming : e.rename}</Button>
        </>
      }
    >
      <Field label={e.newName} error={bad ? e.nameBad : undefined}>
        {(tie) => <input {...tie} type="text" spellCheck={false} autoComplete="off" value={to} onChange={(event) => setTo(event.target.value)} />}
      </Field>
      <Skeleton pending={who.isPending} rows={2} />
      {who.data && (who.data.references.length === 0 ? <p className="muted">{e.nobody}</p> : <><p>{e.changesToo}</p><References references={who.data.references} /></>)}
      <p className="muted">{e.templates}</p>
    </Dialog>
  )
}

export function DeleteDialog({ name, references, close, deleted }: { name: string; references: Reference[]; close: () => void; deleted: () => void }) {
  const remove = useMutation({
    mutationFn: () => editing.remove(name),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['connectors'] })
      deleted()
    },
  })
  if (references.length > 0) {
    return (
      <Dialog title={e.removeTitle(name)} close={close} foot={<><span className="grow" /><Button onClick={close}>{shared.close}</Button></>}>
        <p>{e.cannotRemove}</p>
        <References references={references} />
      </Dialog>
    )
  }
  return (
    <ConfirmDialog title={e.removeTitle(name)} confirm={e.remove} danger word={name} action={remove} onConfirm={() => remove.mutate()} close={close}>
      <p>{e.removeText}</p>
    </ConfirmDialog>
  )
}
