/**
 * Signing in: user and password, an identity provider, or a token, as the server offers; then back to where the person
 * wanted to go. A one-time password must be changed first. The same form asks again in place when a session ends.
 */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ApiError, endpoint } from '../api/http'
import type { Me } from '../api/permissions'
import { queries } from '../api/queries'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { useTitle } from '../ui/hooks'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { signedInAgain } from './again'
import { Mark } from './Mark'
import { NewPassword } from './NewPassword'
import { providers, signIn, startLive } from './session'
import css from './signin.module.css'
import { t } from './words'

export function SignIn() {
  useTitle(t.signIn)
  const { to, provider, problem, signed_out: left } = useSearch({ from: '/login' })
  const router = useRouter()
  // Somebody who came here with a one-time password is signed in already.
  const { data: me } = useQuery({ ...queries.me(), enabled: false })
  const [mustChange, setMustChange] = useState(me?.must_change_password === true)
  const go = () => router.history.push(router.basepath.replace(/\/$/, '') + (to ?? '/jobs'))
  const signedIn = (who: Me) => (who.must_change_password ? setMustChange(true) : go())
  return (
    <main className={css.signIn}>
      <div className={css.box}>
        <span className={css.brand}><Mark />{t.product}</span>
        {mustChange ? <NewPassword done={go} /> : <><h1>{t.signIn}</h1>{problem && <ProviderProblem provider={provider} problem={problem} />}{left && !problem && <SignedOutThere provider={provider} />}<Ways to={to ?? '/jobs'} done={signedIn} /></>}
      </div>
    </main>
  )
}

/** Why an identity provider led back without a session. */
function ProviderProblem({ provider, problem }: { provider: string | undefined; problem: string }) {
  const { data: offered } = useQuery({ queryKey: ['providers'], queryFn: providers })
  // What stands in the address could be anybody's words: only names the server knows are shown.
  const known = offered?.find((each) => each.name === provider)
  const label = known?.label || known?.name || t.provider
  const words = Object.hasOwn(t.providerProblems, problem) ? t.providerProblems[problem as keyof typeof t.providerProblems] : t.providerFailed
  return <p className={css.refused} role="alert"><strong>{t.providerTitle(label)}</strong> {words}</p>
}

/** Back from the provider, whose session has ended with the one here. */
function SignedOutThere({ provider }: { provider: string | undefined }) {
  const { data: offered } = useQuery({ queryKey: ['providers'], queryFn: providers })
  const known = offered?.find((each) => each.name === provider)
  return known ? <p role="status">{t.signedOutAt(known.label || known.name)}</p> : null
}

/** Over the page, when the session ended under something unsaved. */
export function SignInAgain() {
  const { state } = useRouter()
  return (
    <Dialog title={t.again} close={() => {}} size="small">
      <p className="muted">{t.againHint}</p>
      <Ways
        to={state.location.href}
        done={() => {
          signedInAgain()
          startLive()
        }}
      />
    </Dialog>
  )
}

function Ways({ to, done }: { to: string; done: (me: Me) => void }) {
  const { data: offered, isPending } = useQuery({ queryKey: ['providers'], queryFn: providers })
  const [byToken, setByToken] = useState(false)
  if (isPending) return null
  const passwords = offered?.some((each) => each.kind !== 'oidc') ?? false
  const others = offered?.filter((each) => each.kind === 'oidc') ?? []
  return (
    <>
      {others.map((each) => (
        <a key={each.name} className={ui.button} href={`${endpoint((each.start ?? `auth/oidc/${encodeURIComponent(each.name)}/start`).replace(/^\//, ''))}?return_to=${encodeURIComponent(to)}`}>
          {t.with(each.label || each.name)}
        </a>
      ))}
      {others.length > 0 && <p className={css.or}>{t.or}</p>}
      {passwords && !byToken ? <PasswordForm to={to} done={done} /> : <TokenForm done={done} />}
      {passwords && (
        <button type="button" className={ui.linkButton} onClick={() => setByToken(!byToken)}>{byToken ? t.withPassword : t.withToken}</button>
      )}
    </>
  )
}

function isDenied(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403)
}

/** Counts down while the server refuses further attempts. */
function useWait(error: unknown): number {
  const [left, setLeft] = useState(0)
  useEffect(() => {
    const wait = error instanceof ApiError && error.status === 429 ? (error.retryAfter ?? 5) : 0
    setLeft(wait)
    if (wait === 0) return
    const until = Date.now() + wait * 1000
    const id = setInterval(() => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000))), 250)
    return () => clearInterval(id)
  }, [error])
  return left
}

function Refusal({ error, wait, denied }: { error: unknown; wait: number; denied: string }) {
  if (wait > 0) return <span className={css.denied} role="alert">{t.wait(wait)}</span>
  if (isDenied(error)) return <span className={css.denied} role="alert">{denied}</span>
  return error instanceof ApiError && error.status === 429 ? null : <InlineProblem error={error} />
}

function PasswordForm({ to, done }: { to: string; done: (me: Me) => void }) {
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [caps, setCaps] = useState(false)
  const enter = useMutation({ mutationFn: () => signIn({ user: user.trim(), password }), onSuccess: done })
  const wait = useWait(enter.error)
  const denied = isDenied(enter.error)
  const onKey = (event: React.KeyboardEvent) => setCaps(event.getModifierState('CapsLock'))
  return (
    <form
      className={css.form}
      // A form of HTML as well: the server takes it, should it be sent without this page.
      method="post"
      action={endpoint('auth/login')}
      onSubmit={(event) => {
        event.preventDefault()
        if (!enter.isPending && wait === 0) enter.mutate()
      }}
    >
      <input type="hidden" name="to" value={to} />
      <label htmlFor="user">{t.user}</label>
      <input id="user" type="text" name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus aria-invalid={denied || undefined} value={user} onChange={(event) => setUser(event.target.value)} />
      <label htmlFor="password">{t.password}</label>
      <input id="password" type="password" name="password" autoComplete="current-password" required aria-invalid={denied || undefined} value={password} onKeyDown={onKey} onKeyUp={onKey} onChange={(event) => setPassword(event.target.value)} />
      {caps && <span className={css.caps} role="status">{t.capsLock}</span>}
      <Refusal error={enter.error} wait={wait} denied={t.denied} />
      <Button type="submit" kind="primary" pending={enter.isPending} disabled={wait > 0 || user.trim() === '' || password === ''}>{enter.isPending ? t.signingIn : t.signIn}</Button>
    </form>
  )
}

function TokenForm({ done }: { done: (me: Me) => void }) {
  const [token, setToken] = useState('')
  const enter = useMutation({ mutationFn: () => signIn({ token: token.trim() }), onSuccess: done })
  const wait = useWait(enter.error)
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault()
        if (!enter.isPending && wait === 0) enter.mutate()
      }}
    >
      {/* The name lets a password manager keep the token with a user. */}
      <input type="text" name="username" autoComplete="username" value="operator" readOnly hidden />
      <label htmlFor="token">{t.token}</label>
      <input id="token" type="password" autoComplete="current-password" required autoFocus value={token} aria-invalid={isDenied(enter.error) || undefined} aria-describedby="token-help" onChange={(event) => setToken(event.target.value)} />
      <Refusal error={enter.error} wait={wait} denied={t.deniedToken} />
      <Button type="submit" kind="primary" pending={enter.isPending} disabled={wait > 0 || token.trim() === ''}>{enter.isPending ? t.signingIn : t.signIn}</Button>
      <p id="token-help" className="muted">{t.tokenHelp} <code>{t.tokenFile}</code> {t.tokenHelpAfter}</p>
    </form>
  )
}
