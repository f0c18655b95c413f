//! A fire: the act of starting a run, what is recorded in the one transaction that does so, and the ledger row of the
//! slot it serves (product §5: no silent slot).

use std::sync::Arc;

use crate::job::{Overlap, word_enum};
use crate::log::LogLevel;
use crate::replica::Held;
use crate::run::RunStatus;
use crate::{Instant, JobId, JsonMap, RunId, StepName};

/// One instant at which one schedule of one job is due. Unique in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The job.
    pub job_id: JobId,
    /// The schedule's name.
    pub schedule: String,
    /// The instant.
    pub due_at: Instant,
}

word_enum!(
    /// What became of a slot.
    SlotOutcome {
        /// A run began.
        Fired = "fired",
        /// A `SKIPPED` run was recorded.
        Skipped = "skipped",
        /// Nobody was there in time.
        Missed = "missed",
        /// The run could not be created.
        FailedToStart = "failed_to_start",
    }
);

/// A row of the ledger `ly2_slots`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRecord {
    /// Which slot.
    pub slot: Slot,
    /// What became of it.
    pub outcome: SlotOutcome,
    /// Why, when it did not fire.
    pub reason: Option<String>,
    /// The run, if one was recorded.
    pub run_id: Option<RunId>,
    /// When this was decided.
    pub decided_at: Instant,
}

/// Which rows of the ledger to list. Newest first, then by schedule backwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotFilter {
    /// The job.
    pub job_id: JobId,
    /// Due at this instant or later.
    pub from: Option<Instant>,
    /// Rows after this one in the list: due earlier, or at the same instant with an earlier schedule name.
    pub before: Option<(Instant, String)>,
    /// At most so many.
    pub limit: u32,
}

/// A schedule as the scheduler last saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSchedule {
    /// The job.
    pub job_id: JobId,
    /// The schedule's name.
    pub schedule: String,
    /// Rhythm, zone and rules as [`crate::schedule::ScheduleSpec::wording`] writes them.
    pub text: String,
    /// Slots due after this instant are to be decided; those before were not its business.
    pub since: Instant,
}

/// A pause of the whole scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who asked: `user:alice`.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why, in the words of whoever asked; empty when they gave none.
    pub reason: String,
}

/// A run to be recorded, with all its steps pending.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id, later than every id before it.
    pub id: RunId,
    /// The job.
    pub job_id: JobId,
    /// Whether another run of the job in flight forbids this one.
    pub overlap: Overlap,
    /// Jobs whose latest run must have succeeded; looked at in the transaction that records the run.
    pub depends_on: Vec<JobId>,
    /// The text of a [`crate::run::Trigger`].
    pub triggered_by: String,
    /// The slot it serves; the ledger row is written in the same transaction.
    pub slot: Option<Slot>,
    /// The run it repeats; such a run serves no slot.
    pub replay: Option<Replay>,
    /// The instant it stands for though it serves no slot: that of the run that called it.
    pub as_of: Option<Instant>,
    /// When it was accepted.
    pub queued_at: Instant,
    /// The process that runs it at once, in term 1; empty = it waits until somebody takes it up.
    pub owner: String,
    /// Who may take it up, see [`crate::Placement::of_run`].
    pub placement: String,
    /// What it counts against, see [`crate::placement::limited_by`]; a run with limits has no owner yet.
    pub limits: Vec<String>,
    /// What it does: the text of a [`crate::definition::Definition`].
    pub definition: Arc<str>,
    /// The right to serve `slot`; looked at in the transaction. `None` = whoever comes first.
    pub lease: Option<Held>,
    /// Verbosity.
    pub log_level: LogLevel,
    /// Merged parameters, secrets unresolved.
    pub params: JsonMap,
    /// What this fire set.
    pub overrides: JsonMap,
    /// Name and type of every step, in order.
    pub steps: Vec<(StepName, &'static str)>,
}

/// What a run takes over from the run it repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// That run.
    pub of: RunId,
    /// The schedule it was fired by.
    pub schedule: Option<String>,
    /// Its slot, or the moment of its trigger: dates are counted from there again.
    pub scheduled_at: Instant,
    /// The first step that runs; `None` = the first of all.
    pub from: Option<StepName>,
}

impl NewRun {
    /// The schedule whose values apply.
    pub fn schedule(&self) -> Option<&str> {
        let slot = self.slot.as_ref().map(|slot| slot.schedule.as_str());
        slot.or_else(|| self.replay.as_ref()?.schedule.as_deref())
    }

    /// The instant it stands for, when that is not the moment of the trigger.
    pub fn scheduled_at(&self) -> Option<Instant> {
        let slot = self.slot.as_ref().map(|slot| slot.due_at);
        slot.or_else(|| Some(self.replay.as_ref()?.scheduled_at)).or(self.as_of)
    }
}

/// What recording a fire came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// The run is `QUEUED` and its steps are `PENDING`.
    Queued,
    /// Another run of the job is in flight: the run is recorded as `SKIPPED`, without steps.
    Skipped {
        /// The run in flight.
        active: RunId,
    },
    /// The run is recorded as `SKIPPED`, without steps, for a reason that lies outside its own job's runs in flight.
    HeldBack {
        /// The run's reason.
        reason: String,
    },
    /// The slot was already decided, by this process or another: nothing was written.
    SlotTaken,
    /// The lease named by the run is no longer this process's: nothing was written.
    LeaseLost,
}

/// Reason of a run skipped because one was in flight.
pub fn still_running(active: RunId) -> String {
    format!("previous run {active} still running")
}

/// Runs of one job that may wait for their turn; a fire beyond them is recorded as a `SKIPPED` run.
pub const MOST_WAITING: u32 = 100;

/// Reason of a run skipped because too many are waiting already.
pub fn queue_full() -> String {
    format!("queue full: {MOST_WAITING} runs are waiting")
}

/// Who asks for the runs of a job to be cancelled when run `new` takes their place.
pub fn overlap_of(new: RunId) -> String {
    format!("overlap of run {new}")
}

/// Why a run of a job that depends on `job` may not begin, told from the status of that job's latest run that was not
/// skipped. `None` = it may.
pub fn unmet_dependency(job: &JobId, latest: Option<RunStatus>) -> Option<String> {
    let why = match latest {
        Some(RunStatus::Succeeded) => return None,
        Some(RunStatus::Queued | RunStatus::Running) => "dependency-still-running",
        Some(RunStatus::Failed | RunStatus::Canceled) => "dependency-failed",
        Some(RunStatus::Skipped) | None => "dependency-never-ran",
    };
    Some(format!("{why}: {job}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_succeeded_run_meets_a_dependency() {
        let job = JobId::new("extract").unwrap_or_else(|error| panic!("{error}"));
        let of = |latest| unmet_dependency(&job, latest);
        assert_eq!(of(Some(RunStatus::Succeeded)), None);
        assert_eq!(of(None).as_deref(), Some("dependency-never-ran: extract"));
        for (word, status) in [
            ("dependency-failed: extract", RunStatus::Failed),
            ("dependency-failed: extract", RunStatus::Canceled),
            ("dependency-still-running: extract", RunStatus::Queued),
            ("dependency-still-running: extract", RunStatus::Running),
        ] {
            assert_eq!(of(Some(status)).as_deref(), Some(word));
        }
    }
}
