/** One connector: what is declared and how it is changed, how its pool was used, a test stage by stage, who uses it, its tables and named queries. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Pencil, PlugZap } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useMay } from '../api/permissions'
import { queryClient } from '../api/queries'
import { ActionButton, Button } from '../ui/Button'
import { CopyButton } from '../ui/Copy'
import { DataTable } from '../ui/DataTable'
import { Empty, Fact, Facts, Panel, Skeleton, Tag } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import { duration } from '../ui/time'
import { Ago } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { connectorQueries, tableName, testConnector, type Connector } from './connectors'
import css from './connectors.module.css'
import type { Source } from './draft'
import { ConnectorDialog } from './ConnectorDialog'
import { e } from './editWords'
import { Gauge } from './Gauge'
import { History } from './History'
import { DeleteDialog, References, RenameDialog } from './Names'
import { SecretText } from './Password'
import { Report } from './Report'
import { t } from './words'

const TYPING_MS = 300

function useTest(connector: Connector) {
  return useMutation({
    mutationFn: () => testConnector(connector.name),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['connectors'], exact: true }),
  })
}

/** What the last test said and how long ago, with a button for another. */
export function TestState({ connector, mayTest }: { connector: Connector; mayTest: boolean }) {
  const test = useTest(connector)
  const last = connector.last_test
  return (
    <span className={css.state}>
      {last ? (
        <span title={last.detail}>
          <Glyph status={last.ok ? 'SUCCEEDED' : 'FAILED'} /> {last.ok ? t.works : t.fails} <span className="muted"><Ago at={last.at} /></span>
        </span>
      ) : <span className="muted" title={t.notTestedHint}>{t.notTested}</span>}
      {mayTest && <ActionButton action={test} kind="quiet" icon={<PlugZap size={14} aria-hidden />} aria-label={t.testOf(connector.name)} waiting={t.testing} onClick={() => test.mutate()}>{t.test}</ActionButton>}
    </span>
  )
}

export function ConnectorDetail({ connector }: { connector: Connector }) {
  const may = useMay()
  const { data: source } = useQuery({ ...connectorQueries.source(connector.name), enabled: may('settings:jobs') })
  const password = source && (source.pool ?? source).secrets.password
  return (
    <>
      <Panel title={t.facts} actions={source && may('superuser') && <Changes source={source} />}>
        <Facts>
          <Fact name={t.type}>{connector.dialect ?? t.types[connector.type]}{connector.read_only && <> <Tag>{t.readOnly}</Tag></>}</Fact>
          <Fact name={t.target}>{connector.target === null ? <span className={css.bad}>{t.noTarget}</span> : <span className="mono">{connector.target}</span>}</Fact>
          {password && connector.dialect !== 'sqlite' && <Fact name={e.passwordState}><SecretText state={password} /></Fact>}
          {connector.pool && <Fact name={t.poolOf(connector.pool.name)}><Gauge pool={connector.pool} advice /></Fact>}
          <Fact name={t.usedBy}>
            {source && source.used_by.length > 0 ? <References references={source.used_by} /> : connector.used_by.length === 0 ? <span className="muted">{t.noJobs}</span> : <ul className={css.jobs}>{connector.used_by.map((job) => <li key={job}><Link to="/jobs/$id" params={{ id: job }} className="mono">{job}</Link></li>)}</ul>}
          </Fact>
        </Facts>
      </Panel>
      {connector.pool && <History name={connector.name} />}
      <Test connector={connector} />
      {connector.type === 'sql' && <Tables connector={connector} />}
      {connector.type === 'sql' && <Queries connector={connector} />}
    </>
  )
}

/** Change, rename, delete. */
function Changes({ source }: { source: Source }) {
  const [open, setOpen] = useState<'edit' | 'rename' | 'delete' | null>(null)
  const navigate = useNavigate()
  const close = () => setOpen(null)
  const go = (name: string) => {
    close()
    void navigate({ to: '/connectors/$name', params: { name } })
  }
  return (
    <>
      <Button icon={<Pencil size={14} aria-hidden />} onClick={() => setOpen('edit')}>{e.edit}</Button>
      <Button kind="quiet" title={source.used_by.length > 0 ? e.locked(source.used_by.length) : undefined} onClick={() => setOpen('rename')}>{e.rename}</Button>
      <Button kind="quiet" onClick={() => setOpen('delete')}>{e.remove}</Button>
      {open === 'edit' && <ConnectorDialog source={source} close={close} saved={close} />}
      {open === 'rename' && <RenameDialog name={source.name} close={close} renamed={go} />}
      {open === 'delete' && <DeleteDialog name={source.name} references={source.used_by} close={close} deleted={() => void navigate({ to: '/connectors' })} />}
    </>
  )
}

function Test({ connector }: { connector: Connector }) {
  const may = useMay()
  const test = useTest(connector)
  const last = connector.last_test
  const mayTest = may('settings:jobs')
  return (
    <Panel title={t.testTitle} actions={mayTest && <ActionButton action={test} icon={<PlugZap size={14} aria-hidden />} waiting={t.testing} onClick={() => test.mutate()}>{t.testOf(connector.name)}</ActionButton>}>
      <div className={css.test} aria-live="polite">
        {test.data ? <Report dialect={connector.dialect} report={test.data} /> : last ? (
          <p><Glyph status={last.ok ? 'SUCCEEDED' : 'FAILED'} /> {last.ok ? t.works : t.fails} · {last.detail} <span className="muted"><Ago at={last.at} /> · {duration(last.ms)}</span></p>
        ) : <p className="muted">{mayTest ? `${t.notTested}. ${t.notTestedHint}` : t.noTest}</p>}
      </div>
    </Panel>
  )
}

/** Asks the database only when somebody wants to see its tables. What is searched for stands in the address. */
function Tables({ connector }: { connector: Connector }) {
  const { like } = useSearch({ strict: false }) as { like?: string }
  const navigate = useNavigate()
  const [wanted, setWanted] = useState(like !== undefined)
  const [text, setText] = useState(like ?? '')
  const tables = useQuery({ ...connectorQueries.tables(connector.name, like ?? ''), enabled: wanted })
  useEffect(() => {
    if ((like ?? '') === text) return
    const id = setTimeout(() => void navigate({ to: '/connectors/$name', params: { name: connector.name }, search: { like: text || undefined }, replace: true }), TYPING_MS)
    return () => clearTimeout(id)
  }, [text, like, navigate, connector.name])
  return (
    <Panel title={t.tables} actions={tables.data && <span className="muted" role="status">{t.count(tables.data.tables.length)}</span>}>
      {!wanted && <p className={css.test}><Button onClick={() => setWanted(true)}>{t.look}</Button> <span className="muted">{t.lookHint}</span></p>}
      {wanted && <p className={css.test}><input type="search" aria-label={t.like} placeholder={t.tablesHint} value={text} onChange={(event) => setText(event.target.value)} /></p>}
      {tables.error && <p className={css.test}><InlineProblem error={tables.error} /></p>}
      <Skeleton pending={wanted && tables.isPending} rows={2} />
      {tables.data?.truncated && <p className={`muted ${css.test}`}>{t.truncated}</p>}
      {tables.data?.tables.length === 0 && <Empty title={t.noTables} />}
      {tables.data && tables.data.tables.length > 0 && (
        <DataTable
          label={t.tables}
          rows={tables.data.tables}
          rowKey={tableName}
          rowProps={(table) => ({ 'data-table': tableName(table) })}
          columns={[
            { id: 'name', head: t.name, cell: (table) => <span className="mono">{table.name}</span> },
            { id: 'schema', head: t.schema, cell: (table) => table.schema && <span className="mono">{table.schema}</span> },
            { id: 'kind', head: t.kind, cell: (table) => (table.view ? t.view : t.table) },
            { id: 'copy', head: <span className="unseen">{t.use}</span>, cell: (table) => <CopyButton text={tableName(table)} label={t.copyName(tableName(table))} small /> },
          ]}
        />
      )}
    </Panel>
  )
}

function Queries({ connector }: { connector: Connector }) {
  const { data, error } = useQuery(connectorQueries.named(connector.name))
  return (
    <Panel title={t.queries}>
      {error && <p className={css.test}><InlineProblem error={error} /></p>}
      {data?.queries.length === 0 && <p className={`muted ${css.test}`}>{t.noQueries}</p>}
      {data?.queries.map((query) => (
        <div key={query.name} className={css.query} data-query={query.name}>
          <p><strong className="mono">{query.name}</strong> <Tag>{query.writable ? t.writable : t.reads}</Tag></p>
          {query.sql === null ? <p className="muted">{t.noText}</p> : <pre className={ui.json} tabIndex={0}>{query.sql}</pre>}
        </div>
      ))}
    </Panel>
  )
}
