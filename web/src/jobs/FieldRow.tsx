/** One value of the run dialog, edited as its kind asks: switch, number, text, list, connector. */
import { useQuery } from '@tanstack/react-query'
import { Undo2 } from 'lucide-react'
import { useId } from 'react'
import { http } from '../api/http'
import { optional } from '../api/queries'
import { Button } from '../ui/Button'
import { Combobox } from '../ui/Combobox'
import css from './dialog.module.css'
import { t } from './dialogWords'
import { isChanged, parse, textOf, type Field } from './overrides'

interface Props {
  field: Field
  label: string
  /** The accessible name, where the label alone would not tell which step it belongs to. */
  name?: string
  /** What the server found wrong with it. */
  problem?: string | undefined
  onChange: (field: Field) => void
}

interface ConnectorList {
  connectors: { name: string; type: string; target?: string | null }[]
}

export function FieldRow({ field, label, name, problem, onChange }: Props) {
  const id = useId()
  const parsed = parse(field)
  const set = (text: string) => onChange({ ...field, text })
  const connectors = useQuery({ queryKey: ['connectors'], queryFn: ({ signal }) => optional(http.get<ConnectorList>('admin/connectors', signal)), enabled: field.kind === 'connector' })
  const known = connectors.data?.connectors ?? null
  const isUnknown = field.kind === 'connector' && known !== null && !known.some((each) => each.name === field.text)
  const why = !parsed.ok ? (parsed.why === 'number' ? t.notNumber : t.notJson) : problem ?? (isUnknown ? t.unknownConnector : null)
  const common = { id, 'aria-label': name, 'aria-invalid': !parsed.ok || problem !== undefined || undefined, 'aria-describedby': why ? `${id}-why` : undefined }
  return (
    <div className={css.field}>
      <label htmlFor={id} className="mono">{label}</label>
      {field.kind === 'boolean' ? <input type="checkbox" {...common} checked={field.text === 'true'} onChange={(event) => set(String(event.target.checked))} />
        : field.kind === 'secret' ? <span className="muted">{t.secret}</span>
        : field.kind === 'connector' ? <Combobox {...common} value={field.text} free options={(known ?? []).map((each) => ({ value: each.name, hint: each.type }))} onChange={set} />
        : field.kind === 'json' ? <textarea rows={2} spellCheck={false} {...common} value={field.text} onChange={(event) => set(event.target.value)} />
        : <input type="text" spellCheck={false} autoComplete="off" inputMode={field.kind === 'number' ? 'decimal' : undefined} {...common} value={field.text} onChange={(event) => set(event.target.value)} />}
      {isChanged(field) && <Button kind="quiet" icon={<Undo2 size={14} aria-hidden />} aria-label={t.resetField(label)} title={t.resetField(label)} onClick={() => set(textOf(field.saved))} />}
      {why && <small id={`${id}-why`} data-soft={parsed.ok && problem === undefined}>{why}</small>}
    </div>
  )
}
