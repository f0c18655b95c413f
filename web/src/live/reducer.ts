/**
 * How one event changes a document that came over REST. Pure functions.
 * Invariants: idempotent, and monotone: a late or repeated event never takes a status back. An event that does not
 * concern the document returns the very same object, so that nothing is drawn again.
 */
import { isFinal, type JobDetail, type JobCard, type JobsDocument, type RunDocument, type RunsPage, type RunSummary, type StepRun, type StepStatus } from '../api/types'
import type { LiveEvent } from './protocol'

function rank(status: StepStatus): number {
  if (isFinal(status)) return 3
  return status === 'RUNNING' ? 2 : status === 'QUEUED' ? 1 : 0
}

/** Whether what an event says about a run is at least as new as what is known. */
export function supersedes(known: RunSummary, said: RunSummary): boolean {
  if (rank(said.status) !== rank(known.status)) return rank(said.status) > rank(known.status)
  return said.steps_done >= known.steps_done
}

/** The first to ask for the end of a run stays the one who did: an event from before takes nothing back, a late one still tells. */
function mergeRun<T extends RunSummary>(known: T, said: RunSummary): T {
  const { cancel_requested_by: by, cancel_requested_at: at } = known.cancel_requested_by === null ? said : known
  if (supersedes(known, said)) return { ...known, ...said, cancel_requested_by: by, cancel_requested_at: at }
  return by === known.cancel_requested_by ? known : { ...known, cancel_requested_by: by, cancel_requested_at: at }
}

function reduceCard<T extends JobCard>(card: T, said: RunSummary): T {
  if (said.job_id !== card.id) return card
  const last = card.last_run
  const isNewer = !last || said.id > last.id
  const isSame = last?.id === said.id
  let active = card.active_run_id
  if (isFinal(said.status)) {
    if (active === said.id) active = null
  } else if (isNewer || (isSame && supersedes(last, said))) {
    active = said.id
  }
  // A fire that was skipped because a run is going on must not hide that run.
  const hides = said.status === 'SKIPPED' && active !== null
  const next = isSame ? mergeRun(last, said) : isNewer && !hides ? said : last
  return next === last && active === card.active_run_id ? card : { ...card, last_run: next, active_run_id: active }
}

export function reduceJobs(document: JobsDocument, event: LiveEvent): JobsDocument {
  if (event.type !== 'run') return document
  const said = event.run
  let changed = false
  const jobs = document.jobs.map((card) => {
    const next = reduceCard(card, said)
    changed ||= next !== card
    return next
  })
  if (!changed) return document
  const active = jobs.flatMap((card) => (card.active_run_id ? [card.active_run_id] : []))
  return { ...document, jobs, active_run_ids: active }
}

/** Puts a run into a list that is newest first; an older run than the list shows is left out. */
function reduceList(runs: RunSummary[], said: RunSummary, mayInsert: boolean): RunSummary[] {
  const at = runs.findIndex((run) => run.id === said.id)
  if (at >= 0) {
    const known = runs[at]!
    const next = mergeRun(known, said)
    return next === known ? runs : runs.with(at, next)
  }
  if (!mayInsert) return runs
  const before = runs.findIndex((run) => run.id < said.id)
  if (before < 0) return runs.length === 0 ? [said] : runs
  return runs.toSpliced(before, 0, said)
}

export function reduceJob(detail: JobDetail, event: LiveEvent): JobDetail {
  if (event.type !== 'run' || event.run.job_id !== detail.id) return detail
  const card = reduceCard(detail, event.run)
  const runs = reduceList(card.runs, event.run, true)
  return runs === card.runs ? card : { ...card, runs: runs.slice(0, 50) }
}

export interface ListScope {
  /** Ids and states, each list separated by commas. */
  job?: string | undefined
  status?: string | undefined
  /** Set when the page shows older runs: new ones do not belong on it. */
  before?: string | undefined
  /** Only the server can tell whether a run fits these: known rows change, new ones wait for the next reading. */
  to?: string | undefined
  q?: string | undefined
  min_seconds?: string | undefined
  trigger?: string | undefined
  tag?: string | undefined
}

const among = (list: string | undefined, value: string) => !list || list.split(',').includes(value)

export function reduceRuns(page: RunsPage, event: LiveEvent, scope: ListScope): RunsPage {
  if (event.type !== 'run') return page
  const said = event.run
  const isOpen = !scope.before && !scope.to && !scope.q && !scope.min_seconds && !scope.trigger && !scope.tag
  const fits = isOpen && among(scope.job, said.job_id) && among(scope.status, said.status)
  let runs = reduceList(page.runs, said, fits)
  if (scope.status) runs = runs.every((run) => among(scope.status, run.status)) ? runs : runs.filter((run) => among(scope.status, run.status))
  return runs === page.runs ? page : { ...page, runs }
}

/** Whether a run may belong into a list that it is not in, and only the server can tell. */
export function isForServer(page: RunsPage, event: LiveEvent, scope: ListScope): boolean {
  if (event.type !== 'run' || scope.before || scope.to) return false
  if (!scope.q && !scope.min_seconds && !scope.trigger && !scope.tag) return false
  // What it says in between changes nothing of that.
  if (event.run.steps_done > 0 && !isFinal(event.run.status)) return false
  return among(scope.job, event.run.job_id) && among(scope.status, event.run.status) && !page.runs.some((run) => run.id === event.run.id)
}

function reduceSteps(steps: StepRun[], said: StepRun): StepRun[] {
  const at = steps.findIndex((step) => step.index === said.index && step.attempt === said.attempt)
  if (at >= 0) {
    const known = steps[at]!
    // Input and output never travel in events: what REST brought stays.
    return rank(said.status) < rank(known.status) ? steps : steps.with(at, { ...known, ...said })
  }
  return [...steps, said].sort((a, b) => a.index - b.index || a.attempt - b.attempt)
}

export function reduceRun(document: RunDocument, event: LiveEvent): RunDocument {
  const id = document.run.id
  if (event.type === 'run' && event.run.id === id) {
    const run = mergeRun(document.run, event.run)
    return run === document.run ? document : { ...document, run }
  }
  if (event.type === 'step' && event.run_id === id) {
    const steps = reduceSteps(document.steps, event.step)
    return steps === document.steps ? document : { ...document, steps }
  }
  return document
}
