//! Every legal change of a run or a step, as a value built by a named function. A store applies it with one guarded
//! update and answers whether it took; nothing else changes a status.
//!
//! | Run | from | to |
//! |---|---|---|
//! | start | QUEUED | RUNNING |
//! | succeed, fail | RUNNING | SUCCEEDED, FAILED |
//! | cancel | QUEUED, RUNNING | CANCELED |
//! | abandon | QUEUED, RUNNING | FAILED, when the owner is gone |
//! | give back | QUEUED, RUNNING | QUEUED, when the owner is gone and another process may go on |
//!
//! | Step attempt | from | to |
//! |---|---|---|
//! | start | PENDING | RUNNING |
//! | wait | PENDING | PENDING: only says that it has not begun |
//! | succeed | RUNNING | SUCCEEDED |
//! | retry at | RUNNING | FAILED, and the next attempt PENDING |
//! | fail | RUNNING | FAILED |
//! | cancel | PENDING, RUNNING | CANCELED |

use crate::run::{RunStatus, StepStatus};
use crate::{Instant, Json, JsonMap, RunId, StepError};

/// Reason of a run or step whose process died.
pub const LOST_IN_RESTART: &str = "lost in restart";
/// Reason of a step switched off in the job or for this fire.
pub const SKIPPED_DISABLED: &str = "skipped: disabled";
/// Reason of a step whose condition did not hold.
pub const SKIPPED_CONDITION: &str = "skipped: condition";
/// Reason of a step never reached because one before it failed.
pub const SKIPPED_EARLIER_FAILED: &str = "skipped: earlier step failed";
/// Reason of a step never reached because the run was cancelled.
pub const SKIPPED_RUN_CANCELED: &str = "skipped: run canceled";

/// Begins the reason of a step that a replay does not run again; the name of its first step follows.
pub const SKIPPED_REPLAY: &str = "skipped: replay from ";

/// Who has a run: a process, and how often the run had been taken up when that process took it. A process that was given
/// up for lost and comes back has an old term, and nothing it writes takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The process: `host/pid/start`; empty = nobody, the run waits to be taken up.
    pub name: &'a str,
    /// 0 while nobody has taken the run up, 1 for the first who did.
    pub term: u32,
}

impl<'a> From<&'a str> for Owner<'a> {
    /// The first owner of a run.
    fn from(name: &'a str) -> Self {
        Self { name, term: 1 }
    }
}

/// A change of a run. Made by its functions alone, so there is always a state that it may start from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunChange {
    /// Which run.
    pub run_id: RunId,
    /// States it may start from; never empty.
    pub from: &'static [RunStatus],
    /// The state it leads to.
    pub to: RunStatus,
    /// The change takes only while the run still has this owner, in this term.
    pub owner: String,
    /// See [`Owner::term`].
    pub term: u32,
    /// When.
    pub at: Instant,
    /// Stored as the run's reason.
    pub reason: Option<String>,
    /// Stored as the run's error.
    pub error: Option<String>,
    /// When set, the run belongs to nobody from now on and may be taken up where this says.
    pub give_to: Option<String>,
}

impl RunChange {
    fn new<'a>(
        run_id: RunId,
        owner: impl Into<Owner<'a>>,
        from: &'static [RunStatus],
        to: RunStatus,
        at: Instant,
    ) -> Self {
        let Owner { name, term } = owner.into();
        Self { run_id, from, to, owner: name.to_owned(), term, at, reason: None, error: None, give_to: None }
    }

    /// The run task takes the run up.
    pub fn start<'a>(run_id: RunId, owner: impl Into<Owner<'a>>, at: Instant) -> Self {
        Self::new(run_id, owner, &[RunStatus::Queued], RunStatus::Running, at)
    }

    /// Every step that had to run succeeded, or may fail.
    pub fn succeed<'a>(run_id: RunId, owner: impl Into<Owner<'a>>, at: Instant) -> Self {
        Self::new(run_id, owner, &[RunStatus::Running], RunStatus::Succeeded, at)
    }

    /// A step exhausted its attempts.
    pub fn fail<'a>(run_id: RunId, owner: impl Into<Owner<'a>>, at: Instant, error: String) -> Self {
        Self { error: Some(error), ..Self::new(run_id, owner, &[RunStatus::Running], RunStatus::Failed, at) }
    }

    /// Somebody stopped the run.
    pub fn cancel<'a>(run_id: RunId, owner: impl Into<Owner<'a>>, at: Instant, reason: String) -> Self {
        let from = &[RunStatus::Queued, RunStatus::Running];
        Self { reason: Some(reason), ..Self::new(run_id, owner, from, RunStatus::Canceled, at) }
    }

    /// The process that owned the run is gone.
    pub fn abandon<'a>(run_id: RunId, owner: impl Into<Owner<'a>>, at: Instant) -> Self {
        let from = &[RunStatus::Queued, RunStatus::Running];
        let reason = Some(LOST_IN_RESTART.to_owned());
        Self { error: reason.clone(), reason, ..Self::new(run_id, owner, from, RunStatus::Failed, at) }
    }

    /// The same change, which takes only from `status`: for whoever decided by the status that it read, when another would
    /// have been decided otherwise. `None` where it may not start from there: then there is nothing to change.
    #[must_use]
    pub fn only_from(mut self, status: RunStatus) -> Option<Self> {
        let place = self.from.iter().position(|from| *from == status)?;
        self.from = &self.from[place..=place];
        Some(self)
    }

    /// The process that owned the run is gone; whoever accepts placement `to` may go on with it.
    pub fn give_back<'a>(run_id: RunId, owner: impl Into<Owner<'a>>, at: Instant, to: &str, reason: String) -> Self {
        let from = &[RunStatus::Queued, RunStatus::Running];
        let give_to = Some(to.to_owned());
        Self { reason: Some(reason), give_to, ..Self::new(run_id, owner, from, RunStatus::Queued, at) }
    }
}

/// A change of one attempt of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepChange {
    /// Which run.
    pub run_id: RunId,
    /// Which step, from 0.
    pub index: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// States it may start from.
    pub from: &'static [StepStatus],
    /// The state it leads to.
    pub to: StepStatus,
    /// The change takes only while the run still has this owner, in this term.
    pub owner: String,
    /// See [`Owner::term`].
    pub term: u32,
    /// When.
    pub at: Instant,
    /// Stored as the attempt's reason.
    pub reason: Option<String>,
    /// Stored as the attempt's input; `None` leaves what is there.
    pub input: Option<Json>,
    /// Stored as the attempt's output.
    pub output: Option<JsonMap>,
    /// Stored as the attempt's rows and added to the run's.
    pub rows_affected: Option<i64>,
    /// Stored as the attempt's error.
    pub error: Option<StepError>,
    /// Stored as the attempt's usage.
    pub usage: Option<JsonMap>,
    /// When set, the next attempt is recorded as pending until then.
    pub retry_at: Option<Instant>,
}

/// Which attempt a change is about, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct AttemptKey<'a> {
    /// The run.
    pub run_id: RunId,
    /// The step, from 0.
    pub index: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The owner of the run.
    pub owner: Owner<'a>,
}

impl StepChange {
    fn new(key: AttemptKey<'_>, from: &'static [StepStatus], to: StepStatus, at: Instant) -> Self {
        Self {
            run_id: key.run_id,
            index: key.index,
            attempt: key.attempt,
            from,
            to,
            owner: key.owner.name.to_owned(),
            term: key.owner.term,
            at,
            reason: None,
            input: None,
            output: None,
            rows_affected: None,
            error: None,
            usage: None,
            retry_at: None,
        }
    }

    /// The attempt has not begun. Changes nothing, and keeps the batch it is in from taking when that is not so any more.
    pub fn wait(key: AttemptKey<'_>, at: Instant) -> Self {
        Self::new(key, &[StepStatus::Pending], StepStatus::Pending, at)
    }

    /// The attempt begins, with its masked input.
    pub fn start(key: AttemptKey<'_>, at: Instant, input: Json) -> Self {
        Self { input: Some(input), ..Self::new(key, &[StepStatus::Pending], StepStatus::Running, at) }
    }

    /// The attempt returned.
    pub fn succeed(
        key: AttemptKey<'_>,
        at: Instant,
        output: JsonMap,
        rows: Option<i64>,
        usage: Option<JsonMap>,
    ) -> Self {
        Self {
            output: Some(output),
            rows_affected: rows,
            usage,
            ..Self::new(key, &[StepStatus::Running], StepStatus::Succeeded, at)
        }
    }

    /// The attempt failed and the step gets another at `again`.
    pub fn retry_at(
        key: AttemptKey<'_>,
        at: Instant,
        error: StepError,
        usage: Option<JsonMap>,
        again: Instant,
    ) -> Self {
        Self { retry_at: Some(again), ..Self::fail(key, at, error, usage) }
    }

    /// The attempt failed and was the last.
    pub fn fail(key: AttemptKey<'_>, at: Instant, error: StepError, usage: Option<JsonMap>) -> Self {
        Self { error: Some(error), usage, ..Self::new(key, &[StepStatus::Running], StepStatus::Failed, at) }
    }

    /// The attempt does not run, or stops.
    pub fn cancel(key: AttemptKey<'_>, at: Instant, reason: String) -> Self {
        let from = &[StepStatus::Pending, StepStatus::Running];
        Self { reason: Some(reason), ..Self::new(key, from, StepStatus::Canceled, at) }
    }

    /// The step does not run, because of what its condition came to.
    pub fn skip_by_condition(key: AttemptKey<'_>, at: Instant, judged: Json) -> Self {
        Self { input: Some(judged), ..Self::cancel(key, at, SKIPPED_CONDITION.to_owned()) }
    }
}

/// A change of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Of a run.
    Run(RunChange),
    /// Of an attempt.
    Step(Box<StepChange>),
}

impl From<RunChange> for Change {
    fn from(change: RunChange) -> Self {
        Self::Run(change)
    }
}

impl From<StepChange> for Change {
    fn from(change: StepChange) -> Self {
        Self::Step(Box::new(change))
    }
}

/// Whether a batch of changes took. All or nothing: the first stale one undoes the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// All took.
    Yes,
    /// A change met another state than it may start from, or another owner; normal when a cancel or a recovery won.
    Stale {
        /// Position in the batch.
        index: usize,
        /// What was found: a status word, `another owner`, or `missing`.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepErrorKind;

    #[test]
    fn run_changes_allow_exactly_the_documented_pairs() {
        let (id, at) = (RunId::from_parts(1, 1), Instant::default());
        let all = [
            RunChange::start(id, "o", at),
            RunChange::succeed(id, "o", at),
            RunChange::fail(id, "o", at, "x".into()),
            RunChange::cancel(id, "o", at, "x".into()),
            RunChange::abandon(id, "o", at),
            RunChange::give_back(id, "o", at, "any", "x".into()),
        ];
        let mut pairs: Vec<String> =
            all.iter().flat_map(|c| c.from.iter().map(|f| format!("{} {}", f.as_str(), c.to.as_str()))).collect();
        pairs.sort();
        pairs.dedup();
        assert_eq!(
            pairs,
            [
                "QUEUED CANCELED",
                "QUEUED FAILED",
                "QUEUED QUEUED",
                "QUEUED RUNNING",
                "RUNNING CANCELED",
                "RUNNING FAILED",
                "RUNNING QUEUED",
                "RUNNING SUCCEEDED"
            ]
        );
        for change in &all {
            assert!(change.from.iter().all(|f| !f.is_final()), "a final state is never left: {change:?}");
            for status in RunStatus::ALL.iter().copied() {
                let wanted = change.from.contains(&status).then_some(vec![status]);
                let narrowed = change.clone().only_from(status);
                assert_eq!(narrowed.as_ref().map(|change| change.from.to_vec()), wanted, "{status:?} of {change:?}");
                let others = |change: RunChange| RunChange { from: &[], ..change };
                assert!(narrowed.is_none_or(|narrowed| others(narrowed) == others(change.clone())));
            }
        }
    }

    #[test]
    fn step_changes_never_leave_a_final_state() {
        let at = Instant::default();
        let key = AttemptKey { run_id: RunId::from_parts(1, 1), index: 0, attempt: 1, owner: "o".into() };
        let error = || StepError::new(StepErrorKind::Remote, "x");
        let all = [
            StepChange::wait(key, at),
            StepChange::start(key, at, Json::Null),
            StepChange::succeed(key, at, JsonMap::new(), None, None),
            StepChange::retry_at(key, at, error(), None, at),
            StepChange::fail(key, at, error(), None),
            StepChange::cancel(key, at, "x".into()),
        ];
        for change in &all {
            assert!(change.from.iter().all(|f| !f.is_final()), "{change:?}");
            assert_eq!(change.retry_at.is_some(), change.to == StepStatus::Failed && change == &all[3]);
        }
    }
}
