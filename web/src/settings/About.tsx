/** What this server is, for a report, and what the page is made with. */
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { endpoint } from '../api/http'
import { CopyButton } from '../ui/Copy'
import { DataTable } from '../ui/DataTable'
import { Fact, Facts, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { At } from '../ui/Times'
import { settingQueries } from './api'
import { MADE_WITH } from './madeWith'
import css from './settings.module.css'
import { t } from './words'

const CrateTable = lazy(() => import('./CrateTable').then((module) => ({ default: module.CrateTable })))

/** Hundreds: read and drawn when somebody asks for them. */
function Crates() {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <Panel title={t.crates}>
      <p className={css.pad}>{t.cratesHint}</p>
      <details className={css.pad} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
        <summary>{t.showCrates}</summary>
        {isOpen && <Suspense fallback={<Skeleton pending rows={6} />}><CrateTable /></Suspense>}
      </details>
    </Panel>
  )
}

export function About() {
  const { data, error, isPending, refetch } = useQuery(settingQueries.about())
  return (
    <>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} rows={2} />
      {data && (
        <Panel title="Nomaflow" actions={<CopyButton text={() => JSON.stringify(data, null, 2)} label={t.copyAbout} />}>
          <Facts>
            <Fact name={t.version}>{data.version}</Fact>
            <Fact name={t.commit}>{data.commit ? <code>{data.commit}</code> : t.unknown}</Fact>
            <Fact name={t.built}>{data.built_at ? <At at={data.built_at} /> : t.unknown}</Fact>
            <Fact name={t.platform}>{data.os} {data.arch}</Fact>
            <Fact name={t.store}>{data.store}</Fact>
            <Fact name={t.replica}><code>{data.replica}</code></Fact>
            <Fact name={t.role}>{data.role}</Fact>
            <Fact name={t.started}><At at={data.started_at} /></Fact>
            <Fact name={t.zone}>{data.timezone}</Fact>
          </Facts>
        </Panel>
      )}
      <Panel title={t.api}><p className={css.pad}><span><a href={endpoint('docs')}>{t.apiDocs}</a> · <a href={endpoint('openapi.json')}>{t.apiDocument}</a></span></p></Panel>
      <Panel title={t.licences}>
        <p className={css.pad}>{t.licenceHint}</p>
        <DataTable label={t.licences} rows={MADE_WITH} rowKey={(row) => row.name} columns={[{ id: 'name', head: t.name, cell: (row) => row.name }, { id: 'licence', head: t.licence, cell: (row) => row.licence }]} />
      </Panel>
      <Crates />
    </>
  )
}
