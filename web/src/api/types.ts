/**
 * The wire contract of the server, as the page reads it. Types only.
 * Instants are RFC 3339 UTC strings; run ids sort by time, so newer compares greater.
 */

export type RunStatus = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'SKIPPED'
export type StepStatus = RunStatus | 'PENDING'
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR'
export type RunLogLevel = 'INFO' | 'DEBUG'

export interface Problem {
  code: string
  severity: 'error' | 'warning'
  message: string
  file: string | null
  line: number | null
  column: number | null
  hint: string | null
  /** Null for a finding about a file as a whole. */
  job_id?: string | null
}

export interface RunSummary {
  id: string
  job_id: string
  status: RunStatus
  reason: string | null
  error: string | null
  triggered_by: string
  /** The schedule that fired it. */
  schedule?: string | null
  scheduled_at: string | null
  replay_of?: string | null
  queued_at: string | null
  started_at: string | null
  finished_at: string | null
  rows_affected: number | null
  step_count: number
  steps_done: number
  log_level: string
}

export interface Run extends RunSummary {
  params: Record<string, unknown>
  overrides: Record<string, unknown>
  /** Empty while it waits to be taken up. */
  owner: string | null
  /** How often it has been taken up. */
  term: number
  /** `any`, `label:<name>`, or `here:<process>`. */
  placement: string
  /** The first step of a replay that runs; null: the first of all. */
  replay_from: string | null
  cancel_requested_by: string | null
}

export interface StepError {
  kind: string
  message: string
  detail?: string | null
}

export interface StepRun {
  index: number
  name: string
  type: string
  attempt: number
  status: StepStatus
  reason: string | null
  /** Set while a next attempt waits for its time. */
  retry_at?: string | null
  started_at: string | null
  finished_at: string | null
  rows_affected: number | null
  error: StepError | null
  usage: Record<string, unknown> | null
  input?: unknown
  output?: unknown
}

export interface RunDocument {
  run: Run
  steps: StepRun[]
  log_total: number
}

export interface RunsPage {
  runs: RunSummary[]
  next: string | null
}

export interface JobCard {
  id: string
  app: string
  description: string
  tags: string[]
  enabled: boolean
  schedule: string | null
  timezone: string | null
  step_count: number
  valid: boolean
  problems: Problem[]
  active_run_id: string | null
  last_run: RunSummary | null
  next_run_at: string | null
  needs_dialog: boolean
  /** What an operator should know although nothing is wrong with the file. */
  warnings?: { code: string; message: string; run_id: string | null }[]
  internal?: boolean
}

/** A run in the small history of a job. */
export interface RecentRun {
  id: string
  status: RunStatus
  queued_at: string
  /** How long it ran; null when it has not begun or not ended. */
  seconds: number | null
}

export interface JobsDocument {
  jobs: JobCard[]
  active_run_ids: string[]
  /** Findings about whole files: those of a job stand on its card. */
  problems: Problem[]
}

export interface StepDefinition {
  name: string
  type: string
  enabled: boolean
  timeout_seconds: number | null
  /** False: a run that lost its process in it fails. */
  resumable: boolean
  op_kwargs: Record<string, unknown>
  summary: string
}

export interface ScheduleDefinition {
  name: string
  text: string
  timezone: string
  enabled: boolean
  placement: string | null
  /** What its runs are given over the saved job. */
  overrides?: RunRequest
  next: string[]
}

export interface JobDetail extends JobCard {
  params: Record<string, unknown>
  log_level: string
  timeout_seconds: number | null
  on_restart: 'fail' | 'resume'
  /** Null: `here` for a run that somebody asks for, `any` for one that a schedule fires. */
  placement: string | null
  overlap?: string
  retry: { attempts: number; backoff: string; base_seconds: number }
  /** A run that takes longer raises an alert. */
  long_run_minutes?: number | null
  schedules: ScheduleDefinition[]
  steps: StepDefinition[]
  runs: RunSummary[]
  source: { file: string; line: number | null } | null
}

export interface LogLine {
  seq: number
  at: string
  level: string
  step: string | null
  attempt: number | null
  message: string
}

export interface LogPage {
  run_id: string
  from: number
  total: number
  lines: LogLine[]
}

/** What is sent to start a run: only what differs from the saved job. */
export interface RunRequest {
  params?: Record<string, unknown>
  op_kwargs?: Record<string, Record<string, unknown>>
  step_enabled?: Record<string, boolean>
  log_level?: RunLogLevel
  placement?: string
}

export interface RunAccepted {
  job_id: string
  run_id: string
  triggered_by: string
  status: RunStatus
}

export interface ReloadReport {
  jobs: number
  problems: Problem[]
  added?: string[]
  changed?: string[]
  removed?: string[]
}

export interface RunsFilter {
  /** Ids and states, each list separated by commas. */
  job?: string | undefined
  status?: string | undefined
  tag?: string | undefined
  trigger?: string | undefined
  from?: string | undefined
  to?: string | undefined
  q?: string | undefined
  min_seconds?: string | undefined
  before?: string | undefined
}

/** The runs of a filter over time and length: each of them, or counts where they are more than 2,000. */
export interface RunPlot {
  total: number
  from: string | null
  to: string | null
  runs: { id: string; job_id: string; status: RunStatus; queued_at: string; seconds: number | null }[]
  counts: { from: string; to: string; status: RunStatus; seconds: number | null; count: number }[]
}

/** One of the last different sets of values that the runs of a job were given. */
export interface GivenInput {
  run_id: string
  status: RunStatus
  triggered_by: string
  queued_at: string
  params: Record<string, unknown>
  overrides: Record<string, unknown>
  log_level: string
}

export interface JobStats {
  job_id: string
  /** Oldest first. */
  runs: RecentRun[]
  median_seconds: number | null
  p95_seconds: number | null
  /** Of the last 20 runs that succeeded. */
  steps: { name: string; median_seconds: number; runs: number }[]
}

export interface LogCounts {
  total: number
  by_level: { level: LogLevel; count: number }[]
  by_step: { index: number | null; step: string | null; attempt: number; first: number; count: number }[]
}

export interface LogSearch {
  total: number
  truncated: boolean
  /** Numbers of the lines that fit, from 0 as in `LogLine.seq`. */
  numbers: number[]
  /** The lines looked at end before this one. */
  end?: number
}

/** A job as its file has it. `etag` is the revision a change is meant for. */
export interface SourceDocument {
  id: string
  app: string
  path: string
  vendor: boolean
  etag: string | null
  text: string
  job: Record<string, unknown>
  /** The overlay in `jobs.local.toml`, if there is one. */
  local: string | null
}

export interface Saved {
  id: string
  etag: string
  version: number
  path: string
  warnings: Problem[]
}

export interface Version {
  version: number
  at: string
  by: string
  change: string
  etag: string
}

export interface VersionsDocument {
  versions: Version[]
}

export type SlotOutcome = 'fired' | 'skipped' | 'missed' | 'failed_to_start'

export interface Slot {
  schedule: string
  due_at: string
  outcome: SlotOutcome | string
  reason: string | null
  run_id: string | null
  decided_at: string
}

export interface SlotsPage {
  job_id: string
  slots: Slot[]
  next: string | null
}

export interface WhyAnswer {
  verdict: string
  text: string
  schedule: string | null
  due_at: string | null
  local: string | null
  reason: string | null
  run_id: string | null
  run_status: RunStatus | null
}

export interface WhyDocument {
  job_id: string
  at: string | null
  answers: WhyAnswer[]
}

const FINAL: ReadonlySet<StepStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED'])

/** Whether a run or a step attempt can no longer change. */
export function isFinal(status: StepStatus): boolean {
  return FINAL.has(status)
}
