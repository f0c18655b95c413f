//! Jobs on the wire: a card per job for the catalogue, and the definition behind it.

use host_engine::Engine;
use host_model::diagnostic::Diagnostic;
use host_model::{Job, JsonMap, Run, Step};
use serde::Serialize;

use super::instant;
use super::run::RunSummary;

/// A finding about a file.
#[derive(Serialize)]
pub(crate) struct Problem {
    code: &'static str,
    severity: &'static str,
    message: String,
    file: String,
    line: u32,
    column: u32,
    hint: Option<String>,
    job_id: Option<String>,
}

impl From<&Diagnostic> for Problem {
    fn from(found: &Diagnostic) -> Self {
        Self {
            code: found.code,
            severity: found.severity.as_str(),
            message: found.message.clone(),
            file: found.file.clone(),
            line: found.line,
            column: found.column,
            hint: found.hint.clone(),
            job_id: found.job.clone(),
        }
    }
}

/// A job in the catalogue.
#[derive(Serialize, Default)]
pub(crate) struct JobCard {
    pub(crate) id: String,
    pub(crate) app: String,
    pub(crate) description: String,
    pub(crate) tags: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) schedule: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) step_count: usize,
    /// False: it cannot run; `problems` say why.
    pub(crate) valid: bool,
    pub(crate) problems: Vec<Problem>,
    pub(crate) active_run_id: Option<String>,
    pub(crate) last_run: Option<RunSummary>,
    pub(crate) next_run_at: Option<String>,
    /// Whether Run now opens the dialog (seeds, catalogue: parameters, keyword arguments or several steps).
    pub(crate) needs_dialog: bool,
}

impl JobCard {
    pub(crate) fn new(job: &Job, engine: &Engine, last: Option<&Run>, active: Option<String>) -> Self {
        let schedule = job.schedules.first();
        Self {
            id: job.id.to_string(),
            app: job.app.clone(),
            description: job.description.clone(),
            tags: job.tags.clone(),
            enabled: job.enabled,
            schedule: schedule.map(|s| s.text.clone()),
            timezone: schedule.map(|s| s.spec.zone.name().to_owned()),
            step_count: job.steps.len(),
            valid: true,
            problems: Vec::new(),
            active_run_id: active,
            last_run: last.map(RunSummary::from),
            next_run_at: engine.next_fire(job).map(instant),
            needs_dialog: job.steps.len() > 1
                || !job.params.is_empty()
                || job.steps.iter().any(|s| !s.op_kwargs.is_empty()),
        }
    }
}

#[derive(Serialize)]
struct RetryView {
    attempts: u32,
    backoff: &'static str,
    base_seconds: u32,
}

#[derive(Serialize)]
struct ScheduleView {
    name: String,
    text: String,
    timezone: String,
    enabled: bool,
    /// Where its runs go, over the job's.
    placement: Option<String>,
    next: Vec<String>,
}

#[derive(Serialize)]
struct StepDefinition {
    name: String,
    #[serde(rename = "type")]
    step_type: &'static str,
    enabled: bool,
    timeout_seconds: u32,
    resumable: bool,
    op_kwargs: JsonMap,
    summary: String,
}

impl From<&Step> for StepDefinition {
    fn from(step: &Step) -> Self {
        Self {
            name: step.name.to_string(),
            step_type: step.spec.type_name(),
            enabled: step.enabled,
            timeout_seconds: step.timeout_seconds,
            resumable: step.resumable,
            op_kwargs: step.op_kwargs.clone(),
            summary: step.spec.summary(),
        }
    }
}

#[derive(Serialize)]
struct SourceView {
    file: String,
    line: u32,
}

/// Next instants shown per schedule (seeds, create-a-job: the next three fires).
const NEXT: usize = 3;

/// A job with its definition and latest runs.
#[derive(Serialize)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    card: JobCard,
    params: JsonMap,
    log_level: &'static str,
    timeout_seconds: Option<u32>,
    overlap: &'static str,
    on_restart: &'static str,
    /// None: `here` for a run that somebody asks for, `any` for one that a schedule fires.
    placement: Option<String>,
    retry: RetryView,
    schedules: Vec<ScheduleView>,
    steps: Vec<StepDefinition>,
    runs: Vec<RunSummary>,
    /// None for a job of our own.
    source: Option<SourceView>,
}

impl JobDetail {
    pub(crate) fn new(job: &Job, card: JobCard, now: host_model::Instant, runs: &[Run]) -> Self {
        let schedules = job.schedules.iter().map(|s| ScheduleView {
            name: s.name.clone(),
            text: s.text.clone(),
            timezone: s.spec.zone.name().to_owned(),
            enabled: s.enabled && job.enabled,
            placement: s.placement.as_ref().map(ToString::to_string),
            next: s.spec.upcoming(now).take(NEXT).map(instant).collect(),
        });
        Self {
            card,
            params: job.params.clone(),
            log_level: job.log_level.as_str(),
            timeout_seconds: job.timeout_seconds,
            overlap: job.overlap.as_str(),
            on_restart: job.on_restart.as_str(),
            placement: job.placement.as_ref().map(ToString::to_string),
            retry: RetryView {
                attempts: job.retry.attempts,
                backoff: job.retry.backoff.as_str(),
                base_seconds: job.retry.base_seconds,
            },
            schedules: schedules.collect(),
            steps: job.steps.iter().map(StepDefinition::from).collect(),
            runs: runs.iter().map(RunSummary::from).collect(),
            source: (!job.source.file.is_empty())
                .then(|| SourceView { file: job.source.file.to_string(), line: job.source.line }),
        }
    }
}
