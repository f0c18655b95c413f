/** What there is to know of a fire to come, or of a slot that fell through, and what can be done about it. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api } from '../api/client'
import { queries, queryClient } from '../api/queries'
import { useJobRights } from '../jobs/actions'
import { ActionButton } from '../ui/Button'
import { cronWords } from '../ui/cron'
import { Dialog } from '../ui/Dialog'
import { Fact, Json, Skeleton } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import { duration, everyZone } from '../ui/time'
import { t as common } from '../ui/words'
import { useNow } from '../ui/hooks'
import { Ago, At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import type { Item } from './calendar'
import { holds, mayUndo, refreshHolds } from './holds'
import css from './schedule.module.css'
import { t } from './words'
import { nameOf } from './Mark'

export function FireDialog({ item, zone, close }: { item: Exclude<Item, { kind: 'run' }>; zone: string; close: () => void }) {
  const job = useQuery(queries.job(item.job))
  const rights = useJobRights(item.job)
  const schedule = job.data?.schedules.find((each) => each.name === item.schedule)
  const written = useQuery({ ...queries.source(item.job), enabled: Boolean(job.data?.source) })
  const values = valuesOf(written.data?.job, item.schedule)
  const save = useMutation({
    mutationFn: async (enabled: boolean) => {
      const source = await api.source(item.job)
      await api.patchJob(item.job, { schedules: { [item.schedule!]: { enabled } } }, source.etag)
      await Promise.all(['job', 'jobs', 'schedule', 'source'].map((key) => queryClient.invalidateQueries({ queryKey: [key] })))
    },
  })
  const now = useNow(5000)
  const isSkipped = item.kind === 'lost' && item.at > now && schedule?.skipped?.some((each) => Date.parse(each.due_at) === item.at) === true
  const maySkip = rights.run && schedule !== undefined && schedule.enabled && item.at > now && (item.kind === 'fire' || (isSkipped && mayUndo(item.at, now)))
  const skip = useMutation({
    mutationFn: () => (isSkipped ? holds.undo : holds.skip)(item.job, item.schedule!, new Date(item.at).toISOString()),
    onSuccess: async () => {
      await refreshHolds()
      close()
    },
  })
  const words = schedule && cronWords(schedule.text)
  return (
    <Dialog
      title={nameOf(item, zone)}
      close={close}
      foot={
        <>
          {maySkip && <ActionButton action={skip} waiting={isSkipped ? t.unskipping : t.skipping} onClick={() => skip.mutate()}>{isSkipped ? t.unskip : t.skipOnce}</ActionButton>}
          {rights.edit && schedule && job.data?.enabled && (
            <ActionButton action={save} waiting={schedule.enabled ? t.disabling : t.enabling} onClick={() => save.mutate(!schedule.enabled)}>{schedule.enabled ? t.disable : t.enable}</ActionButton>
          )}
          {rights.edit && <Link to="/jobs/$id/edit" params={{ id: item.job }} className={ui.button}>{t.edit}</Link>}
          <Link to="/runs" search={{ job: item.job }} className={ui.button}>{t.pastRuns}</Link>
          <Link to="/jobs/$id" params={{ id: item.job }} search={{ tab: 'schedules' }} className={`${ui.button} ${ui.primary}`}>{t.open}</Link>
        </>
      }
    >
      <Skeleton pending={job.isPending} rows={2} />
      <InlineProblem error={job.error} />
      {item.kind === 'lost' && (
        <p className={css.why} role="status">
          <strong>{t.outcomes[item.outcome] ?? item.outcome}</strong> {item.reason ?? t.noReason}{' '}
          <Link to="/jobs/$id" params={{ id: item.job }} search={{ tab: 'schedules', at: new Date(item.at).toISOString() }}>{t.why}</Link>
        </p>
      )}
      {job.data && !job.data.enabled && <p role="status">{t.jobOff}</p>}
      {job.data?.enabled && schedule && !schedule.enabled && <p role="status">{t.isOff}</p>}
      <dl className={css.facts}>
        <Fact name={t.at}><span className={css.instants}>{everyZone(item.at, schedule?.timezone ?? zone, common.local)}</span></Fact>
        {schedule && <Fact name={t.cron}><code>{schedule.text}</code>{words && <> {words}</>}</Fact>}
        {schedule && <Fact name={t.fireZone}>{schedule.timezone}</Fact>}
        {item.kind === 'fire' && <Fact name={t.length}>{item.isKnown ? <>{duration(item.until - item.at)}{item.late > item.until && <span className="muted"> {t.upTo(duration(item.late - item.at))}</span>}</> : t.unknown}</Fact>}
        {schedule && schedule.next.length > 0 && <Fact name={t.next}><ul>{schedule.next.slice(0, 3).map((at) => <li key={at}><At at={at} zone={schedule.timezone} /> <span className="muted"><Ago at={at} zone={schedule.timezone} /></span></li>)}</ul></Fact>}
        {written.data && schedule && <Fact name={t.overrides}>{values === null ? t.sameValues : <Json value={values} />}</Fact>}
      </dl>
    </Dialog>
  )
}

/** What a schedule gives its runs over the values of the job, as its file has it. */
function valuesOf(job: Record<string, unknown> | undefined, schedule: string | null): Record<string, unknown> | null {
  const all = job?.['schedules']
  if (!Array.isArray(all)) return null
  const own = (all as Record<string, unknown>[]).find((each) => (each['name'] ?? 'default') === schedule)
  const kept = Object.entries(own ?? {}).filter(([key]) => ['params', 'overrides', 'op_kwargs', 'step_enabled', 'log_level'].includes(key))
  return kept.length > 0 ? Object.fromEntries(kept) : null
}
