/**
 * Carries live events into the cached documents. Bursts become one change; what an event cannot say is fetched again,
 * once, a moment later.
 */
import type { JobDetail, JobsDocument, RunDocument, RunsPage } from '../api/types'
import { isFinal } from '../api/types'
import { journal, queries, queryClient } from '../api/queries'
import type { RunsSearch } from '../runs/filter'
import { setSkew } from '../ui/time'
import { hub } from './hub'
import type { LiveEvent, Progress, Topic } from './protocol'
import { isForServer, reduceJob, reduceJobs, reduceRun, reduceRuns } from './reducer'

const BURST_MS = 50
const REFETCH_MS = 250
/** A list that only the server can filter is read again at most this often. */
const LIST_MS = 1000

/** Which documents a subject's events make stale. Pages whose documents are keyed so need nothing more to be live. */
const STALE: Record<Topic | 'catalogue', string[]> = {
  catalogue: ['jobs', 'job', 'source', 'versions', 'schedule', 'plugins', 'connectors', 'callables'],
  slot: ['slots', 'schedule'],
  // Maintenance windows and slots that are skipped once.
  scheduler: ['scheduler', 'health', 'jobs', 'job', 'schedule', 'slots'],
  // A pause is told as a change of health.
  health: ['health', 'scheduler', 'replicas'],
  delivery: ['deliveries', 'transports', 'mutes'],
}

/** Not brought by the server's events, so a new start of the stream says nothing about them. */
const UNTOUCHED = new Set(['me', 'progress', 'draft'])

let batch: LiveEvent[] = []
let timer = 0
const due = new Map<string, number>()

function refetchSoon(queryKey: unknown[], wait = REFETCH_MS): void {
  const name = JSON.stringify(queryKey)
  if (due.has(name)) return
  due.set(name, setTimeout(() => {
    due.delete(name)
    void queryClient.invalidateQueries({ queryKey })
  }, wait) as unknown as number)
}

function flush(): void {
  timer = 0
  const events = batch
  batch = []
  queryClient.setQueryData<JobsDocument>(['jobs'], (old) => old && events.reduce(reduceJobs, old))
  queryClient.setQueriesData<JobDetail>({ queryKey: ['job'] }, (old) => old && events.reduce(reduceJob, old))
  queryClient.setQueriesData<RunDocument>({ queryKey: ['run'] }, (old) => old && events.reduce(reduceRun, old))
  for (const query of queryClient.getQueryCache().findAll({ queryKey: ['runs'] })) {
    const filter = query.queryKey[1] as RunsSearch
    queryClient.setQueryData<RunsPage>(query.queryKey, (old) => old && events.reduce((page, event) => reduceRuns(page, event, filter), old))
    const page = queryClient.getQueryData<RunsPage>(query.queryKey)
    if (page && events.some((event) => isForServer(page, event, filter))) refetchSoon([...query.queryKey], LIST_MS)
  }
}

function noteProgress(progress: Progress): void {
  queryClient.setQueryData<Record<string, Progress>>(queries.progress(progress.run_id).queryKey, (old) => ({
    ...old,
    [`${progress.step_index}/${progress.attempt}`]: progress,
  }))
}

function receive(event: LiveEvent): void {
  switch (event.type) {
    case 'resync':
      void queryClient.invalidateQueries({ predicate: (query) => !UNTOUCHED.has(String(query.queryKey[0])) })
      return
    case 'catalogue':
    case 'slot':
    case 'scheduler':
    case 'health':
    case 'delivery':
      for (const key of STALE[event.type]) refetchSoon([key])
      return
    case 'progress':
      noteProgress(event.progress)
      return
    case 'run':
    case 'step':
      journal.record(event)
      batch.push(event)
      if (timer === 0) timer = setTimeout(flush, BURST_MS) as unknown as number
      followUp(event)
      return
    default:
  }
}

/** Outputs, errors in full and the next fire do not travel in events. */
function followUp(event: Extract<LiveEvent, { type: 'run' | 'step' }>): void {
  if (event.type === 'step') {
    if (isFinal(event.step.status)) refetchSoon(['run', event.run_id])
  } else if (isFinal(event.run.status)) {
    refetchSoon(['run', event.run.id])
    // Whether that is worth a warning only the server knows.
    if (event.run.status === 'SUCCEEDED' && event.run.rows_affected === 0) refetchSoon(['jobs'])
  } else if (event.run.triggered_by.startsWith('cron')) {
    refetchSoon(['jobs'])
    refetchSoon(['job', event.run.job_id])
  }
}

hub.onEvent(receive)
hub.onStatus(() => {
  if (hub.status.state === 'live') setSkew(hub.status.skewMs)
})
