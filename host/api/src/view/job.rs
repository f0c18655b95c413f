//! Jobs on the wire: a card per job for the catalogue, and the definition behind it.

use host_model::diagnostic::Diagnostic;
use host_model::fire::SlotRecord;
use host_model::history::RunTime;
use host_model::hold::Holds;
use host_model::job::{JobSchedule, Overrides, Preset};
use host_model::params::overrides_json;
use host_model::run::RunStatus;
use host_model::{Instant, Job, JsonMap, Run, Step};
use serde::Serialize;
use utoipa::ToSchema;

use super::concealed::concealed;
use super::instant;
use super::part::Part;
use super::run::RunSummary;
use super::words::{LogLevelWord, OnRestartWord, OverlapWord, RunStatusWord, SeverityWord};
use crate::error::ApiError;

/// A finding about a file.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct Problem {
    #[schema(value_type = String)]
    code: &'static str,
    #[schema(value_type = SeverityWord)]
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
#[derive(Serialize, Default, ToSchema)]
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
    #[schema(value_type = Option<RunSummary>)]
    pub(crate) last_run: Option<Part<RunSummary>>,
    #[schema(format = DateTime)]
    pub(crate) next_run_at: Option<String>,
    /// Whether Run now opens the dialog (seeds, catalogue: parameters, keyword arguments or several steps).
    pub(crate) needs_dialog: bool,
    /// What an operator should know although nothing is wrong with the file.
    pub(crate) warnings: Vec<Warning>,
    /// Its last runs, oldest first, as many as were asked for.
    #[schema(value_type = Vec<RecentRun>)]
    pub(crate) recent: Part<Vec<RecentRun>>,
}

/// What a card says about the last run of its job.
#[derive(Clone)]
pub(crate) struct LastRun {
    pub(crate) id: String,
    /// It succeeded, and no row was affected.
    is_empty: bool,
    pub(crate) summary: Part<RunSummary>,
}

impl From<&Run> for LastRun {
    fn from(run: &Run) -> Self {
        Self {
            id: run.id.to_string(),
            is_empty: run.status == RunStatus::Succeeded && run.rows_affected == 0,
            summary: Part::Value(run.into()),
        }
    }
}

impl LastRun {
    /// The same in the form that is quick to send.
    pub(crate) fn rendered(self) -> Result<Self, ApiError> {
        Ok(Self { summary: self.summary.rendered()?, ..self })
    }
}

/// Something an operator should know about a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct Warning {
    /// `schedule-off`, `no-rows`.
    #[schema(value_type = String)]
    code: &'static str,
    /// In words.
    message: String,
    /// The run it is about.
    run_id: Option<String>,
}

/// A run in the small history of a job.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct RecentRun {
    id: String,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
    #[schema(format = DateTime)]
    queued_at: String,
    /// How long it ran; null when it has not begun or not ended.
    seconds: Option<f64>,
}

impl From<&RunTime> for RecentRun {
    fn from(time: &RunTime) -> Self {
        Self {
            id: time.id.to_string(),
            status: time.status.as_str(),
            queued_at: instant(time.queued_at),
            seconds: time.seconds(),
        }
    }
}

fn warnings(job: &Job, last: Option<&LastRun>) -> Vec<Warning> {
    let mut found = Vec::new();
    if !job.enabled && job.schedules.iter().any(|schedule| schedule.enabled) {
        let message = "a schedule is set, but the job is disabled: it will not fire".to_owned();
        found.push(Warning { code: "schedule-off", message, run_id: None });
    }
    let moves_rows = job.steps.iter().any(|step| step.enabled && step.spec.type_name() == "sql_copy");
    if let Some(run) = last.filter(|run| moves_rows && run.is_empty) {
        let message = "the last run moved 0 rows".to_owned();
        found.push(Warning { code: "no-rows", message, run_id: Some(run.id.clone()) });
    }
    found
}

impl JobCard {
    pub(crate) fn new(job: &Job, next: Option<Instant>, last: Option<LastRun>, active: Option<String>) -> Self {
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
            next_run_at: next.map(instant),
            needs_dialog: job.steps.len() > 1
                || !job.params.is_empty()
                || job.steps.iter().any(|s| !s.op_kwargs.is_empty()),
            warnings: warnings(job, last.as_ref()),
            last_run: last.map(|last| last.summary),
            recent: Part::default(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct RetryView {
    attempts: u32,
    #[schema(value_type = String)]
    backoff: &'static str,
    base_seconds: u32,
}

#[derive(Serialize, ToSchema)]
struct ScheduleView {
    name: String,
    text: String,
    timezone: String,
    enabled: bool,
    /// Where its runs go, over the job's.
    placement: Option<String>,
    /// What its runs are given over the saved job, in the form of the body of `POST …/run`.
    #[schema(value_type = Object)]
    overrides: JsonMap,
    /// Without what a blackout, a maintenance window or a skip takes out.
    next: Vec<String>,
    /// Slots to come that are skipped once.
    skipped: Vec<SkipView>,
}

/// A slot that is skipped once.
#[derive(Serialize, ToSchema)]
struct SkipView {
    #[schema(format = DateTime)]
    due_at: String,
    /// Who skips it.
    reason: Option<String>,
}

impl From<&SlotRecord> for SkipView {
    fn from(row: &SlotRecord) -> Self {
        Self { due_at: instant(row.slot.due_at), reason: row.reason.clone() }
    }
}

fn is_ahead(row: &SlotRecord, job: &Job, schedule: &JobSchedule, now: Instant) -> bool {
    row.slot.due_at > now && row.slot.job_id == job.id && row.slot.schedule == schedule.name
}

/// A named set of values for a run that somebody asks for.
#[derive(Serialize, ToSchema)]
struct PresetView {
    name: String,
    #[schema(value_type = Object)]
    params: JsonMap,
    #[schema(value_type = Object)]
    op_kwargs: JsonMap,
    #[schema(value_type = Object)]
    step_enabled: JsonMap,
    log_level: Option<String>,
}

impl From<&Preset> for PresetView {
    fn from(preset: &Preset) -> Self {
        let Overrides { params, op_kwargs, step_enabled, log_level } = preset.overrides.clone();
        Self {
            name: preset.name.clone(),
            params: concealed(&params),
            op_kwargs: op_kwargs
                .into_iter()
                .map(|(step, values)| (step.to_string(), concealed(&values).into()))
                .collect(),
            step_enabled: step_enabled.into_iter().map(|(step, enabled)| (step.to_string(), enabled.into())).collect(),
            log_level: log_level.map(|level| level.as_str().to_owned()),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct StepDefinition {
    name: String,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    step_type: &'static str,
    enabled: bool,
    /// What has to be true for it to run.
    when: Option<String>,
    timeout_seconds: u32,
    resumable: bool,
    #[schema(value_type = Object)]
    op_kwargs: JsonMap,
    summary: String,
}

impl From<&Step> for StepDefinition {
    fn from(step: &Step) -> Self {
        Self {
            name: step.name.to_string(),
            step_type: step.spec.type_name(),
            enabled: step.enabled,
            when: step.when.as_ref().map(|when| when.as_str().to_owned()),
            timeout_seconds: step.timeout_seconds,
            resumable: step.resumable,
            op_kwargs: concealed(&step.op_kwargs),
            summary: step.spec.summary(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct SourceView {
    file: String,
    line: u32,
}

/// Next instants shown per schedule (the seeds ask for three, the page shows five).
const NEXT: usize = 5;

/// A job with its definition and latest runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    card: JobCard,
    #[schema(value_type = Object)]
    params: JsonMap,
    #[schema(value_type = LogLevelWord)]
    log_level: &'static str,
    timeout_seconds: Option<u32>,
    #[schema(value_type = OverlapWord)]
    overlap: &'static str,
    #[schema(value_type = OnRestartWord)]
    on_restart: &'static str,
    /// None: `here` for a run that somebody asks for, `any` for one that a schedule fires.
    placement: Option<String>,
    retry: RetryView,
    /// A run that takes longer raises an alert; none without.
    long_run_minutes: Option<u32>,
    schedules: Vec<ScheduleView>,
    presets: Vec<PresetView>,
    steps: Vec<StepDefinition>,
    runs: Vec<RunSummary>,
    /// None for a job of our own.
    source: Option<SourceView>,
}

impl JobDetail {
    pub(crate) fn new(job: &Job, card: JobCard, (now, holds): (Instant, &Holds), runs: &[Run]) -> Self {
        let schedules = job.schedules.iter().map(|s| ScheduleView {
            name: s.name.clone(),
            text: s.text.clone(),
            timezone: s.spec.zone.name().to_owned(),
            enabled: s.enabled && job.enabled,
            placement: s.placement.as_ref().map(ToString::to_string),
            overrides: concealed(&overrides_json(&s.overrides)),
            next: holds.next_fires(job, s, now).take(NEXT).map(instant).collect(),
            skipped: holds.skips.iter().filter(|row| is_ahead(row, job, s, now)).map(SkipView::from).collect(),
        });
        Self {
            card,
            params: concealed(&job.params),
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
            long_run_minutes: job.alerts.as_ref().and_then(|alerts| alerts.on_long_run_minutes),
            schedules: schedules.collect(),
            presets: job.presets.iter().map(PresetView::from).collect(),
            steps: job.steps.iter().map(StepDefinition::from).collect(),
            runs: runs.iter().map(RunSummary::from).collect(),
            source: (!job.source.file.is_empty())
                .then(|| SourceView { file: job.source.file.to_string(), line: job.source.line }),
        }
    }
}
