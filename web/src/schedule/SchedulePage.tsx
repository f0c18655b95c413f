/** What fires when across every job: agenda, day, week and month, with what ran, what is to come and what fell through. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronLeft, ChevronRight, Construction, Download, Rss } from 'lucide-react'
import { useMemo, useState } from 'react'
import type { Maintenance } from '../api/client'
import { http, queryString } from '../api/http'
import { useMay } from '../api/permissions'
import { queries } from '../api/queries'
import { useShortcuts } from '../app/shortcuts'
import { connectorQueries } from '../connectors/connectors'
import { Button } from '../ui/Button'
import { useNow, usePreference, useTitle } from '../ui/hooks'
import { Empty, Skeleton } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { chosenZone } from '../ui/time'
import { At } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { Agenda } from './Agenda'
import { picture, spanOf, type Calendar, type Choice, type Item } from './calendar'
import { Filters } from './Filters'
import { FireDialog } from './FireDialog'
import { Grid } from './Grid'
import { calendarFile } from './ics'
import { timeOf, wallOf } from './holds'
import { load, type Quarter } from './layout'
import { Lines } from './Lines'
import { MaintenanceDialog, WindowDialog, type Drawn } from './Maintenance'
import { Month } from './Month'
import { PeakDialog, Ribbon } from './Ribbon'
import css from './schedule.module.css'
import { SubscribeDialog } from './Subscribe'
import type { Drawing } from './useDraw'
import { dateOf, datesOf, step, viewOf, VIEWS, zoneOf, type ScheduleSearch, type View } from './search'
import { useNarrow, useRunsRefresh } from './hooks'
import { t } from './words'
import { dateName, firstWeekday, plusDays } from './zone'

/** The server tells no more at once. */
const LONGEST_MS = 42 * 86_400_000

export function SchedulePage() {
  useTitle(t.title)
  const search: ScheduleSearch = useSearch({ from: '/shell/schedule' })
  const navigate = useNavigate({ from: '/schedule' })
  const [preferred] = usePreference('zone')
  const narrow = useNarrow()
  const now = useNow(30_000)
  useRunsRefresh()

  const zone = zoneOf(search, preferred === 'local' ? undefined : chosenZone())
  const view = viewOf(search, narrow)
  const date = dateOf(search, now, zone)
  const dates = useMemo(() => datesOf(view, date, firstWeekday()), [view, date])
  const [from, to] = useMemo(() => {
    const days = spanOf(dates, zone)
    const begin = days[0]!.start
    return [begin, Math.min(days.at(-1)!.end, begin + LONGEST_MS)]
  }, [dates, zone])

  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['schedule', from, to],
    queryFn: ({ signal }) => http.get<Calendar>(`admin/schedule${queryString({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })}`, signal),
    placeholderData: (old, query) => (query && Number(query.queryKey[1]) === from ? old : undefined),
  })
  const jobs = useQuery(queries.jobs())
  const connectors = useQuery(connectorQueries.all())
  const connector = connectors.data?.connectors.find((each) => each.name === search.connector)
  const choice = useChoice(search, jobs.data?.jobs, search.connector === undefined ? undefined : connector?.used_by ?? [])
  const shown = useMemo(() => data && picture(data, dates, zone, choice), [data, dates, zone, choice])
  const quarters = useMemo(() => (data && view !== 'month' ? load(data, from, to, choice) : []), [data, view, from, to, choice])
  const [open, setOpen] = useState<Item | null>(null)
  const [peak, setPeak] = useState<Quarter | null>(null)
  const [planning, setPlanning] = useState<Drawn | null>(null)
  const [looked, setLooked] = useState<Maintenance | null>(null)
  const [subscribing, setSubscribing] = useState(false)
  const mayMaintain = useMay()('superuser')
  const windows = data?.maintenance ?? []
  const scheduler = useQuery(queries.scheduler())
  const drawn = ({ date: day, top, bottom }: Drawing) => {
    const shownDay = shown?.days.find((each) => each.date === day)
    // A single day shows the hours that go by; its clock may jump.
    if (view === 'day' && shownDay) setPlanning({ from: wallOf(shownDay.start + top * 60_000, zone), to: wallOf(shownDay.start + bottom * 60_000, zone) })
    else setPlanning({ from: `${day}T${timeOf(top)}`, to: bottom >= 24 * 60 ? `${plusDays(day, 1)}T00:00` : `${day}T${timeOf(bottom)}` })
  }

  const choose = (what: Partial<ScheduleSearch>) => void navigate({ search: (old: ScheduleSearch) => ({ ...old, ...what }), replace: true })
  const go = (at: string | undefined, next: View = view) => void navigate({ search: (old: ScheduleSearch) => ({ ...old, at, view: next }) })
  useShortcuts([
    { keys: 't', words: t.keys.today, act: () => go(undefined) },
    { keys: '[', words: t.keys.earlier, act: () => go(step(view, date, -1)) },
    { keys: ']', words: t.keys.later, act: () => go(step(view, date, 1)) },
    ...VIEWS.map((each) => ({ keys: each[0]!, words: t.keys[each], act: () => go(search.at, each) })),
  ])
  const isFiltered = Boolean(search.job ?? search.tag ?? search.connector ?? search.state)
  const isEmpty = shown !== undefined && shown.lines.length === 0 && shown.days.every((day) => day.items.length === 0)
  const title = view === 'month' ? dateName(date, 'month') : view === 'day' ? dateName(date, 'long') : `${dateName(dates[0]!, 'day')} – ${dateName(dates.at(-1)!, 'day')}`

  return (
    <div className={ui.page}>
      <header className={ui.head}>
        <h1>{t.title}</h1>
        <span className={css.steps}>
          <Button kind="quiet" icon={<ChevronLeft size={15} aria-hidden />} aria-label={t.earlier} title={t.earlier} onClick={() => go(step(view, date, -1))} />
          <strong aria-live="polite">{title}</strong>
          <Button kind="quiet" icon={<ChevronRight size={15} aria-hidden />} aria-label={t.later} title={t.later} onClick={() => go(step(view, date, 1))} />
        </span>
        <Button onClick={() => go(undefined)}>{t.today}</Button>
        <input type="date" className={css.date} aria-label={t.goTo} value={date} onChange={(event) => event.target.value && go(event.target.value)} />
        <span className="grow" />
        <nav className={css.views} aria-label={t.view}>
          {VIEWS.filter((each) => !(narrow && each === 'week')).map((each) => (
            <Link key={each} to="/schedule" search={(old) => ({ ...old, view: each })} activeProps={{}} className={ui.button} aria-current={each === view ? 'page' : undefined}>{t.views[each]}</Link>
          ))}
        </nav>
        {mayMaintain && <Button icon={<Construction size={14} aria-hidden />} aria-label={t.maintain} title={t.maintainTitle} data-act="maintain" onClick={() => setPlanning({ from: wallOf(now, zone), to: wallOf(now + 3_600_000, zone) })} />}
        <Button icon={<Rss size={14} aria-hidden />} aria-label={t.subscribe} title={t.subscribeTitle} data-act="subscribe" onClick={() => setSubscribing(true)} />
        {shown && !isEmpty && <Button icon={<Download size={14} aria-hidden />} aria-label={t.download} title={t.downloadHint} onClick={() => save(calendarFile(shown.days, now))} />}
      </header>
      <Filters search={search} zone={zone} calendar={data} jobs={jobs.data?.jobs ?? []} connectors={connectors.data?.connectors ?? []} choose={choose} clear={isFiltered ? () => choose({ job: undefined, tag: undefined, connector: undefined, state: undefined }) : undefined} />
      <div className={ui.body}>
        {error && <ProblemPanel error={error} retry={() => void refetch()} />}
        <Skeleton pending={isPending} rows={6} />
        {data?.truncated && <p className="muted" role="status">{t.truncated}</p>}
        {windows.filter((window) => window.state !== 'over').map((window) => (
          <p key={window.id} className={css.windowLine} data-window={window.state}>
            <Construction size={14} aria-hidden /><button type="button" className={ui.linkButton} onClick={() => setLooked(window)}>{t.maintenance}</button> <At at={window.from} /> – <At at={window.to} /> {window.reason}
          </p>
        ))}
        {data && view !== 'month' && !isEmpty && <Ribbon quarters={quarters} now={now} zone={zone} limit={connector?.pool?.size ?? null} onPeak={setPeak} />}
        {isEmpty && <Empty title={isFiltered ? t.noneFits : t.nothing}>{isFiltered ? null : <><span>{t.nothingHint}</span><Link to="/jobs" className={ui.button}>{t.toJobs}</Link></>}</Empty>}
        {shown && view !== 'month' && shown.lines.length > 0 && <Lines lines={shown.lines} from={from} to={to} />}
        {shown && !isEmpty && view === 'agenda' && <Agenda days={shown.days} zone={zone} now={now} open={setOpen} />}
        {shown && (view === 'day' || view === 'week') && <Grid days={shown.days} zone={zone} now={now} lanes={view === 'day' ? (narrow ? 2 : 8) : 2} open={setOpen} showDay={(day) => go(day, narrow ? 'agenda' : 'day')} windows={windows} openWindow={setLooked} onDrawn={mayMaintain ? drawn : undefined} />}
        {shown && data && view === 'month' && <Month calendar={data} days={shown.days} choice={choice} month={date.slice(0, 7)} now={now} />}
      </div>
      {open && open.kind !== 'run' && <FireDialog item={open} zone={zone} close={() => setOpen(null)} />}
      {peak && <PeakDialog quarter={peak} zone={zone} close={() => setPeak(null)} />}
      {planning && <MaintenanceDialog zone={zone} drawn={planning} windows={scheduler.data?.maintenance ?? []} close={() => setPlanning(null)} />}
      {looked && <WindowDialog window={looked} close={() => setLooked(null)} />}
      {subscribing && <SubscribeDialog job={search.job} close={() => setSubscribing(false)} />}
    </div>
  )
}

/** Which jobs the filters leave. */
function useChoice(search: ScheduleSearch, jobs: { id: string; tags: string[] }[] | undefined, ofConnector: string[] | undefined): Choice {
  const { job, tag, state, disabled } = search
  const used = ofConnector?.join('\n')
  return useMemo(() => {
    const tagged = tag === undefined ? undefined : (jobs ?? []).filter((each) => each.tags.includes(tag)).map((each) => each.id)
    const using = used === undefined ? undefined : used.split('\n')
    const both = tagged && using ? tagged.filter((id) => using.includes(id)) : (tagged ?? using)
    return { job, jobs: both && new Set(both), state, disabled: disabled === 'show' }
  }, [job, tag, state, disabled, jobs, used])
}

/** Hands a text to the browser as a file. */
function save(text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/calendar' }))
  const link = document.createElement('a')
  link.href = address
  link.download = 'nomaflow.ics'
  link.click()
  URL.revokeObjectURL(address)
}
