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
  scheduled_at: string | null
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

export interface JobDetail extends JobCard {
  params: Record<string, unknown>
  log_level: string
  timeout_seconds: number | null
  on_restart: 'fail' | 'resume'
  /** Null: `here` for a run that somebody asks for, `any` for one that a schedule fires. */
  placement: string | null
  retry: { attempts: number; backoff: string; base_seconds: number }
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
}

const FINAL: ReadonlySet<StepStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED'])

/** Whether a run or a step attempt can no longer change. */
export function isFinal(status: StepStatus): boolean {
  return FINAL.has(status)
}
