//! One execution of a job, one attempt of one of its steps, and the words for their states (product §2).

use crate::job::word_enum;
use crate::log::LogLevel;
use crate::{Instant, JobId, Json, JsonMap, Owner, RunId, StepError, StepName};

word_enum!(
    /// State of a run.
    RunStatus {
        /// Accepted, not started.
        Queued = "QUEUED",
        /// In flight.
        Running = "RUNNING",
        /// Every step that had to run succeeded.
        Succeeded = "SUCCEEDED",
        /// A step exhausted its attempts, or the owner died.
        Failed = "FAILED",
        /// Somebody stopped it.
        Canceled = "CANCELED",
        /// It was due but did not begin.
        Skipped = "SKIPPED",
    }
);

word_enum!(
    /// State of one attempt of a step.
    StepStatus {
        /// Not reached yet, or waiting for its retry.
        Pending = "PENDING",
        /// Accepted by a runner that has not begun.
        Queued = "QUEUED",
        /// In flight.
        Running = "RUNNING",
        /// It returned.
        Succeeded = "SUCCEEDED",
        /// It raised, timed out or crashed.
        Failed = "FAILED",
        /// Stopped, or not run: the reason says which.
        Canceled = "CANCELED",
        /// Not due in this run.
        Skipped = "SKIPPED",
    }
);

impl RunStatus {
    /// Whether nothing will change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Reads a status for a filter: any case, and `aborted` for `CANCELED`.
    pub fn parse_filter(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        if upper == "ABORTED" { Some(Self::Canceled) } else { Self::parse(&upper) }
    }
}

impl StepStatus {
    /// Whether nothing will change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Skipped)
    }
}

/// What began a run; recorded as the text of [`Trigger::to_string`] (seeds, overview: `cron`, `user:alice`, `api`,
/// `cli:bob`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A schedule.
    Cron,
    /// An operator in the page.
    User(String),
    /// A REST client.
    Api,
    /// Somebody at a shell.
    Cli(String),
    /// Another run.
    Job(RunId),
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cron => f.write_str("cron"),
            Self::User(name) => write!(f, "user:{name}"),
            Self::Api => f.write_str("api"),
            Self::Cli(name) => write!(f, "cli:{name}"),
            Self::Job(run) => write!(f, "job:{run}"),
        }
    }
}

/// One execution of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Sortable, unique.
    pub id: RunId,
    /// The job as it was called when it began; the job itself may be gone.
    pub job_id: JobId,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it was skipped, cancelled or abandoned.
    pub reason: Option<String>,
    /// What failed, for a failed run.
    pub error: Option<String>,
    /// The text of a [`Trigger`].
    pub triggered_by: String,
    /// Name of the schedule that fired it.
    pub schedule: Option<String>,
    /// The slot it serves.
    pub scheduled_at: Option<Instant>,
    /// The run it repeats.
    pub replay_of: Option<RunId>,
    /// The first step of a replay that runs; `None` = the first of all.
    pub replay_from: Option<StepName>,
    /// When it was accepted.
    pub queued_at: Instant,
    /// When it began; empty until then.
    pub started_at: Option<Instant>,
    /// Set if and only if the status is final.
    pub finished_at: Option<Instant>,
    /// Sum over its steps.
    pub rows_affected: i64,
    /// Steps of the job.
    pub step_count: u32,
    /// Steps whose latest attempt is final.
    pub steps_done: u32,
    /// Verbosity of this fire.
    pub log_level: LogLevel,
    /// Merged parameters, secrets unresolved: `{"params": …, "op_kwargs": {step: …}}`.
    pub params: JsonMap,
    /// Only what this fire set over the saved job.
    pub overrides: JsonMap,
    /// The process that has it: `host/pid/start`; empty while it waits to be taken up.
    pub owner: String,
    /// How often it has been taken up.
    pub term: u32,
    /// Who may take it up, see [`crate::Placement::of_run`].
    pub placement: String,
    /// Who asked for its cancellation, once somebody has.
    pub cancel_requested_by: Option<String>,
    /// When; also empty where a version of the program asked that did not keep it.
    pub cancel_requested_at: Option<Instant>,
}

impl Run {
    /// Who has the run, as changes name it.
    pub fn owner(&self) -> Owner<'_> {
        Owner { name: &self.owner, term: self.term }
    }
}

/// One attempt of one step in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    /// The run.
    pub run_id: RunId,
    /// Position in the job, from 0.
    pub index: u32,
    /// Name in the job.
    pub name: StepName,
    /// The step's `type` word.
    pub step_type: String,
    /// From 1.
    pub attempt: u32,
    /// Where it stands.
    pub status: StepStatus,
    /// Why it was cancelled or skipped.
    pub reason: Option<String>,
    /// Earliest start, for a pending retry.
    pub retry_at: Option<Instant>,
    /// When it began; empty until then.
    pub started_at: Option<Instant>,
    /// When it ended; a step that never began has the moment it was decided.
    pub finished_at: Option<Instant>,
    /// Rows it reported.
    pub rows_affected: Option<i64>,
    /// The filled-in definition, secrets masked; empty until the attempt starts.
    pub input: Option<Json>,
    /// What it returned.
    pub output: Option<JsonMap>,
    /// What it failed with.
    pub error: Option<StepError>,
    /// Resources it used, as its runner counts them: peak memory, host calls, component digest.
    pub usage: Option<JsonMap>,
}

/// Which runs to list: newest first, all conditions together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunFilter {
    /// Of these jobs only; empty = of all.
    pub jobs: Vec<JobId>,
    /// In these states only; empty = in any.
    pub statuses: Vec<RunStatus>,
    /// Older than this run.
    pub before: Option<RunId>,
    /// Queued at or after.
    pub from: Option<Instant>,
    /// Queued before.
    pub to: Option<Instant>,
    /// Begun by one of these: a kind (`user`), or the whole text of a [`Trigger`] (`user:alice`); empty = by any.
    pub triggers: Vec<String>,
    /// With this text in the id, the job's id, the reason or the error; ASCII letters in any case.
    pub text: Option<String>,
    /// That have run for so many seconds at least, and are over.
    pub min_seconds: Option<f64>,
    /// At most so many; the caller bounds it.
    pub limit: u32,
}
