/** What to save, whether it can be read, when that was last done, and the order in which it is put back. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CopyButton } from '../ui/Copy'
import { DataTable, type Column } from '../ui/DataTable'
import { Fact, Facts, Panel, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Glyph } from '../ui/Status'
import { serverNow } from '../ui/time'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import css from './settings.module.css'
import { isOld, storeQueries, type BackupState } from './store'
import { t } from './storeWords'

type Thing = BackupState['things'][number]

const columns: Column<Thing>[] = [
  { id: 'what', head: t.thing, cell: (row) => <><strong>{t.names[row.what] ?? row.what}</strong><br /><span className="muted">{t.meanings[row.what]}</span></> },
  { id: 'place', head: t.place, breaks: true, cell: (row) => <code className={css.hash}>{row.place}</code> },
  {
    id: 'state', head: t.state, breaks: true,
    cell: (row) => {
      const like = row.reachable ? 'SUCCEEDED' : 'FAILED'
      return <><span className={`${ui.badge} ${ui[like]}`}><Glyph status={like} />{row.reachable ? t.reachable : t.unreachable}</span> <span className="muted">{row.detail}</span></>
    },
  },
]

function Line({ name, text }: { name: string; text: string }) {
  return <div className={css.shown}><span>{name}</span><code>{text}</code><CopyButton text={text} label={t.copyLine} /></div>
}

export function Backup() {
  const { data, error, isPending, refetch } = useQuery(storeQueries.backup())
  return (
    <>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && (
        <>
          <Panel title={t.backupLast}>
            {data.last_backup_at === null ? <p className={css.pad}><strong className={css.bad}>{t.never}</strong></p> : (
              <>
                <Facts><Fact name={t.backupLast}><Ago at={data.last_backup_at} /> · <At at={data.last_backup_at} />{data.last_backup_by && <> · {t.by(data.last_backup_by)}</>}</Fact></Facts>
                {isOld(data.last_backup_at, serverNow()) && <p className={`${css.pad} ${css.bad}`}>{t.old}</p>}
              </>
            )}
            <Facts><Fact name={t.exportLast}>{data.last_export_at === null ? t.exportNever : <><Ago at={data.last_export_at} /> · <At at={data.last_export_at} />{data.last_export_by && <> · {t.by(data.last_export_by)}</>}</>} <Link className={css.inText} to="/settings/$tab" params={{ tab: 'transfer' }}>{t.exportTo}</Link></Fact></Facts>
            <div className={css.pad}>
              <p className="muted">{t.takeHint}</p>
              <Line name={t.take} text="nomaflow backup nomaflow-$(date +%F).tar.zst" />
              <Line name={t.check} text="nomaflow backup verify nomaflow-$(date +%F).tar.zst" />
            </div>
          </Panel>
          <Panel title={t.things}><DataTable label={t.things} columns={columns} rows={data.things} rowKey={(row) => row.what} /></Panel>
          <Panel title={t.order}>
            <div className={css.pad}>
              <p className="muted">{t.orderHint}</p>
              <ol className={css.steps}>{t.steps.map((step) => <li key={step}>{step}</li>)}</ol>
              <Line name={t.order} text="nomaflow restore ARCHIVE --home DIR" />
            </div>
          </Panel>
        </>
      )}
    </>
  )
}
