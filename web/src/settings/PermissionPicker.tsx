/** Permissions as marks that can be taken away, and a box that completes the ones to add, `job:<name>` included. */
import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { queries } from '../api/queries'
import { Combobox } from '../ui/Combobox'
import { Field } from '../ui/Field'
import { choices } from './access'
import css from './settings.module.css'
import { t } from './words'

interface Props {
  label: string
  held: string[]
  onChange: (held: string[]) => void
  /** The ones to choose from; without it, every one there is. */
  of?: string[] | undefined
}

export function PermissionPicker({ label, held, onChange, of }: Props) {
  const jobs = useQuery(queries.jobs())
  const offered = of?.filter((each) => !held.includes(each)) ?? choices(jobs.data?.jobs.map((job) => job.id) ?? [], held)
  return (
    <Field label={label} hint={t.addPermissionHint}>
      {(tie) => (
        <>
          <Combobox
            {...tie}
            placeholder={t.addPermission}
            value=""
            options={offered.map((each) => ({ value: each, hint: t.meanings[each] ?? t.oneJob }))}
            onChange={(permission) => onChange([...held, permission])}
          />
          <span className={css.marks}>
            {held.length === 0 && <span className="muted">{t.noPermissions}</span>}
            {held.map((each) => (
              <button key={each} type="button" className={css.mark} aria-label={t.removePermission(each)} title={t.meanings[each] ?? t.oneJob} onClick={() => onChange(held.filter((other) => other !== each))}>
                <code>{each}</code><X size={12} aria-hidden />
              </button>
            ))}
          </span>
        </>
      )}
    </Field>
  )
}
