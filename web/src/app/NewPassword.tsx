/** The change of a password that somebody else has set and that works once. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '../ui/Button'
import { InlineProblem } from '../ui/Problem'
import { changePassword } from './session'
import css from './signin.module.css'
import { t } from './words'

const SHORTEST = 12

export function NewPassword({ done }: { done: () => void }) {
  const [old, setOld] = useState('')
  const [chosen, setChosen] = useState('')
  const [repeat, setRepeat] = useState('')
  const change = useMutation({ mutationFn: () => changePassword(old, chosen), onSuccess: done })
  const short = chosen !== '' && chosen.length < SHORTEST
  const different = repeat !== '' && repeat !== chosen
  return (
    <>
      <h1>{t.newPassword}</h1>
      <p className="muted">{t.newPasswordHint}</p>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault()
          if (!change.isPending) change.mutate()
        }}
      >
        <label htmlFor="old">{t.oldPassword}</label>
        <input id="old" type="password" autoComplete="current-password" required autoFocus value={old} onChange={(event) => setOld(event.target.value)} />
        <label htmlFor="chosen">{t.chosen}</label>
        <input id="chosen" type="password" autoComplete="new-password" required minLength={SHORTEST} aria-invalid={short || undefined} value={chosen} onChange={(event) => setChosen(event.target.value)} />
        {short && <span className={css.denied}>{t.tooShort}</span>}
        <label htmlFor="repeat">{t.repeat}</label>
        <input id="repeat" type="password" autoComplete="new-password" required aria-invalid={different || undefined} value={repeat} onChange={(event) => setRepeat(event.target.value)} />
        {different && <span className={css.denied} role="alert">{t.different}</span>}
        <InlineProblem error={change.error} />
        <Button type="submit" kind="primary" pending={change.isPending} disabled={old === '' || chosen.length < SHORTEST || repeat !== chosen}>{change.isPending ? t.changing : t.change}</Button>
      </form>
    </>
  )
}
