/** Which version of a component the steps of the job call: the one in force, or one that is kept and pinned by its digest. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { versionsQuery } from '../plugins/versions'
import { Field } from '../ui/Field'
import { shortInstant, toMillis } from '../ui/time'
import { useEditing } from './context'
import { Found } from './Fields'
import { join, read } from './pointer'
import { at } from './problems'
import { t } from './words'

/** Digits that are written: enough to keep any two versions apart. */
const DIGITS = 12

const since = (at: string): string => {
  const ms = toMillis(at)
  return ms === null ? '' : shortInstant(ms)
}

export function Pin({ callable }: { callable: unknown }) {
  const { job, findings, set } = useEditing()
  const plugin = typeof callable === 'string' && !callable.includes('${') ? callable.split(/[.:]/)[0]! : ''
  const { data } = useQuery({ ...versionsQuery(plugin), enabled: plugin !== '' })
  const pointer = join('/pins', plugin)
  const value = read(job, pointer)
  const all = data?.versions ?? []
  if (plugin === '' || (all.length === 0 && value === undefined)) return null
  const pinned = typeof value === 'string' ? value.toLowerCase() : ''
  const chosen = all.find((each) => pinned !== '' && each.digest.startsWith(pinned))
  const inForce = all.find((each) => each.in_force)
  const found = at(findings, pointer, true)
  return (
    <div data-pointer={pointer}>
      <Field label={t.pin} hint={<>{t.pinHint(plugin)} <Link to="/plugins/$name" params={{ name: plugin }}>{t.pinVersions}</Link></>} error={found.length > 0 ? <Found found={found} /> : undefined}>
        {(tie) => (
          <select {...tie} value={value === undefined ? '' : (chosen?.digest ?? 'other')} onChange={(event) => set(pointer, event.target.value === '' ? undefined : event.target.value.slice(0, DIGITS))}>
            <option value="">{t.pinNone(inForce?.digest.slice(0, DIGITS) ?? '')}</option>
            {value !== undefined && !chosen && <option value="other" disabled>{String(value)}</option>}
            {all.filter((each) => each.kept || each === chosen).map((each) => (
              <option key={each.digest} value={each.digest}>{t.pinOf(each.digest.slice(0, DIGITS), since(each.installed_at), each.in_force, each.kept)}</option>
            ))}
          </select>
        )}
      </Field>
    </div>
  )
}
