/** The connectors: where they lead, how full their pools are, who uses them, whether they work; and one of them in full. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Database, FolderTree, Plus, RefreshCw } from 'lucide-react'
import { useEffect, useState } from 'react'
import { api } from '../api/client'
import { useMay } from '../api/permissions'
import { queryClient } from '../api/queries'
import { ActionButton, Button } from '../ui/Button'
import { DataTable } from '../ui/DataTable'
import { useTitle } from '../ui/hooks'
import { Empty, Page, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { connectorQueries, type Connector } from './connectors'
import css from './connectors.module.css'
import { ConnectorDetail, TestState } from './ConnectorDetail'
import { ConnectorDialog } from './ConnectorDialog'
import { e } from './editWords'
import { Gauge } from './Gauge'
import { t } from './words'

export function ConnectorsPage() {
  const { name } = useParams({ strict: false }) as { name?: string }
  useTitle(name ?? t.title)
  const { data, error, isPending, refetch } = useQuery(connectorQueries.all())
  // How far the pools are used is of the moment, and no event tells it: coming here asks.
  useEffect(() => void queryClient.invalidateQueries({ queryKey: ['connectors'], exact: true }), [name])
  const connector = data?.connectors.find((each) => each.name === name)
  const head = name === undefined ? <ListHead all={data?.connectors} /> : (
    <>
      <Link to="/connectors">{t.back}</Link>
      <span className="muted" aria-hidden="true">/</span>
      <h1 className="mono">{name}</h1>
    </>
  )
  return (
    <Page head={head}>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data === null && <Empty title={t.hidden}><span>{t.hiddenHint}</span></Empty>}
      {data && name === undefined && <List connectors={data.connectors} />}
      {connector && <ConnectorDetail key={connector.name} connector={connector} />}
      {data && name !== undefined && !connector && <Empty title={t.gone}><span>{t.goneHint}</span><Link to="/connectors" className={ui.button}>{t.back}</Link></Empty>}
    </Page>
  )
}

function ListHead({ all }: { all: Connector[] | undefined }) {
  const { q } = useSearch({ strict: false }) as { q?: string }
  const navigate = useNavigate()
  const may = useMay()
  const [isNew, setNew] = useState(false)
  const reload = useMutation({
    mutationFn: async () => {
      await api.reload()
      await queryClient.invalidateQueries({ queryKey: ['connectors'] })
    },
  })
  return (
    <>
      <h1>{t.title}</h1>
      {all && all.length > 0 && <input type="search" className={css.filter} aria-label={t.filter} placeholder={t.filterHint} value={q ?? ''} onChange={(event) => void navigate({ to: '/connectors', search: { q: event.target.value || undefined }, replace: true })} />}
      <span className="grow" />
      {all && may('superuser') && <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setNew(true)}>{e.create}</Button>}
      {isNew && <ConnectorDialog source={null} close={() => setNew(false)} saved={(name) => { setNew(false); void navigate({ to: '/connectors/$name', params: { name } }) }} />}
      <ActionButton action={reload} icon={<RefreshCw size={14} aria-hidden />} waiting={t.reloading} done={t.reloaded} onClick={() => reload.mutate()}>{t.reload}</ActionButton>
    </>
  )
}

function List({ connectors }: { connectors: Connector[] }) {
  const { q } = useSearch({ strict: false }) as { q?: string }
  const navigate = useNavigate()
  const may = useMay()
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const shown = connectors.filter((each) => words.every((word) => `${each.name} ${each.type} ${each.dialect ?? ''} ${each.target ?? ''}`.toLowerCase().includes(word)))
  if (connectors.length === 0) return <Empty title={t.none}><span>{t.noneHint}</span></Empty>
  if (shown.length === 0) return <Empty title={t.noMatch}><Button onClick={() => void navigate({ to: '/connectors', search: {} })}>{t.clear}</Button></Empty>
  return (
    <Panel>
      <DataTable
        label={t.title}
        rows={shown}
        rowKey={(each) => each.name}
        rowProps={(each) => ({ 'data-connector': each.name })}
        columns={[
          { id: 'name', head: t.name, cell: (each) => <span className={css.name}>{each.type === 'ldap' ? <FolderTree size={14} aria-hidden /> : <Database size={14} aria-hidden />}<Link to="/connectors/$name" params={{ name: each.name }} className="mono">{each.name}</Link></span> },
          { id: 'type', head: t.type, cell: (each) => <>{each.dialect ?? t.types[each.type] ?? each.type}{each.read_only && <> <span className={ui.tag}>{t.readOnly}</span></>}</> },
          { id: 'target', head: t.target, breaks: true, cell: (each) => (each.target === null ? <span className={css.bad}>{t.noTarget}</span> : <span className="mono">{each.target}</span>) },
          { id: 'pool', head: t.pool, label: t.pool, cell: (each) => each.pool && <Gauge pool={each.pool} /> },
          { id: 'used', head: t.usedBy, cell: (each) => (each.used_by.length === 0 ? <span className="muted">–</span> : <Link to="/connectors/$name" params={{ name: each.name }} title={each.used_by.join('\n')}>{t.jobs(each.used_by.length)}</Link>) },
          { id: 'test', head: t.lastTest, breaks: true, cell: (each) => <TestState connector={each} mayTest={may('settings:jobs')} /> },
        ]}
      />
    </Panel>
  )
}
