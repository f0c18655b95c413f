//! Outlasting a store that is away for a while: the process stays alive, the work waits, nothing is lost, and nothing
//! happens twice when a commit took but its answer was lost on the way.
//!
//! Patience ends once, at a shutdown that has waited long enough; from then on every wait fails, so that a store that is
//! away for ever cannot keep the process.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host_model::fire::{NewRun, Recorded, still_running};
use host_model::port::{Store, StoreError};
use host_model::run::{Run, RunStatus, StepRun, StepStatus};
use host_model::transition::{Applied, Change, RunChange, StepChange};
use host_model::{CancelToken, RunId};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Pauses between looks for what a write left whose answer was lost: the server may still be at work on it, for longer than
/// any of its time limits.
pub(crate) const LATE_COMMITS: &[Duration] = &[
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
];

/// The engine's patience with its store. All clones end together.
#[derive(Clone, Default)]
pub(crate) struct Patience(CancelToken);

impl Patience {
    /// Ends every wait, now and from now on.
    pub(crate) fn end(&self) {
        self.0.cancel("the shutdown waited long enough");
    }

    /// Repeats `work` until the store answers. Only a row that cannot be read ends it early (waiting does not mend it),
    /// and the end of patience.
    pub(crate) async fn until_stored<T, F, Fut>(&self, mut work: F) -> Result<T, StoreError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = tokio::select! {
                biased;
                answer = work() => answer,
                () = self.0.canceled() => {
                    let message = "the process is stopping and waited long enough".to_owned();
                    return Err(StoreError::Unavailable { operation: "answer in time", message });
                }
            };
            match answer {
                Err(StoreError::Unavailable { operation, message }) if !self.0.is_canceled() => {
                    tracing::warn!(operation, message, "the store is away; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.0.canceled() => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// `Store::apply`, repeated; a batch of which an earlier attempt took after all counts as applied. All changes must
    /// be of one run.
    pub(crate) async fn apply(&self, store: &dyn Store, changes: &[Change]) -> Result<Applied, StoreError> {
        let unsure = AtomicBool::new(false);
        let attempt = || async {
            match store.apply(changes).await {
                Ok(Applied::Stale { .. }) if unsure.load(Ordering::Relaxed) && are_stored(store, changes).await? => {
                    Ok(Applied::Yes)
                }
                Err(error) => {
                    unsure.store(true, Ordering::Relaxed);
                    Err(error)
                }
                other => other,
            }
        };
        self.until_stored(attempt).await
    }

    /// `Store::record_fire`, repeated; a run of which an earlier attempt took after all counts as recorded. A run id that
    /// another process happened to use in the same millisecond is replaced by one from `next_id`.
    pub(crate) async fn record_fire(
        &self,
        store: &dyn Store,
        new: &mut NewRun,
        next_id: impl Fn() -> RunId,
    ) -> Result<Recorded, StoreError> {
        loop {
            match self.try_record(store, new).await? {
                Some(recorded) => return Ok(recorded),
                None => new.id = next_id(),
            }
        }
    }

    /// `None` when the id of `new` belongs to another run.
    async fn try_record(&self, store: &dyn Store, new: &NewRun) -> Result<Option<Recorded>, StoreError> {
        let unsure = AtomicBool::new(false);
        let attempt = || async {
            let again = unsure.swap(true, Ordering::Relaxed);
            match store.record_fire(new).await {
                Ok(sure @ (Recorded::Queued | Recorded::Skipped { .. } | Recorded::HeldBack { .. })) => Ok(Some(sure)),
                other if again => match store.find_run(new.id).await? {
                    Some(run) => Ok(is_row_of(&run, new).then(|| recorded_as(&run))),
                    None => other.map(Some),
                },
                other => other.map(Some),
            }
        };
        self.until_stored(attempt).await
    }

    /// Whether every wait has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_canceled()
    }
}

/// Whether `run` is the row of `new`, and not of another process's run with the same id.
pub(crate) fn is_row_of(run: &Run, new: &NewRun) -> bool {
    let replay_of = new.replay.as_ref().map(|replay| replay.of);
    (&run.job_id, run.queued_at, run.scheduled_at, run.replay_of)
        == (&new.job_id, new.queued_at, new.scheduled_at(), replay_of)
}

/// What recording came to, told from the row it left.
fn recorded_as(run: &Run) -> Recorded {
    if run.status != RunStatus::Skipped {
        return Recorded::Queued;
    }
    let reason = run.reason.clone().unwrap_or_default();
    match reason.split(' ').filter_map(|word| RunId::parse(word).ok()).find(|active| reason == still_running(*active)) {
        Some(active) => Recorded::Skipped { active },
        None => Recorded::HeldBack { reason },
    }
}

/// Whether the rows are as the changes leave them, to the millisecond: then they are our own work.
async fn are_stored(store: &dyn Store, changes: &[Change]) -> Result<bool, StoreError> {
    let Some(run_id) = changes.first().map(run_of) else { return Ok(true) };
    let Some(run) = store.find_run(run_id).await? else { return Ok(false) };
    let steps = store.list_steps(run_id).await?;
    let is_last = |n: usize| !changes[n + 1..].iter().any(|later| same_row(&changes[n], later));
    Ok(changes.iter().enumerate().filter(|(n, _)| is_last(*n)).all(|(_, change)| match change {
        Change::Run(change) => is_run_stored(change, &run),
        Change::Step(change) => {
            run.owner == change.owner
                && run.term == change.term
                && steps.iter().any(|step| is_step_stored(change, step))
        }
    }))
}

fn run_of(change: &Change) -> RunId {
    match change {
        Change::Run(change) => change.run_id,
        Change::Step(change) => change.run_id,
    }
}

fn same_row(a: &Change, b: &Change) -> bool {
    match (a, b) {
        (Change::Run(_), Change::Run(_)) => true,
        (Change::Step(a), Change::Step(b)) => (a.index, a.attempt) == (b.index, b.attempt),
        _ => false,
    }
}

fn is_run_stored(change: &RunChange, run: &Run) -> bool {
    // A run starts once in a term, and one that was resumed keeps its first start.
    let is_then = change.to == RunStatus::Running || run.finished_at == Some(change.at);
    is_then && (run.status, &run.owner, run.term) == (change.to, &change.owner, change.term)
}

fn is_step_stored(change: &StepChange, step: &StepRun) -> bool {
    let at = if change.to == StepStatus::Running { step.started_at } else { step.finished_at };
    let key = (step.index, step.attempt, step.status, at);
    key == (change.index, change.attempt, change.to, Some(change.at))
}
