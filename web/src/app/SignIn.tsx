/** The sign-in page: one token, then back to where the person wanted to go. */
import { useMutation } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError } from '../api/client'
import { t } from '../i18n'
import { useTitle } from '../ui/hooks'
import { Button, InlineProblem } from '../ui/parts'
import { signIn } from './session'
import { Mark } from './Shell'
import css from './shell.module.css'

export function SignIn() {
  useTitle(t.signIn.title)
  const { to } = useSearch({ from: '/login' })
  const router = useRouter()
  const [token, setToken] = useState('')
  const enter = useMutation({
    mutationFn: () => signIn(token.trim()),
    onSuccess: () => router.history.push(router.basepath.replace(/\/$/, '') + (to ?? '/jobs')),
  })
  const denied = enter.error instanceof ApiError && (enter.error.status === 401 || enter.error.status === 403)
  return (
    <main className={css.signIn}>
      <form
        className={css.signInBox}
        onSubmit={(event) => {
          event.preventDefault()
          if (!enter.isPending) enter.mutate()
        }}
      >
        <span className={css.brand}><Mark />{t.product}</span>
        <h1>{t.signIn.title}</h1>
        {/* The name lets a password manager keep the token with a user. */}
        <input type="text" name="username" autoComplete="username" value="operator" readOnly hidden />
        <label htmlFor="token">{t.signIn.token}</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          autoFocus
          value={token}
          aria-invalid={denied || undefined}
          aria-describedby="token-help"
          onChange={(event) => setToken(event.target.value)}
        />
        {denied ? <span className={css.denied} role="alert">{t.signIn.denied}</span> : <InlineProblem error={enter.error} />}
        <Button type="submit" kind="primary" pending={enter.isPending} disabled={token.trim() === ''}>
          {enter.isPending ? t.signIn.pending : t.signIn.submit}
        </Button>
        <p id="token-help" className="muted">{t.signIn.help} <code>{t.signIn.helpFile}</code> {t.signIn.helpAfter}</p>
      </form>
    </main>
  )
}
