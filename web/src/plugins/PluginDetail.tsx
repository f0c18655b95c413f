/** One plugin: its file, what it may touch, and each of its callables with parameters, an example and who calls it. */
import { Link, useSearch } from '@tanstack/react-router'
import { TriangleAlert } from 'lucide-react'
import { useMay } from '../api/permissions'
import { number } from '../i18n'
import { CopyButton } from '../ui/Copy'
import { Empty, Fact, Facts, Panel, Tag } from '../ui/parts'
import ui from '../ui/ui.module.css'
import { GrantsPanel } from './GrantsPanel'
import { byJob, type JobUse, type Plugin } from './plugins'
import css from './plugins.module.css'
import { Prose } from './Prose'
import { exampleStep, isOpen, rows, type Callable, type Schema } from './schema'
import { TryIt } from './TryIt'
import { Blocked, Usage, Versions } from './Versions'
import { t } from './words'

/** So many jobs at once; the others unfold. */
const FIRST_JOBS = 12

export function PluginDetail({ plugin }: { plugin: Plugin }) {
  const { callable: asked } = useSearch({ strict: false }) as { callable?: string }
  const chosen = plugin.callables.find((each) => each.callable === asked) ?? plugin.callables[0]
  return (
    <>
      {plugin.error && <div className={ui.problem} role="alert"><h2>{t.states['failed']}</h2><p>{plugin.error}</p></div>}
      {plugin.kind === 'component' && <Blocked plugin={plugin} />}
      <Panel title={t.facts}>
        <Facts>
          <Fact name={t.kind}>{t.kinds[plugin.kind]}</Fact>
          <Fact name={t.source}>{plugin.installed_by === null || plugin.installed_by === 'file' ? t.ofFolder : t.uploadedBy(plugin.installed_by)}</Fact>
          <Fact name={t.app}><span className="mono">{plugin.app}</span></Fact>
          <Fact name={t.file}><span className="mono">{plugin.path}</span></Fact>
          <Fact name={t.size}>{number(plugin.size)} {t.bytes}</Fact>
          {plugin.digest && <Fact name={t.digest}><span className="mono">{plugin.digest}</span></Fact>}
          <Fact name={t.usedBy}>{plugin.used_by.length === 0 ? <span className="muted">{t.unused}</span> : `${t.jobs(byJob(plugin.used_by).length)}, ${t.steps(plugin.used_by.length)}`}</Fact>
        </Facts>
      </Panel>
      {plugin.kind === 'component' ? plugin.state !== 'failed' && <GrantsPanel plugin={plugin} /> : <Panel title={t.grants}><p className={css.lead}><TriangleAlert size={14} aria-hidden className={css.warn} /> {t.pythonGrants}</p></Panel>}
      {plugin.callables.length === 0 && plugin.state === 'loaded' && <Empty title={t.noCallables} />}
      {chosen && (
        <Panel title={t.callableOf}>
          <div className={css.callables}>
            <nav aria-label={t.callableOf}>
              <ul>
                {plugin.callables.map((each) => (
                  <li key={each.callable}>
                    <Link to="/plugins/$name" params={{ name: plugin.name }} search={(old) => ({ ...old, callable: each.callable })} replace activeProps={{}} aria-current={each === chosen ? 'true' : undefined} data-callable={each.callable}>
                      <span className="mono">{each.callable.split(':').slice(1).join(':') || each.callable}</span>
                      {each.title && <small className="muted">{each.title}</small>}
                    </Link>
                  </li>
                ))}
              </ul>
            </nav>
            <CallableView key={chosen.callable} plugin={plugin.name} callable={chosen} uses={byJob(plugin.used_by.filter((use) => use.callable === chosen.callable))} />
          </div>
        </Panel>
      )}
      {plugin.kind === 'component' && <><Versions plugin={plugin} /><Usage plugin={plugin} /></>}
    </>
  )
}

function CallableView({ plugin, callable, uses }: { plugin: string; callable: Callable; uses: JobUse[] }) {
  const may = useMay()
  const example = exampleStep(callable)
  return (
    <article className={css.callable} aria-labelledby="callable-name" data-shown={callable.callable}>
      <h3 id="callable-name" className="mono">{callable.callable}</h3>
      {callable.doc || callable.title ? <Prose text={callable.doc || callable.title} /> : <p className="muted">{t.noDoc}</p>}
      <h4>{t.params}</h4>
      <Params schema={callable.params} />
      {callable.result && Object.keys(callable.result).length > 0 && <details><summary>{t.result}</summary><pre className={ui.json} tabIndex={0}>{JSON.stringify(callable.result, null, 2)}</pre></details>}
      <h4>{t.example}<span className="grow" /><CopyButton text={example} label={t.copyExample} /></h4>
      <pre className={ui.json} tabIndex={0} data-example>{example}</pre>
      {callable.kind === 'component' && may('settings:jobs') && <TryIt plugin={plugin} callable={callable} />}
      <h4>{t.calls}</h4>
      <Uses uses={uses} />
    </article>
  )
}

function Params({ schema }: { schema: Schema }) {
  const all = rows(schema)
  if (all.length === 0) return <p className="muted">{isOpen(schema) ? t.anyParams : t.noParams}</p>
  return (
    <>
      <table className={`${ui.table} ${ui.stacks} ${css.params}`} aria-label={t.params}>
        <thead><tr><th scope="col">{t.param}</th><th scope="col">{t.type}</th><th scope="col">{t.fallback}</th><th scope="col">{t.meaning}</th></tr></thead>
        <tbody>
          {all.map((row) => (
            <tr key={row.name} data-param={row.name}>
              <td><span className="mono">{row.name}</span> {row.required ? <Tag>{t.required}</Tag> : <span className="muted">{t.optional}</span>}</td>
              <td><span className="mono">{row.type || t.any}</span>{row.rules.length > 0 && <span className="muted"> {row.rules.join(', ')}</span>}</td>
              <td className="mono" data-label={row.fallback === undefined ? undefined : t.fallback}>{row.fallback}</td>
              <td className={ui.break}>{row.description && <Prose text={row.description} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {isOpen(schema) && <p className="muted">{t.openParams}</p>}
      <details><summary>{t.schema}</summary><pre className={ui.json} tabIndex={0}>{JSON.stringify(schema, null, 2)}</pre></details>
    </>
  )
}

function Uses({ uses }: { uses: JobUse[] }) {
  if (uses.length === 0) return <p className="muted">{t.noCalls}</p>
  const line = ({ job, steps }: JobUse) => <li key={job}><Link to="/jobs/$id" params={{ id: job }} search={{ tab: 'definition' }} className="mono">{job}</Link> <span className="muted">{steps.length > 4 ? `${steps.slice(0, 3).join(', ')}, ${t.more(steps.length - 3)}` : steps.join(', ')}</span></li>
  return (
    <>
      <ul className={css.uses}>{uses.slice(0, FIRST_JOBS).map(line)}</ul>
      {uses.length > FIRST_JOBS && <details><summary>{t.more(uses.length - FIRST_JOBS)}</summary><ul className={css.uses}>{uses.slice(FIRST_JOBS).map(line)}</ul></details>}
    </>
  )
}
