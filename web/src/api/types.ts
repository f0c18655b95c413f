/**
 * What the server answers and takes, under the names the page has for it. The shapes themselves are in `wire.ts`, made from the
 * server's own document; here stands only what is called otherwise, or what the page asks for. Instants are RFC 3339 in UTC; run
 * ids sort by time, so newer compares greater.
 */
import type { LogLevel, Reloaded, RunBody, RunSummary, RunView, StepEvent, StepStatus, StepView } from './wire'

export type {
  ErrorView as StepError, FieldFinding, Finding as Problem, Given as GivenInput, JobCard, JobDetail, JobDiff, JobList as JobsDocument, JobSaved as Saved, JobSource as SourceDocument, JobStats, JobVersion as Version,
  JobVersionList as VersionsDocument, LineView as LogLine, LogCounts, LogDensity, LogHits as LogSearch, LogLevel, LogPage, RecentRun, RunAccepted,
  RunPage as RunsPage, RunPlot, RunStatus, RunSummary, RunView as Run, ScheduleView as ScheduleDefinition, SlotOutcome, SlotPage as SlotsPage, SlotView as Slot, StepDefinition, StepStatus,
  Why as WhyDocument, WhyAnswer,
} from './wire'

/** The levels a run can be asked to log at. */
export type RunLogLevel = Extract<LogLevel, 'INFO' | 'DEBUG'>

/** An attempt of a step; events carry it without what went in and came out. */
export type StepRun = Omit<StepEvent, 'run_id'> & Partial<Pick<StepView, 'input' | 'output'>>

/** A run with its attempts, as the document has it and events change it. */
export interface RunDocument {
  run: RunView
  steps: StepRun[]
  log_total: number
  /** The runs of the job beside it that were not skipped. */
  previous_run_id?: string | null
  next_run_id?: string | null
}

/** A bar of the small history of a job. */
export type HistoryBar = Pick<RunSummary, 'id' | 'status' | 'started_at' | 'finished_at'>

/** What reading the files again came to; a server that does not name the jobs leaves it to the two lists. */
export type ReloadReport = Reloaded & { added?: string[]; changed?: string[]; removed?: string[] }

/** What is sent to start a run: only what differs from the saved job. */
export type RunRequest = Omit<RunBody, 'log_level' | 'placement'> & { log_level?: RunLogLevel; placement?: string }

/** What is asked of the list of runs. */
export interface RunsFilter {
  /** Ids and states, each list separated by commas. */
  job?: string | undefined
  status?: string | undefined
  trigger?: string | undefined
  from?: string | undefined
  to?: string | undefined
  q?: string | undefined
  tag?: string | undefined
  min_seconds?: string | undefined
  before?: string | undefined
}

const FINAL: ReadonlySet<StepStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED'])

/** Whether a run or a step attempt can no longer change. */
export function isFinal(status: StepStatus): boolean {
  return FINAL.has(status)
}
