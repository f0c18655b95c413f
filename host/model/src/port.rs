//! The traits the engine and the runners need. They live here, where they are needed; `store`, `steps`, `sandbox` and
//! `python` implement them; `host::assemble` introduces everybody. Those of databases are in `sql_port`.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::cancel::CancelToken;
use crate::fire::{NewRun, Pause, Recorded, SeenSchedule, SlotFilter, SlotRecord};
use crate::hold::HoldStore;
use crate::log::{LogLevel, LogLine};
use crate::placement::Limits;
use crate::replica::{Held, Lease, Presence, Replica};
use crate::run::{Run, RunFilter, RunStatus, StepRun};
use crate::template::StepResult;
use crate::transition::{Applied, Change};
use crate::{Instant, JobId, JsonMap, RunId, StepError, StepName, StepSpec};

pub use crate::sql_port::{Access, Connectors, SharedPool, SqlCursor, SqlSession};

/// A store that cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or refused the operation.
    #[error("the store failed to {operation}: {message}")]
    Unavailable {
        /// What was being done, in words: `record a run`.
        operation: &'static str,
        /// The driver's message.
        message: String,
    },
    /// A row holds something this version cannot read.
    #[error("the store holds a row that cannot be read while trying to {operation}: {message}")]
    Corrupt {
        /// What was being done.
        operation: &'static str,
        /// Which column and value.
        message: String,
    },
}

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelMark {
    /// The run carries the mark now, or already did.
    Marked,
    /// Too late: it is in this final state.
    AlreadyFinal(RunStatus),
    /// No such run.
    NotFound,
}

/// What a batch of pruning is to remove; see [`Store::prune`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrunePass {
    /// Log rows of runs that ended before the cutoff, and those whose run is gone. The limit counts log rows.
    Logs,
    /// Runs that ended before the cutoff, with their steps. The limit counts runs.
    Runs,
    /// Ledger rows due before the cutoff; the newest of each schedule stays, so that it is always known up to where
    /// slots were decided. The limit counts ledger rows.
    Slots,
}

/// Rows that pruning removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Of the logs.
    pub log_rows: u64,
    /// Attempts of steps.
    pub step_rows: u64,
    /// Runs.
    pub run_rows: u64,
    /// Of the ledger.
    pub slot_rows: u64,
}

impl Pruned {
    /// All of them.
    pub fn total(self) -> u64 {
        self.log_rows + self.step_rows + self.run_rows + self.slot_rows
    }
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, more: Self) {
        self.log_rows += more.log_rows;
        self.step_rows += more.step_rows;
        self.run_rows += more.run_rows;
        self.slot_rows += more.slot_rows;
    }
}

/// Rings once; from the moment it is made, no ring is missed.
pub type Bell = event_listener::EventListener;

/// What a process is ready to take up; see [`Store::claim_runs`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The process.
    pub owner: String,
    /// Placements it accepts, see [`crate::Placement::accepted`].
    pub placements: Vec<String>,
    /// At most so many runs.
    pub most: u32,
    /// A run that counts against one of these is taken only while fewer than so many that do are with a process.
    pub limits: Limits,
}

/// A run that this process has now, and what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The run, `QUEUED`, with its new owner and term.
    pub run: Run,
    /// The text of its [`crate::definition::Definition`].
    pub definition: Arc<str>,
}

/// What [`Store::record_slots`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotsKept {
    /// So many were new; the others had been decided before and stay as they are.
    New(u64),
    /// The lease is no longer this process's: nothing was written.
    LeaseLost,
}

/// Where runs, steps, logs and slots are kept. Decides nothing: every rule arrives as a value.
#[async_trait]
pub trait Store: HoldStore {
    /// `sqlite` or `postgres`.
    fn dialect(&self) -> &'static str;

    /// Records a fire in one transaction: the run with its pending steps, or the skipped run, and the slot's row.
    async fn record_fire(&self, new: &NewRun) -> Result<Recorded, StoreError>;
    /// Records what became of a slot that has no run. False when the slot was already decided.
    async fn record_slot(&self, slot: &SlotRecord) -> Result<bool, StoreError>;
    /// The ledger rows of a job, newest first.
    async fn list_slots(&self, job: &JobId, limit: u32) -> Result<Vec<SlotRecord>, StoreError>;
    /// Records what became of slots that have no run, in one transaction, while `lease` lasts (`None` = always). Those
    /// decided before stay as they are.
    async fn record_slots(&self, slots: &[SlotRecord], lease: Option<&Held>) -> Result<SlotsKept, StoreError>;
    /// Ledger rows, newest first.
    async fn find_slots(&self, filter: &SlotFilter) -> Result<Vec<SlotRecord>, StoreError>;
    /// Slots without a run that were decided after an instant, oldest decision first; without one, the latest alone.
    async fn list_unfired_slots(&self, after: Option<Instant>, limit: u32) -> Result<Vec<SlotRecord>, StoreError>;

    /// Every schedule as last seen, with the instant up to which the ledger says its slots were decided: its newest row due
    /// no later than `until`, but for slots skipped once and those that [`Self::note_clock_set_back`] spoke of.
    async fn list_seen_schedules(&self, until: Instant) -> Result<Vec<(SeenSchedule, Option<Instant>)>, StoreError>;
    /// Remembers `seen` in place of what was known of them, and forgets `gone` (job and schedule), in one transaction.
    async fn save_seen_schedules(&self, seen: &[SeenSchedule], gone: &[(JobId, String)]) -> Result<(), StoreError>;
    /// Notes that the clock of whoever fires schedules was set back to `to`, from `ahead_to` or from the ledger's newest slot
    /// if that is later: rows due in that span may be from before, and say nothing about the slots that come before them
    /// now. Nothing when neither is later than `to`.
    async fn note_clock_set_back(&self, to: Instant, ahead_to: Instant) -> Result<(), StoreError>;
    /// The pause of the scheduler, while there is one.
    async fn find_pause(&self) -> Result<Option<Pause>, StoreError>;
    /// Begins a pause, or ends it. False when it was paused, or not, already: then the first pause stays as it is.
    async fn set_pause(&self, pause: Option<&Pause>) -> Result<bool, StoreError>;

    /// Applies changes in one transaction, all or none.
    async fn apply(&self, changes: &[Change]) -> Result<Applied, StoreError>;
    /// Gives to `claim.owner` the oldest runs that are `QUEUED` with nobody, carry no mark to be cancelled, are placed where
    /// it accepts, wait for no other run of their job (with [`crate::job::Overlap::waits`], those before it go first, one at
    /// a time) and are within every limit. The term of each rises by one. Two processes never get the same run.
    async fn claim_runs(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError>;
    /// What the run does, as it was recorded; `None` for a run of a version that did not keep it.
    async fn find_definition(&self, run: RunId) -> Result<Option<Arc<str>>, StoreError>;
    /// Rings whenever another process may have left a run to be taken up. A bell may ring too often, and it may miss a
    /// ring while the store is away.
    fn bell(&self) -> Bell;
    /// Rings a moment after another process has committed something that a listener may want to hear: runs, steps, log
    /// lines, slots, a pause. As unreliable as [`Store::bell`]; what this process commits does not ring.
    fn news(&self) -> Bell;
    /// Marks a run as to be cancelled; the owner turns the mark into the change, or whoever finds the mark on a run that
    /// nobody has. `by` and `at` of the first to ask are kept.
    async fn request_cancel(&self, run: RunId, by: &str, at: Instant) -> Result<CancelMark, StoreError>;
    /// Marked runs of `owner`, and of nobody, that are not final yet, oldest first.
    async fn list_cancel_marks(&self, owner: &str) -> Result<Vec<Run>, StoreError>;

    /// One run.
    async fn find_run(&self, run: RunId) -> Result<Option<Run>, StoreError>;
    /// Runs, newest first. One that cannot be read is left out and hides no other, so a page with fewer than `limit` is
    /// not always the last.
    async fn list_runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError>;
    /// The newest run of each of `jobs` that ever ran, of all when empty; `SKIPPED` ones apart unless there is no other.
    async fn list_latest_runs(&self, jobs: &[JobId]) -> Result<Vec<Run>, StoreError>;
    /// Every attempt of a run, by step and attempt.
    async fn list_steps(&self, run: RunId) -> Result<Vec<StepRun>, StoreError>;

    /// Counts a sign of life of `presence.owner` and keeps what it says of itself. Returns false when the process was not
    /// known: it is new, or was given up for lost and forgotten.
    async fn beat(&self, presence: &Presence, at: Instant) -> Result<bool, StoreError>;
    /// Every process known, by owner.
    async fn list_replicas(&self) -> Result<Vec<Replica>, StoreError>;
    /// Forgets a process. With `beat`, only if that is still its last sign of life. False when nothing was forgotten.
    async fn forget_replica(&self, owner: &str, beat: Option<u64>) -> Result<bool, StoreError>;
    /// Owners of runs that are not final, each once; nobody is not among them.
    async fn list_owners(&self) -> Result<Vec<String>, StoreError>;
    /// The lease, if anybody ever had it.
    async fn find_lease(&self) -> Result<Option<Lease>, StoreError>;
    /// Takes the lease if nobody has it, or if it is still exactly as `seen` (the same term and beat: a holder that gives no
    /// sign of life). Returns the new term.
    async fn take_lease(&self, holder: &str, seen: Option<&Lease>, at: Instant) -> Result<Option<u64>, StoreError>;
    /// A sign of life of the holder. False when the lease is no longer its own.
    async fn keep_lease(&self, held: &Held, at: Instant) -> Result<bool, StoreError>;
    /// Gives the lease back, so that another may take it at once. False when it was not its own any more.
    async fn release_lease(&self, held: &Held) -> Result<bool, StoreError>;

    /// Appends lines; a line already there (same run and seq) is left as it is, so that a retry is harmless.
    async fn append_logs(&self, lines: &[LogLine]) -> Result<(), StoreError>;
    /// Lines of a run from `from` on, in order.
    async fn list_logs(&self, run: RunId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError>;
    /// How many lines a run has: the next `seq`.
    async fn count_logs(&self, run: RunId) -> Result<u64, StoreError>;

    /// Removes one batch of history, oldest first, in one transaction; call again until nothing was removed. Runs in
    /// flight and everything of theirs stay, however old they are.
    async fn prune(&self, pass: PrunePass, before: Instant, limit: u32) -> Result<Pruned, StoreError>;

    /// Answers a trivial query, for health checks.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Finishes writes and closes connections.
    async fn close(&self);
}

/// The clock of the house; tests turn it by hand.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The current instant, cut to milliseconds.
    fn now(&self) -> Instant;
    /// Returns when somebody sets the clock, or the machine wakes after a sleep; for ever silent where that is not told.
    async fn was_set(&self) {
        std::future::pending().await
    }
}

/// Reads an environment variable, as templates see the environment.
pub type EnvReader = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Secrets by name.
pub trait Secrets: Send + Sync + 'static {
    /// The secret, if there is one.
    fn find_secret(&self, name: &str) -> Option<String>;
}

/// The voice of an attempt: log lines and progress. `log` waits while the sink is full, so that nothing is lost and
/// memory stays bounded.
#[async_trait]
pub trait StepVoice: Send + Sync {
    /// Writes one line (line breaks split it into several).
    async fn log(&self, level: LogLevel, message: &str);
    /// Says how far the attempt is; may be called for every row, is thinned out before anybody hears it.
    fn progress(&self, done: u64, total: Option<u64>, note: &str);
}

/// Everything an attempt may know and touch. Cheap to clone.
#[derive(Clone)]
pub struct StepContext {
    /// The run.
    pub run_id: RunId,
    /// Its job.
    pub job_id: JobId,
    /// The app that owns the job.
    pub app: String,
    /// The step.
    pub step: StepName,
    /// Its position, from 0.
    pub index: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The text of the trigger.
    pub triggered_by: String,
    /// The slot, or the moment of the trigger.
    pub scheduled_at: Instant,
    /// Verbosity: `Debug` lines are dropped unless this is `Debug`.
    pub log_level: LogLevel,
    /// Merged parameters, templates filled in.
    pub params: JsonMap,
    /// The keys of `params` this step was given by name; a callable must accept these and may ignore the others.
    pub own_keys: Vec<String>,
    /// Results of the steps before this one.
    pub results: Arc<HashMap<StepName, StepResult>>,
    /// Cancelled by an operator, a timeout or a shutdown; the runner then stops within 2 s.
    pub cancel: CancelToken,
    /// Time allowed for this attempt, from its start.
    pub timeout: std::time::Duration,
    /// Log and progress.
    pub voice: Arc<dyn StepVoice>,
    /// Named connectors.
    pub connectors: Arc<dyn Connectors>,
}

impl StepContext {
    /// Writes an `INFO` line.
    pub async fn info(&self, message: impl AsRef<str> + Send) {
        self.voice.log(LogLevel::Info, message.as_ref()).await;
    }

    /// Writes a `DEBUG` line, if this run wants them.
    pub async fn debug(&self, message: impl AsRef<str> + Send) {
        if self.log_level == LogLevel::Debug {
            self.voice.log(LogLevel::Debug, message.as_ref()).await;
        }
    }
}

/// What a successful attempt leaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepOutcome {
    /// A JSON object; later steps and people read it.
    pub output: JsonMap,
    /// Rows it moved or changed, added to the run's total.
    pub rows_affected: Option<i64>,
    /// Resources used, as the runner counts them.
    pub usage: Option<JsonMap>,
}

/// A failed attempt with the resources it used until then.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFailure {
    /// Why.
    pub error: StepError,
    /// Resources used.
    pub usage: Option<JsonMap>,
}

impl From<StepError> for StepFailure {
    fn from(error: StepError) -> Self {
        Self { error, usage: None }
    }
}

/// Runs steps of one type. The engine owns timeout, retry and state; a runner only does the work, watches
/// `ctx.cancel`, and returns within 2 s once it is cancelled.
#[async_trait]
pub trait StepRunner: Send + Sync + 'static {
    /// Runs one attempt of a step whose templates are filled in.
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure>;
}
