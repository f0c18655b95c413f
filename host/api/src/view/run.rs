//! Runs, attempts, log lines and progress on the wire.

use host_engine::Fired;
use host_model::event::Progress;
use host_model::log::LogLine;
use host_model::run::RunStatus;
use host_model::{Json, JsonMap, Run, RunId, StepRun};
use serde::Serialize;
use utoipa::ToSchema;

use super::concealed::{concealed, concealed_json};
use super::instant;
use super::words::{LogLevelWord, RunStatusWord, StepStatusWord};

/// A run in lists and events.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct RunSummary {
    id: String,
    job_id: String,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
    reason: Option<String>,
    error: Option<String>,
    triggered_by: String,
    schedule: Option<String>,
    #[schema(format = DateTime)]
    scheduled_at: Option<String>,
    replay_of: Option<String>,
    #[schema(format = DateTime)]
    queued_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    rows_affected: i64,
    step_count: u32,
    steps_done: u32,
    #[schema(value_type = LogLevelWord)]
    log_level: &'static str,
    /// Who has asked for its end; it goes on until its status says otherwise.
    cancel_requested_by: Option<String>,
    /// When that was asked for; null too for a run that an earlier version was asked to cancel.
    #[schema(format = DateTime)]
    cancel_requested_at: Option<String>,
}

impl From<&Run> for RunSummary {
    fn from(run: &Run) -> Self {
        Self {
            id: run.id.to_string(),
            job_id: run.job_id.to_string(),
            status: run.status.as_str(),
            reason: run.reason.clone(),
            error: run.error.clone(),
            triggered_by: run.triggered_by.clone(),
            schedule: run.schedule.clone(),
            scheduled_at: run.scheduled_at.map(instant),
            replay_of: run.replay_of.map(|run| run.to_string()),
            queued_at: instant(run.queued_at),
            started_at: run.started_at.map(instant),
            finished_at: run.finished_at.map(instant),
            rows_affected: run.rows_affected,
            step_count: run.step_count,
            steps_done: run.steps_done,
            log_level: run.log_level.as_str(),
            cancel_requested_by: run.cancel_requested_by.clone(),
            cancel_requested_at: run.cancel_requested_at.map(instant),
        }
    }
}

/// A run with everything recorded about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunView {
    #[serde(flatten)]
    summary: RunSummary,
    #[schema(value_type = Object)]
    params: JsonMap,
    #[schema(value_type = Object)]
    overrides: JsonMap,
    owner: String,
    term: u32,
    placement: String,
    replay_from: Option<String>,
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        Self {
            summary: run.into(),
            params: concealed(&run.params),
            overrides: concealed(&run.overrides),
            owner: run.owner.clone(),
            term: run.term,
            placement: run.placement.clone(),
            replay_from: run.replay_from.as_ref().map(ToString::to_string),
        }
    }
}

/// Why an attempt failed.
#[derive(Serialize, ToSchema)]
struct ErrorView {
    #[schema(value_type = String)]
    kind: &'static str,
    message: String,
    detail: String,
}

/// A run that was accepted.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunAccepted {
    job_id: String,
    run_id: String,
    /// The run it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    replay_of: Option<String>,
    /// Who asked.
    #[schema(example = "user:alice")]
    triggered_by: String,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
}

impl RunAccepted {
    pub(crate) fn new(job_id: String, fired: &Fired, replay_of: Option<RunId>) -> Self {
        Self {
            job_id,
            run_id: fired.run_id.to_string(),
            replay_of: replay_of.map(|run| run.to_string()),
            triggered_by: fired.triggered_by.clone(),
            status: RunStatus::Queued.as_str(),
        }
    }

    /// What was answered when `run` was accepted.
    pub(crate) fn of_run(run: &Run) -> Self {
        Self {
            job_id: run.job_id.to_string(),
            run_id: run.id.to_string(),
            replay_of: run.replay_of.map(|run| run.to_string()),
            triggered_by: run.triggered_by.clone(),
            status: RunStatus::Queued.as_str(),
        }
    }
}

/// An attempt as events carry it.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepEvent {
    run_id: String,
    index: u32,
    name: String,
    #[serde(rename = "type")]
    step_type: String,
    attempt: u32,
    #[schema(value_type = StepStatusWord)]
    status: &'static str,
    reason: Option<String>,
    #[schema(format = DateTime)]
    retry_at: Option<String>,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    rows_affected: Option<i64>,
    error: Option<ErrorView>,
    #[schema(value_type = Option<Object>)]
    usage: Option<JsonMap>,
}

impl From<&StepRun> for StepEvent {
    fn from(step: &StepRun) -> Self {
        Self {
            run_id: step.run_id.to_string(),
            index: step.index,
            name: step.name.to_string(),
            step_type: step.step_type.clone(),
            attempt: step.attempt,
            status: step.status.as_str(),
            reason: step.reason.clone(),
            retry_at: step.retry_at.map(instant),
            started_at: step.started_at.map(instant),
            finished_at: step.finished_at.map(instant),
            rows_affected: step.rows_affected,
            error: step.error.as_ref().map(|e| ErrorView {
                kind: e.kind.as_str(),
                message: e.message.clone(),
                detail: e.detail.clone(),
            }),
            usage: step.usage.clone(),
        }
    }
}

/// An attempt with its input and output.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepView {
    #[serde(flatten)]
    event: StepEvent,
    #[schema(value_type = serde_json::Value)]
    input: Option<Json>,
    #[schema(value_type = Option<Object>)]
    output: Option<JsonMap>,
}

impl From<&StepRun> for StepView {
    fn from(step: &StepRun) -> Self {
        Self { event: step.into(), input: step.input.as_ref().map(concealed_json), output: step.output.clone() }
    }
}

/// A line of a run's log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    seq: u64,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = LogLevelWord)]
    level: &'static str,
    step: Option<String>,
    attempt: u32,
    message: String,
}

impl From<&LogLine> for LineView {
    fn from(line: &LogLine) -> Self {
        Self {
            seq: line.seq,
            at: instant(line.at),
            level: line.level.as_str(),
            step: line.step.as_ref().map(ToString::to_string),
            attempt: line.attempt,
            message: line.message.clone(),
        }
    }
}

/// How far an attempt is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgressView {
    run_id: String,
    step_index: u32,
    attempt: u32,
    #[schema(format = DateTime)]
    at: String,
    done: u64,
    total: Option<u64>,
    note: String,
    rate: f64,
}

impl From<&Progress> for ProgressView {
    fn from(progress: &Progress) -> Self {
        Self {
            run_id: progress.run_id.to_string(),
            step_index: progress.index,
            attempt: progress.attempt,
            at: instant(progress.at),
            done: progress.done,
            total: progress.total,
            note: progress.note.clone(),
            rate: progress.rate,
        }
    }
}

/// Lines of a run as the event stream carries them.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogEvent {
    pub(crate) run_id: String,
    /// The number of the first.
    pub(crate) from: u64,
    pub(crate) lines: Vec<LineView>,
}
