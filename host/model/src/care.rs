//! What caring for an installation needs to know: how large the tables of its store are and how fast they grow, what a
//! shorter history would remove, how busy it was, and what the process says of itself. The port [`StoreCare`] is implemented
//! by the store, the others by the crate that assembles everything; all of them only read.

use async_trait::async_trait;

use crate::port::StoreError;
use crate::{Instant, JobId, Json, RunId};

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// Its rows; an estimate of the database where counting them would take long.
    pub rows: u64,
    /// What it takes with its indexes; `None` where the database does not say.
    pub bytes: Option<u64>,
    /// Rows of the last days, divided by them; `None` for tables whose rows bear no time.
    pub rows_per_day: Option<f64>,
}

/// What a pass of retention would remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PruneEstimate {
    /// Runs.
    pub run_rows: u64,
    /// Attempts of steps.
    pub step_rows: u64,
    /// Log lines.
    pub log_rows: u64,
    /// Slots.
    pub slot_rows: u64,
}

/// Connections to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUse {
    /// Which pool.
    pub name: String,
    /// The most connections it may have.
    pub most: u32,
    /// Open connections.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// Who waits for one.
    pub waiting: u32,
}

/// A run that a schedule fired, by its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireTime {
    /// Which run.
    pub run_id: RunId,
    /// Its job.
    pub job_id: JobId,
    /// The schedule.
    pub schedule: String,
    /// When it was due.
    pub due_at: Instant,
    /// When it was recorded.
    pub queued_at: Instant,
    /// When it began; `None` while it waits.
    pub started_at: Option<Instant>,
}

/// How busy all processes together were over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadSlot {
    /// The stretch: seconds since 1970 divided by its width.
    pub slot: i64,
    /// Runs that ran, the most at once.
    pub running: u64,
    /// Runs that waited, the most at once.
    pub queued: u64,
    /// Log lines that were written.
    pub lines: u64,
}

/// The last lines of a process's own log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentLog {
    /// Oldest first.
    pub lines: Vec<String>,
    /// How many there were before them since the start.
    pub forgotten: u64,
}

/// Knows the process and the machine it is on.
pub trait HostDesk: Send + Sync + 'static {
    /// Bytes that are free where the home keeps its data; `None` where the system does not say.
    fn free_bytes(&self) -> Option<u64>;
    /// What the process logged of late.
    fn recent_log(&self) -> RecentLog;
    /// Masks every secret that this process knows, wherever it stands in a text: the last look at what leaves the house.
    fn conceal(&self, told: &mut Json);
}

/// Something to save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSave {
    /// `store`, `files` or `key`.
    pub what: &'static str,
    /// Where it is, without a password.
    pub place: String,
    /// Whether it can be read from here.
    pub is_reachable: bool,
    /// What there is, or why it cannot be read.
    pub detail: String,
}

/// Knows what of a home has to be saved. The crate that assembles everything implements it.
#[async_trait]
pub trait BackupDesk: Send + Sync + 'static {
    /// The things to save, looked at now, in the order in which they are put back.
    async fn things_to_save(&self) -> Vec<ToSave>;
}

/// See the module's note.
#[async_trait]
pub trait StoreCare: Send + Sync + 'static {
    /// Every table, the largest first. Growth is measured from `since` to `now`.
    async fn table_sizes(&self, since: Instant, now: Instant) -> Result<Vec<TableSize>, StoreError>;
    /// What goes when everything that ended before `cutoff` goes.
    async fn estimate_prune(&self, cutoff: Instant) -> Result<PruneEstimate, StoreError>;
    /// The newest runs fired by schedules that were recorded in a span of time, newest first.
    async fn fire_times(&self, from: Instant, to: Instant, limit: u32) -> Result<Vec<FireTime>, StoreError>;
    /// How busy all processes were between two instants, stretch by stretch without a gap, the earliest first. Counted from
    /// the runs themselves; one that was queued more than three days before `from` and has ended since is not among them.
    /// `width_seconds` is not 0.
    async fn load(&self, from: Instant, to: Instant, width_seconds: u32) -> Result<Vec<LoadSlot>, StoreError>;
    /// The pools of the store.
    fn pools(&self) -> Vec<PoolUse>;
}
