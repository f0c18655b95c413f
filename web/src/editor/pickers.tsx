/** Pickers over what the server knows: connectors, tables, named queries, jobs, callables, zones. Each also takes a value that is not in its list. */
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { queries } from '../api/queries'
import type { Named } from '../sql/complete'
import { SqlInput } from '../sql/SqlInput'
import { Combobox, type Option } from '../ui/Combobox'
import { Menu } from '../ui/Menu'
import ui from '../ui/ui.module.css'
import css from './editor.module.css'
import type { Tie } from './inputs'
import { editing, type Connector } from './requests'
import { t } from './words'

interface Props {
  tie: Tie
  value: unknown
  onChange: (value: unknown) => void
}

const NONE: readonly Named[] = []

const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value))
const orNothing = (onChange: Props['onChange']) => (value: string) => onChange(value === '' ? undefined : value)

function health({ type, dialect, last_test: test }: Connector): string {
  return `${dialect ?? type} · ${test ? (test.ok ? `✓ ${t.tested}` : `✕ ${t.failed}`) : t.untested}`
}

export function ConnectorPicker({ tie, value, onChange, type, keepEmpty = false }: Props & { type?: 'sql' | 'ldap'; keepEmpty?: boolean }) {
  const { data } = useQuery(editing.connectors())
  const known = data?.connectors.filter((each) => !type || each.type === type)
  const text = textOf(value)
  const isUnknown = known !== undefined && text !== '' && !text.includes('${') && !known.some((each) => each.name === text)
  return (
    <>
      <Combobox {...tie} className="mono" free value={text} options={(known ?? []).map((each) => ({ value: each.name, hint: health(each), words: each.target ?? '' }))} onChange={keepEmpty ? onChange : orNothing(onChange)} />
      {isUnknown && <small className={css.soft}>{t.unknownConnector}</small>}
    </>
  )
}

export function TablePicker({ tie, value, onChange, connector }: Props & { connector: string }) {
  const { data } = useQuery({ ...editing.tables(connector), enabled: connector !== '' && !connector.includes('${') })
  const options = useMemo(() => {
    const names = new Map<string, Option>()
    for (const each of data?.tables ?? []) if (!names.has(each.name)) names.set(each.name, { value: each.name, hint: each.schema, words: each.schema ?? '' })
    return [...names.values()]
  }, [data])
  return <Combobox {...tie} className="mono" free value={textOf(value)} options={options} onChange={orNothing(onChange)} />
}

/** SQL, or with `takesNames` the name of a query that is declared with the connector. */
export function StatementInput({ tie, value, onChange, connector, label, given, takesNames }: Props & { connector: string; label: string; given: readonly string[] | null; takesNames: boolean }) {
  const { data } = useQuery({ ...editing.statements(connector), enabled: takesNames && connector !== '' && !connector.includes('${') })
  const { data: all } = useQuery(editing.connectors())
  const named = data?.queries ?? NONE
  const dialect = all?.connectors.find((each) => each.name === connector)?.dialect ?? ''
  return (
    <>
      <SqlInput tie={tie} label={label} value={textOf(value)} onChange={orNothing(onChange)} connector={connector} dialect={dialect} given={given} named={named} />
      {named.length > 0 && (
        <span>
          <Menu className={ui.button} label={t.named} items={named.flatMap((query) => [
            { label: query.name, hint: query.sql ?? '', act: () => onChange(query.name) },
            ...(query.writable ? [{ label: `${query.name}:write`, act: () => onChange(`${query.name}:write`) }] : []),
          ])}>{t.named}</Menu>
        </span>
      )}
    </>
  )
}

export function JobPicker({ tie, value, onChange }: Props) {
  const { data } = useQuery(queries.jobs())
  return <Combobox {...tie} className="mono" free value={textOf(value)} options={(data?.jobs ?? []).map((job) => ({ value: job.id, hint: job.description }))} onChange={orNothing(onChange)} />
}

export function CallablePicker({ tie, value, onChange, type }: Props & { type: string }) {
  const { data } = useQuery(editing.callables())
  const options = (data?.callables ?? []).filter((each) => each.step_type === type).map((each) => ({ value: each.callable, hint: each.title, words: each.doc }))
  return <Combobox {...tie} className="mono" free value={textOf(value)} options={options} onChange={orNothing(onChange)} />
}

/** `UTC+02:00` of a zone now; null for a name that is none. */
function offset(zone: string): string | null {
  try {
    const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts()
    return parts.find((part) => part.type === 'timeZoneName')?.value.replace('GMT', 'UTC') ?? null
  } catch {
    return null
  }
}

/** The zones that the server knows; while it has not answered, and where it does not tell, those of the browser. */
export function ZonePicker({ tie, value, onChange }: Props) {
  const text = textOf(value)
  const { data } = useQuery(editing.zones())
  const [left, setLeft] = useState(false)
  const options = useMemo(() => (data?.timezones ?? ['UTC', ...Intl.supportedValuesOf('timeZone')]).map((zone) => ({ value: zone, words: zone.replace(/[/_]/g, ' ') })), [data])
  const now = useMemo(() => (text === '' ? null : offset(text)), [text])
  // The server says the same once it has looked at the whole job.
  const isRefused = left && text !== '' && !tie['aria-invalid'] && data != null && !data.timezones.includes(text)
  return (
    <>
      <Combobox {...tie} aria-invalid={tie['aria-invalid'] || isRefused || undefined} free value={text} options={options} onChange={(next) => { setLeft(false); orNothing(onChange)(next) }} onBlur={() => setLeft(true)} />
      {isRefused ? <small className={css.bad}>{t.noZone}</small> : text !== '' && (now ? <small className="muted">{now}</small> : left && !tie['aria-invalid'] && <small className={css.soft}>{t.unknownZone}</small>)}
    </>
  )
}
