/** The whole catalogue out of this server and into it. An import is looked at before it is applied, all of it or nothing. */
import { useMutation } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { lazy, Suspense, useId, useState } from 'react'
import { ApiError, download } from '../api/http'
import { queryClient } from '../api/queries'
import { ActionButton } from '../ui/Button'
import { Field } from '../ui/Field'
import { Panel } from '../ui/parts'
import { ProblemList } from '../ui/Problem'
import { Ago } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { settings, type ImportPlan, type Strategy } from './api'
import css from './settings.module.css'
import { Mapping } from './Mapping'
import { isApplicable, mapped, readSnapshot } from './transfer'
import { t } from './words'

const DiffTable = lazy(() => import('../jobs/Changes').then((module) => ({ default: module.DiffTable })))

export function Transfer() {
  const save = useMutation({ mutationFn: () => download('admin/catalogue/export') })
  return (
    <>
      <Panel title={t.export}>
        <div className={css.pad}>
          <p>{t.exportHint}</p>
          <div><ActionButton icon={<Download size={14} aria-hidden />} action={save} waiting={t.exporting} done={t.exported} onClick={() => save.mutate()}>{t.exportNow}</ActionButton></div>
        </div>
      </Panel>
      <Import />
    </>
  )
}

/** A refusal that carries the plan is the plan, not a failure. */
async function planOf(answer: Promise<ImportPlan>): Promise<ImportPlan> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && error.is('import-invalid')) return { ...(error.problem as unknown as ImportPlan), applied: false }
    throw error
  }
}

function Import() {
  const [read, setRead] = useState<ReturnType<typeof readSnapshot> | null>(null)
  const [strategy, setStrategy] = useState<Strategy>('merge')
  const [mapping, setMapping] = useState<Record<string, string>>({})
  const [unresolved, setUnresolved] = useState<string[]>([])
  const snapshot = read && 'snapshot' in read ? mapped(read.snapshot, mapping) : null
  const look = useMutation({
    mutationFn: (given: unknown) => planOf(settings.importCatalogue(given, strategy, true)),
    // Those that are mapped meanwhile stay in the form.
    onSuccess: (plan) => setUnresolved((old) => [...new Set([...old, ...plan.connectors_missing])]),
  })
  const apply = useMutation({
    mutationFn: () => planOf(settings.importCatalogue(snapshot, strategy, false)),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['jobs'] }),
  })
  const forget = () => {
    look.reset()
    apply.reset()
  }
  const plan = apply.data ?? look.data
  const problem = read && 'problem' in read ? (read.problem === 'no-json' ? t.noJson : t.noSnapshot) : undefined
  return (
    <Panel title={t.import}>
      <div className={css.pad}>
        <p>{t.importHint}</p>
        <Field label={t.file} error={problem} hint={read && 'jobs' in read ? t.jobsIn(read.jobs) : undefined}>
          {(tie) => (
            <input
              {...tie}
              type="file"
              accept="application/json,.json"
              onChange={async (event) => {
                const file = event.target.files?.[0]
                forget()
                setMapping({})
                setUnresolved([])
                setRead(file ? readSnapshot(await file.text()) : null)
              }}
            />
          )}
        </Field>
        <Field label={t.strategy}>
          {(tie) => (
            <select {...tie} value={strategy} onChange={(event) => { forget(); setStrategy(event.target.value as Strategy) }}>
              {(['merge', 'replace'] as const).map((each) => <option key={each} value={each}>{t.strategies[each]}</option>)}
            </select>
          )}
        </Field>
        <div><ActionButton action={look} waiting={t.looking} disabled={snapshot === null} onClick={() => { apply.reset(); look.mutate(snapshot) }}>{t.look}</ActionButton></div>
        {!plan?.applied && read && 'snapshot' in read && (
          <Mapping
            names={unresolved}
            mapping={mapping}
            onChange={(next) => {
              setMapping(next)
              apply.reset()
              look.mutate(mapped(read.snapshot, next))
            }}
          />
        )}
        {plan && <Plan plan={plan} />}
        {plan && !plan.applied && (
          <div className={css.bar}>
            <ActionButton kind="primary" action={apply} waiting={t.applying} disabled={!isApplicable(plan)} onClick={() => apply.mutate()}>{t.apply}</ActionButton>
            {plan.invalid.length > 0 ? <span className={css.bad}>{t.isInvalid}</span> : !isApplicable(plan) && <span className="muted">{t.nothingToDo}</span>}
          </div>
        )}
        {plan?.applied && <p role="status" className={css.good}>{t.applied}</p>}
      </div>
    </Panel>
  )
}

function Plan({ plan }: { plan: ImportPlan }) {
  const id = useId()
  const rows = [
    { key: 'new' as const, names: plan.new },
    { key: 'changed' as const, names: plan.changed.map((each) => each.id) },
    { key: 'same' as const, names: plan.same },
    { key: 'removed' as const, names: plan.removed },
    { key: 'invalid' as const, names: plan.invalid.map((each) => each.id) },
  ]
  const lists = [
    { title: t.missingConnectors, names: plan.connectors_missing },
    { title: t.missingSecrets, names: plan.secrets_missing },
  ].filter((each) => each.names.length > 0)
  return (
    <>
      <h3 id={id}>{t.plan}</h3>
      <table className={ui.table} aria-labelledby={id}>
        <thead><tr><th scope="col">{t.outcome}</th><th scope="col" className={ui.number}>{t.count}</th><th scope="col">{t.names}</th></tr></thead>
        <tbody>
          {rows.map(({ key, names }) => (
            <tr key={key} data-plan={key} data-count={names.length}>
              <td className={key === 'invalid' && names.length > 0 ? css.bad : undefined}>{t.planOf[key]}</td>
              <td className={ui.number}>{names.length}</td>
              <td><span className={css.names}>{names.map((name) => <code key={name}>{name}</code>)}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
      {plan.changed.map(({ id: job, diff }) => (
        <details key={job} className={css.planDiff}><summary>{t.diffOf(job)}</summary><Suspense><DiffTable unified={diff} label={t.diffOf(job)} /></Suspense></details>
      ))}
      {plan.invalid.map(({ id: job, problems }) => <section key={job} className={ui.problem} aria-label={job}><h2 className="mono">{job}</h2><ProblemList problems={problems} /></section>)}
      {lists.map(({ title, names }) => <p key={title}><strong>{title}</strong> <span className={css.names}>{names.map((name) => <code key={name}>{name}</code>)}</span></p>)}
      {plan.next.length > 0 && <p><strong>{t.nextFires}</strong> {plan.next.slice(0, 5).map((each, i) => <span key={each.id}>{i > 0 && ' · '}<code>{each.id}</code> <Ago at={each.at} /></span>)}</p>}
    </>
  )
}
