//! What keeps schedules from firing for a while, whatever their jobs say: the pause, maintenance windows, and single slots
//! that somebody skips once. Manual runs do not ask.
//!
//! A slot that is skipped once is decided there and then: its row of the ledger is written before it is due. So nothing can
//! fire it, whoever restarts or takes over, and taking the skip back is taking the row out again.

use async_trait::async_trait;

use crate::fire::{Pause, Slot, SlotOutcome, SlotRecord};
use crate::job::JobSchedule;
use crate::port::StoreError;
use crate::{Instant, Job, JobId};

/// How far back windows and skips are read. A slot found later than this follows its job's `catch_up` alone.
pub const LOOK_BACK: chrono::TimeDelta = chrono::TimeDelta::days(400);

/// A span of time in which no schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Unique, sorts by when it was made.
    pub id: String,
    /// First instant inside.
    pub from: Instant,
    /// First instant outside again.
    pub until: Instant,
    /// Stands in every slot it skips; empty when none was given.
    pub reason: String,
    /// Who asked: `user:alice`.
    pub by: String,
    /// When.
    pub at: Instant,
}

impl Maintenance {
    /// Whether it holds at `at`.
    pub fn covers(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }

    /// The reason of the slots it skips.
    pub fn why(&self) -> String {
        if self.reason.is_empty() { "maintenance".to_owned() } else { format!("maintenance: {}", self.reason) }
    }
}

/// All that holds schedules back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds {
    /// The pause, while there is one.
    pub pause: Option<Pause>,
    /// Windows, by their beginning.
    pub windows: Vec<Maintenance>,
    /// Slots that are skipped once.
    pub skips: Vec<SlotRecord>,
}

impl Holds {
    /// The window that holds at `at`.
    pub fn window_at(&self, at: Instant) -> Option<&Maintenance> {
        self.windows.iter().find(|window| window.covers(at))
    }

    /// The window that keeps a slot from firing: one that holds when it is due, or when it would fire.
    pub fn window_of(&self, due_at: Instant, fire_at: Instant) -> Option<&Maintenance> {
        self.window_at(due_at).or_else(|| self.window_at(fire_at))
    }

    /// Whether the slot is skipped once.
    pub fn skips(&self, job: &JobId, schedule: &str, due_at: Instant) -> bool {
        self.skips.iter().any(|r| r.slot.due_at == due_at && r.slot.job_id == *job && r.slot.schedule == schedule)
    }
}

/// Instants of a schedule that are looked at for its next fires.
const LOOKED_AT: usize = 10_000;

impl Holds {
    /// When `schedule` of `job` will fire after `after`, as things are: what a blackout, a window or a skip takes out is left
    /// out. A pause has no end, so nobody can say what it takes.
    pub fn next_fires<'a>(
        &'a self,
        job: &'a Job,
        schedule: &'a JobSchedule,
        after: Instant,
    ) -> impl Iterator<Item = Instant> + 'a {
        let fires = move |at: &Instant| {
            !job.blackouts.iter().any(|blackout| blackout.covers(*at, schedule.spec.zone))
                && self.window_of(*at, schedule.fire_at(&job.id, *at)).is_none()
                && !self.skips(&job.id, &schedule.name, *at)
        };
        schedule.spec.upcoming(after).take(LOOKED_AT).filter(fires)
    }
}

/// Longest time between now and a slot that is skipped once.
pub const FARTHEST_SKIP: chrono::TimeDelta = chrono::TimeDelta::days(366);

/// The row of a slot that is skipped once.
pub fn skip_once(slot: Slot, by: &str, at: Instant) -> SlotRecord {
    let reason = Some(format!("skipped once by {by}"));
    SlotRecord { slot, outcome: SlotOutcome::Skipped, reason, run_id: None, decided_at: at }
}

/// Where holds are kept. The pause has its own functions in [`crate::port::Store`].
#[async_trait]
pub trait HoldStore: Send + Sync + 'static {
    /// The pause, the windows that end after `since`, and the skips of slots due after it.
    async fn find_holds(&self, since: Instant) -> Result<Holds, StoreError>;
    /// Keeps a window; one with its id stays as it is.
    async fn add_maintenance(&self, window: &Maintenance) -> Result<(), StoreError>;
    /// Ends a window at `at`, or removes one that has not begun by then. Returns it as it was; `None` when there is none, or
    /// it is over.
    async fn end_maintenance(&self, id: &str, at: Instant) -> Result<Option<Maintenance>, StoreError>;
    /// Takes the skip of a slot back, if it is skipped once and due after `after`. False when it is not.
    async fn undo_skip(&self, slot: &Slot, after: Instant) -> Result<bool, StoreError>;
}
