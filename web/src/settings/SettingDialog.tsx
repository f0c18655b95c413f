/** One setting as a form: a switch or a whole number, written into the file of the server; it counts after a restart. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient } from '../api/queries'
import { Button, Switch } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { t as shared } from '../ui/words'
import { settings, type Setting } from './api'
import { t } from './settingWords'

export const writeSetting = async (key: string, value: unknown): Promise<void> => {
  await settings.write(key, value)
  await queryClient.invalidateQueries({ queryKey: ['settings'] })
}

/** What a process that starts now would go by. */
export const wanted = (setting: Setting): unknown => setting.next ?? setting.value

export function SettingDialog({ setting, close }: { setting: Setting; close: () => void }) {
  const [value, setValue] = useState(String(wanted(setting)))
  const isSwitch = typeof setting.value === 'boolean'
  const save = useMutation({ mutationFn: (wish: unknown) => writeSetting(setting.key, wish), onSuccess: close })
  const isWhole = /^\d+$/.test(value)
  // What stands in the file can be taken out of it.
  const isSet = setting.source === 'file' || setting.next !== null
  return (
    <Dialog
      title={t.change(setting.key)}
      close={close}
      size="small"
      foot={
        <>
          <InlineProblem error={save.error} />
          {isSet && <Button kind="quiet" title={t.resetHint} disabled={save.isPending} onClick={() => save.mutate(null)}>{t.reset}</Button>}
          <span className="grow" />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={save.isPending} disabled={(!isSwitch && !isWhole) || value === String(wanted(setting))} onClick={() => save.mutate(isSwitch ? value === 'true' : Number(value))}>{save.isPending ? t.saving : t.save}</Button>
        </>
      }
    >
      {t.meanings[setting.key] && <p>{t.meanings[setting.key]}</p>}
      <Field label={<code>{setting.key}</code>} hint={t.counts} error={!isSwitch && !isWhole && value !== '' ? t.notWhole : undefined}>
        {(tie) => isSwitch
          ? <span id={tie.id}><Switch checked={value === 'true'} label={setting.key} onChange={(on) => setValue(String(on))} /></span>
          : <input {...tie} type="text" inputMode="numeric" autoComplete="off" value={value} onChange={(event) => setValue(event.target.value.trim())} />}
      </Field>
    </Dialog>
  )
}
