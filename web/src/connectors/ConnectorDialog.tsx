/** A connector as a form: its address, its pool, its password, its named queries. What is in it can be tested before it is saved. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useState } from 'react'
import { ApiError } from '../api/http'
import { queryClient } from '../api/queries'
import { Button, Switch } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { t as shared } from '../ui/words'
import form from '../ui/form.module.css'
import ui from '../ui/ui.module.css'
import { connectorQueries, editing } from './connectors'
import css from './connectors.module.css'
import { bodyOf, DIRECTORY_FIELDS, draftOf, emptyDraft, errorsByField, isName, MORE_POOL_FIELDS, POOL_FIELDS, type Draft, type Finding, type FormField, type QueryDraft, type Source } from './draft'
import { e } from './editWords'
import { Password } from './Password'
import { Report } from './Report'

function findings(error: unknown): ReturnType<typeof errorsByField> | null {
  if (!(error instanceof ApiError) || !error.problem.problems) return null
  return errorsByField(error.problem.problems as unknown as Finding[])
}

/** `name` is proposed for a new one. */
export function ConnectorDialog({ source: first, name = '', close, saved }: { source: Source | null; name?: string; close: () => void; saved: (name: string) => void }) {
  const [source, setSource] = useState(first)
  const [draft, setDraft] = useState<Draft>(() => (first ? draftOf(first) : { ...emptyDraft(), name }))
  const { data: pools } = useQuery({ ...connectorQueries.pools(), enabled: first === null })
  const save = useMutation({
    mutationFn: () => (source ? editing.save(source.name, bodyOf(draft, source), source.etag) : editing.create({ name: draft.name, ...bodyOf(draft, null) })),
    onSuccess: async (done) => {
      await queryClient.invalidateQueries({ queryKey: ['connectors'] })
      await queryClient.invalidateQueries({ queryKey: ['pools'] })
      saved(done.name)
    },
  })
  const test = useMutation({ mutationFn: () => editing.testUnsaved({ name: draft.name, ...bodyOf(draft, source) }) })
  const failed = save.error ?? test.error
  const stale = failed instanceof ApiError && failed.is('stale') ? (failed.problem.current as Source | undefined) : undefined
  const found = findings(failed)
  const set = (key: string, text: string) => setDraft((old) => ({ ...old, values: { ...old.values, [key]: text } }))
  const nameError = draft.name !== '' && !isName(draft.name) ? e.nameBad : found?.fields.name
  const ready = draft.name !== '' && isName(draft.name)
  const input = (field: FormField) => <ValueField key={field.key} field={field} value={draft.values[field.key] ?? ''} error={found?.fields[field.key]} onChange={(text) => set(field.key, text)} />
  const others = source?.pool?.connectors.filter((name) => name !== source.name) ?? []
  const isOwn = draft.type === 'ldap' || draft.shared === ''
  return (
    <Dialog
      title={source ? e.editTitle(source.name) : e.create}
      close={close}
      size="wide"
      foot={
        <>
          {stale ? (
            <span role="alert" className={ui.fieldError}>{e.stale} <Button onClick={() => { setSource(stale); setDraft(draftOf(stale)); save.reset() }}>{e.takeTheirs}</Button></span>
          ) : found ? found.rest.map((message) => <span key={message} className={ui.fieldError} role="alert">{message}</span>) : <InlineProblem error={failed} />}
          <Button pending={test.isPending} disabled={!ready || save.isPending} onClick={() => { save.reset(); test.mutate() }}>{test.isPending ? e.testing : e.testNow}</Button>
          <span className="grow" />
          <Button onClick={close}>{shared.cancel}</Button>
          <Button kind="primary" pending={save.isPending} disabled={!ready || test.isPending} onClick={() => { test.reset(); save.mutate() }}>{save.isPending ? e.saving : e.save}</Button>
        </>
      }
    >
      {!source && (
        <>
          <Field label={e.name} hint={e.nameHint} error={nameError}>
            {(tie) => <input {...tie} type="text" spellCheck={false} autoComplete="off" value={draft.name} onChange={(event) => setDraft({ ...draft, name: event.target.value })} />}
          </Field>
          <Field label={e.type}>
            {(tie) => (
              <select {...tie} value={draft.type} onChange={(event) => setDraft({ ...draft, type: event.target.value as Draft['type'] })}>
                <option value="sql">{e.types.sql}</option>
                <option value="ldap">{e.types.ldap}</option>
              </select>
            )}
          </Field>
          {draft.type === 'sql' && pools && pools.pools.length > 0 && (
            <Field label={e.pool} error={found?.fields.pool}>
              {(tie) => (
                <select {...tie} value={draft.shared} onChange={(event) => setDraft({ ...draft, shared: event.target.value })}>
                  <option value="">{e.ownPool}</option>
                  {pools.pools.map((pool) => <option key={pool.name} value={pool.name}>{pool.name}</option>)}
                </select>
              )}
            </Field>
          )}
        </>
      )}
      {others.length > 0 && <p className="muted">{e.poolShared(others)}</p>}
      {isOwn && (draft.type === 'ldap' ? DIRECTORY_FIELDS : POOL_FIELDS).map(input)}
      {isOwn && <Password state={source ? (source.pool ?? source).secrets.password : undefined} draft={draft.password} error={found?.fields.password} onChange={(password) => setDraft({ ...draft, password })} />}
      {isOwn && draft.type === 'sql' && (
        <details className={form.more} open={MORE_POOL_FIELDS.some((field) => draft.values[field.key] || found?.fields[field.key])}>
          <summary>{e.more}</summary>
          <div className={form.moreFields}>{MORE_POOL_FIELDS.map(input)}</div>
        </details>
      )}
      {draft.type === 'sql' && <Queries queries={draft.queries} errors={found?.fields ?? {}} onChange={(queries) => setDraft({ ...draft, queries })} />}
      {test.data && !test.isPending && <Report dialect={dialectOf(draft)} report={test.data} />}
    </Dialog>
  )
}

/** As far as the address tells it. */
function dialectOf(draft: Draft): string | null {
  return draft.type === 'ldap' ? null : (draft.values.url ?? '').split(':')[0] || null
}

function ValueField({ field, value, error, onChange }: { field: FormField; value: string; error: string | undefined; onChange: (text: string) => void }) {
  const label = e.fields[field.key] ?? field.key
  return (
    <Field label={label} hint={e.hints[field.key]} error={error}>
      {(tie) => {
        if (field.as === 'flag') return <span id={tie.id}><Switch checked={value === 'true'} label={label} onChange={(on) => onChange(String(on))} /></span>
        if (field.as === 'choice') {
          return (
            <select {...tie} value={value} onChange={(event) => onChange(event.target.value)}>
              <option value="">{e.byDefault}</option>
              {field.choices!.map((each) => <option key={each} value={each}>{each}</option>)}
            </select>
          )
        }
        return <input {...tie} type="text" inputMode={field.as === 'number' ? 'numeric' : undefined} spellCheck={false} autoComplete="off" required={field.required} value={value} onChange={(event) => onChange(event.target.value)} />
      }}
    </Field>
  )
}

function Queries({ queries, errors, onChange }: { queries: QueryDraft[]; errors: Record<string, string>; onChange: (queries: QueryDraft[]) => void }) {
  const change = (at: number, part: Partial<QueryDraft>) => onChange(queries.map((each, index) => (index === at ? { ...each, ...part } : each)))
  return (
    <fieldset className={css.queries}>
      <legend>{e.queries}</legend>
      {queries.map((query, at) => (
        <div key={at} className={css.queryForm} data-query-form={query.name}>
          <span className={form.secret}>
            <input type="text" aria-label={e.queryName} placeholder={e.queryName} spellCheck={false} autoComplete="off" value={query.name} onChange={(event) => change(at, { name: event.target.value })} />
            <Switch checked={query.writable} label={e.queryWrites} onChange={(writable) => change(at, { writable })} />
            <span aria-hidden="true">{e.queryWrites}</span>
            <Button kind="quiet" icon={<X size={14} aria-hidden />} aria-label={e.removeQuery(query.name)} onClick={() => onChange(queries.filter((_, index) => index !== at))} />
          </span>
          {query.sql === null ? <p className="muted">{e.perDialect}</p> : <textarea aria-label={`${e.querySql}: ${query.name}`} className={form.code} rows={3} spellCheck={false} value={query.sql} onChange={(event) => change(at, { sql: event.target.value })} />}
          {errors[`query:${query.name}`] && <small className={ui.fieldError}>{errors[`query:${query.name}`]}</small>}
        </div>
      ))}
      <Button icon={<Plus size={14} aria-hidden />} onClick={() => onChange([...queries, { name: '', sql: '', writable: false }])}>{e.addQuery}</Button>
    </fieldset>
  )
}
