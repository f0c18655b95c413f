/** Who is signed in, how the page looks to them, and the way out. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { LogOut } from 'lucide-react'
import { queries } from '../api/queries'
import { Button, Switch } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { usePreference } from '../ui/hooks'
import { Tag } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { choices, type PreferenceName } from './preferences'
import { signOut } from './session'
import css from './shell.module.css'
import { t } from './words'

export function Account({ close }: { close: () => void }) {
  const { data: me } = useQuery(queries.me())
  const navigate = useNavigate()
  const leave = useMutation({ mutationFn: (all: boolean) => signOut(all, () => void navigate({ to: '/login', search: {} })) })
  const everywhere = leave.variables === true
  return (
    <Dialog
      title={me?.display_name || me?.user || t.account}
      close={close}
      size="small"
      foot={
        <>
          <InlineProblem error={leave.error} />
          <Button kind="quiet" title={t.signOutAllHint} pending={leave.isPending && everywhere} disabled={leave.isPending} onClick={() => leave.mutate(true)}>{t.signOutAll}</Button>
          <Button icon={<LogOut size={14} aria-hidden />} pending={leave.isPending && !everywhere} disabled={leave.isPending} onClick={() => leave.mutate(false)}>{t.signOut}</Button>
        </>
      }
    >
      {me?.permissions && <p className={css.permissions}>{me.permissions.map((each) => <Tag key={each}>{each}</Tag>)}</p>}
      <Appearance />
    </Dialog>
  )
}

/** Theme, language, zone, density and shortcuts of this browser. Also part of the settings page. */
export function Appearance() {
  const [shortcuts, setShortcuts] = usePreference('shortcuts')
  return (
    <>
      <Choice name="theme" label={t.themeLabel} words={t.theme} />
      {/* Words are read once, when the page starts. */}
      <Choice name="language" label={t.languageLabel} words={t.language} after={() => location.reload()} />
      <Choice name="zone" label={t.zoneLabel} words={t.zone} />
      <Choice name="density" label={t.densityLabel} words={t.density} />
      <Field label={t.shortcutsLabel}>
        {() => <Switch checked={shortcuts === 'on'} label={t.shortcutsLabel} onChange={(on) => setShortcuts(on ? 'on' : 'off')} />}
      </Field>
    </>
  )
}

function Choice<N extends PreferenceName>({ name, label, words, after }: { name: N; label: string; words: Record<string, string>; after?: () => void }) {
  const [value, setValue] = usePreference(name)
  return (
    <Field label={label}>
      {(tie) => (
        <select
          {...tie}
          value={value}
          onChange={(event) => {
            setValue(event.target.value as typeof value)
            after?.()
          }}
        >
          {choices(name).map((each) => <option key={each} value={each}>{words[each]}</option>)}
        </select>
      )}
    </Field>
  )
}
