/** Fields of a table of the job, each with its label, its hint and what was found about it. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Field } from '../ui/Field'
import { useEditing } from './context'
import css from './editor.module.css'
import { isTable } from './exact'
import type { FieldSpec } from './fields'
import { JsonInput, ListInput, NumberInput, TextInput, type Tie } from './inputs'
import { CallablePicker, ConnectorPicker, JobPicker, StatementInput, TablePicker, ZonePicker } from './pickers'
import { read, spelled, type Table } from './pointer'
import { at, type Finding } from './problems'
import { ValueTable } from './ValueTable'
import { label, t } from './words'

/** What was found, as it stands under an input. */
export function Found({ found }: { found: Finding[] }): ReactNode {
  // One sentence may be about several places.
  return found.filter((each, i) => found.findIndex((other) => other.message === each.message) === i).map((each, i) => (
    <span key={i} className={each.severity === 'warning' ? css.soft : css.bad}>
      {each.message}{each.hint && <span className="muted"> {each.hint}</span>}
      {OF_PLUGINS.test(each.code) && <> <Link to="/plugins">{t.toPlugins}</Link></>}
    </span>
  ))
}

/** What is mended where plugins are. */
const OF_PLUGINS = /^(component-|python-(module|function)-missing|pin-missing)/

const shown = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'boolean' ? (value ? t.yes : t.no) : JSON.stringify(value))
const DEEP = new Set(['values', 'json', 'list'])

interface Props {
  base: string
  specs: FieldSpec[]
  /** Where values come from that the table itself does not have. */
  defaults?: string
  hints?: Record<string, string>
}

export function Fields({ base, specs, defaults, hints = {} }: Props) {
  const { job, findings } = useEditing()
  const table = { ...asTable(defaults === undefined ? undefined : read(job, defaults)), ...asTable(read(job, base)) }
  const fits = specs.filter((spec) => !spec.when || spec.when(table) || read(job, spelled(job, base, spec.key, spec.alias)) !== undefined)
  // What is set, or has something wrong, is never hidden.
  const isPlain = (spec: FieldSpec) => !spec.more || read(job, spelled(job, base, spec.key, spec.alias)) !== undefined || at(findings, spelled(job, base, spec.key, spec.alias), true).length > 0
  const draw = (spec: FieldSpec) => <Bound key={spec.key} base={base} spec={spec} defaults={defaults} hint={hints[spec.key]} />
  const hidden = fits.filter((spec) => !isPlain(spec))
  return (
    <>
      {fits.filter(isPlain).map(draw)}
      {hidden.length > 0 && <details className={css.more}><summary>{t.more}</summary><div className={css.fields}>{hidden.map(draw)}</div></details>}
    </>
  )
}

function asTable(value: unknown): Table {
  return isTable(value) ? value : {}
}

export function Bound({ base, spec, defaults, hint }: { base: string; spec: FieldSpec; defaults?: string | undefined; hint?: string | undefined }) {
  const { job, findings, set } = useEditing()
  const pointer = spelled(job, base, spec.key, spec.alias)
  const value = read(job, pointer)
  const inherited = defaults === undefined ? undefined : read(job, spelled(job, defaults, spec.key, spec.alias))
  const found = at(findings, pointer, DEEP.has(spec.kind) && spec.kind !== 'values')
  const name = label(spec.key)
  const otherwise = inherited !== undefined ? t.inherited(shown(inherited)) : spec.standard !== undefined ? t.standard(shown(spec.standard)) : undefined
  const other = (key: string): unknown => read(job, `${base}/${key}`) ?? (defaults === undefined ? undefined : read(job, `${defaults}/${key}`))
  const near = (key: string | undefined): string => {
    const found = key === undefined ? undefined : other(key)
    return typeof found === 'string' ? found : ''
  }
  const onChange = (next: unknown) => set(pointer, next)
  const input = (tie: Tie) => {
    const props = { tie: { ...tie, placeholder: otherwise }, value, onChange }
    switch (spec.kind) {
      case 'flag': {
        const holds = value ?? inherited ?? spec.standard
        return <span className={css.flag}><input type="checkbox" {...tie} checked={holds === true} onChange={(event) => onChange(event.target.checked)} />{value === undefined && otherwise && <small className="muted">{otherwise}</small>}</span>
      }
      case 'word':
        return (
          <select {...tie} value={value === undefined ? '' : shown(value)} onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}>
            <option value="">{otherwise ?? t.unset}</option>
            {value !== undefined && !spec.words?.includes(shown(value)) && <option value={shown(value)}>{shown(value)}</option>}
            {spec.words?.map((word) => <option key={word} value={word}>{word}</option>)}
          </select>
        )
      case 'number': return <NumberInput {...props} />
      case 'list': return <ListInput {...props} name={name} split={spec.key === 'tags'} />
      case 'json': return <JsonInput {...props} orText={spec.key === 'body'} />
      case 'values': return <ValueTable pointer={pointer} value={value} findings={findings} onChange={onChange} name={name} />
      case 'secret': return <TextInput {...props} secret />
      case 'connector': return <ConnectorPicker {...props} type="sql" />
      case 'directory': return <ConnectorPicker {...props} type="ldap" />
      case 'table': return <TablePicker {...props} connector={near(spec.connector)} />
      case 'statement':
      case 'sql': return <StatementInput key={pointer} {...props} label={name} connector={near(spec.connector)} given={spec.binds === undefined ? null : Object.keys(asTable(other(spec.binds)))} takesNames={spec.kind === 'statement'} />
      case 'job': return <JobPicker {...props} />
      case 'callable': return <CallablePicker {...props} type={near('type')} />
      case 'zone': return <ZonePicker {...props} />
      default: return <TextInput {...props} />
    }
  }
  return (
    <div data-pointer={pointer}>
      <Field label={<>{name}{spec.required && <span className={css.must} title={t.required} aria-hidden="true"> *</span>}</>} hint={hint} error={found.length > 0 ? <Found found={found} /> : undefined}>{input}</Field>
    </div>
  )
}
