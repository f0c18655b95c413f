/** What steps can call: components and Python modules, what each offers, may touch and is used by. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { RefreshCw } from 'lucide-react'
import { api } from '../api/client'
import { useMay } from '../api/permissions'
import { queryClient } from '../api/queries'
import { ActionButton, Button } from '../ui/Button'
import { DataTable } from '../ui/DataTable'
import { useTitle } from '../ui/hooks'
import { Empty, Page, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import ui from '../ui/ui.module.css'
import { grantLines } from './grants'
import { InstallButton } from './Install'
import { PluginDetail } from './PluginDetail'
import { byJob, pluginsQuery, SHAPES, type Plugin } from './plugins'
import css from './plugins.module.css'
import { t } from './words'

export function PluginsPage() {
  const { name } = useParams({ strict: false }) as { name?: string }
  const { app } = useSearch({ strict: false }) as { app?: string }
  useTitle(name ?? t.title)
  const { data, error, isPending, refetch } = useQuery(pluginsQuery())
  const plugin = data?.plugins.find((each) => each.name === name && (app === undefined || each.app === app))
  const reload = useReload()
  const may = useMay()
  return (
    <Page
      head={
        <>
          {name === undefined ? <h1>{t.title}</h1> : <><Link to="/plugins">{t.back}</Link><span className="muted" aria-hidden="true">/</span><h1 className="mono">{name}</h1></>}
          {plugin && <StateOf plugin={plugin} />}
          {name === undefined && data && data.plugins.length > 0 && <Filter />}
          <span className="grow" />
          {data && may('superuser') && (name === undefined || plugin?.kind === 'component') && <InstallButton plugin={plugin && { name: plugin.name, app: plugin.app }} apps={[...new Set(data.plugins.map((each) => each.app))]} />}
          <ActionButton action={reload} icon={<RefreshCw size={14} aria-hidden />} waiting={t.reloading} done={t.reloaded} onClick={() => reload.mutate()}>{t.reload}</ActionButton>
        </>
      }
    >
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data === null && <Empty title={t.hidden}><span>{t.hiddenHint}</span></Empty>}
      {data && data.problems.length > 0 && (
        <section className={ui.problem} aria-label={t.problems}>
          <h2>{t.problems}</h2>
          <ul>{data.problems.map((each) => <li key={each}>{each}</li>)}</ul>
        </section>
      )}
      {data && name === undefined && <List plugins={data.plugins} />}
      {plugin && <PluginDetail plugin={plugin} />}
      {data && name !== undefined && !plugin && <Empty title={t.gone}><span>{t.goneHint}</span><Link to="/plugins" className={ui.button}>{t.back}</Link></Empty>}
    </Page>
  )
}

/** Reads every app again: new files count, and what failed is tried again. */
function useReload() {
  return useMutation({
    mutationFn: async () => {
      await api.reload()
      await Promise.all(['plugins', 'callables', 'jobs'].map((key) => queryClient.invalidateQueries({ queryKey: [key] })))
    },
  })
}

function Filter() {
  const { q } = useSearch({ strict: false }) as { q?: string }
  const navigate = useNavigate()
  return <input type="search" className={css.filter} aria-label={t.filter} placeholder={t.filterHint} value={q ?? ''} onChange={(event) => void navigate({ to: '/plugins', search: { q: event.target.value || undefined }, replace: true })} />
}

export function StateOf({ plugin }: { plugin: Plugin }) {
  return <span className={`${ui.badge} ${ui[SHAPES[plugin.state]]}`} data-state={plugin.state} title={plugin.state === 'compiling' ? t.compilingHint : undefined}><Glyph status={SHAPES[plugin.state]} />{t.states[plugin.state]}</span>
}

function List({ plugins }: { plugins: Plugin[] }) {
  const { q } = useSearch({ strict: false }) as { q?: string }
  const navigate = useNavigate()
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const shown = plugins.filter((each) => words.every((word) => `${each.name} ${each.app} ${each.kind} ${each.callables.map((one) => one.callable).join(' ')}`.toLowerCase().includes(word)))
  if (plugins.length === 0) return <Empty title={t.none}><span>{t.noneHint}</span></Empty>
  if (shown.length === 0) return <Empty title={t.noMatch}><Button onClick={() => void navigate({ to: '/plugins', search: {} })}>{t.clear}</Button></Empty>
  return (
    <Panel>
      <DataTable
        label={t.title}
        rows={shown}
        rowKey={(each) => `${each.app} ${each.kind} ${each.name}`}
        rowProps={(each) => ({ 'data-plugin': each.name })}
        columns={[
          { id: 'name', head: t.name, cell: (each) => <Link to="/plugins/$name" params={{ name: each.name }} search={{ app: each.app }} className={`mono ${css.whole}`}>{each.name}</Link> },
          { id: 'state', head: t.state, cell: (each) => <StateOf plugin={each} /> },
          { id: 'kind', head: t.kind, cell: (each) => <span className={css.whole}>{t.kinds[each.kind]}</span> },
          { id: 'app', head: t.app, label: t.app, cell: (each) => <span className={`mono ${css.whole}`}>{each.app}</span> },
          { id: 'source', head: t.source, label: t.source, cell: (each) => sourceOf(each) },
          { id: 'callables', head: t.callables, cell: (each) => (each.error ? <span className={css.bad}>{each.error}</span> : t.count(each.callables.length)) },
          { id: 'access', head: t.access, label: t.access, cell: (each) => <Access plugin={each} /> },
          { id: 'used', head: t.usedBy, cell: (each) => (each.used_by.length === 0 ? <span className="muted">–</span> : <span className={css.whole}>{t.jobs(byJob(each.used_by).length)}</span>) },
          { id: 'digest', head: t.digest, cell: (each) => each.digest && <span className={`mono muted ${css.whole}`} title={each.digest}>{each.digest.slice(0, 12)}</span> },
        ]}
      />
    </Panel>
  )
}

/** How it came here. */
function sourceOf({ installed_by: by }: Plugin): string {
  return by === null || by === 'file' ? t.ofFolder : t.uploadedBy(by)
}

/** In a few words: where it has less than it asks for, that is what matters. */
function Access({ plugin }: { plugin: Plugin }) {
  if (plugin.kind === 'python') return <span className="muted">{t.full}</span>
  if (plugin.state === 'failed') return <span className="muted">–</span>
  const lines = grantLines(plugin.grants)
  const denied = lines.filter((line) => line.verdict === 'denied')
  const granted = lines.filter((line) => line.granted.length > 0)
  return (
    <>
      {granted.length > 0 ? <span title={granted.flatMap((line) => line.granted).join('\n')}>{granted.map((line) => t.areas[line.area]).join(', ')}</span> : <span className="muted">{t.nothing}</span>}
      {denied.length > 0 && <span className={css.warn}> · {t.asksMore(denied.length)}</span>}
    </>
  )
}
