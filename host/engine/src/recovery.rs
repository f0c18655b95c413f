//! Runs whose process is gone, failed before the first fire (seeds, administration: `lost in restart`). A run with a
//! live owner, here or on another machine, is left alone.

use host_model::port::{Clock, Store, StoreError};
use host_model::run::{RunFilter, RunStatus, StepStatus};
use host_model::transition::{
    Applied, AttemptKey, Change, LOST_IN_RESTART, RunChange, SKIPPED_EARLIER_FAILED, StepChange,
};
use host_model::{Run, StepError, StepErrorKind};

const PAGE: u32 = 500;

/// Fails every unfinished run whose owner is dead. Returns how many.
pub(crate) async fn recover(
    store: &dyn Store,
    clock: &dyn Clock,
    is_owner_alive: fn(&str) -> bool,
) -> Result<usize, StoreError> {
    let mut filter = RunFilter {
        statuses: vec![RunStatus::Queued, RunStatus::Running],
        limit: PAGE,
        ..RunFilter::default()
    };
    let mut count = 0;
    loop {
        let runs = store.list_runs(&filter).await?;
        for run in runs.iter().filter(|r| !is_owner_alive(&r.owner)) {
            if abandon(store, clock, run).await? {
                tracing::warn!(run.id = %run.id, job.id = %run.job_id, owner = run.owner, "run failed: {LOST_IN_RESTART}");
                count += 1;
            }
        }
        match runs.last() {
            Some(last) if runs.len() == PAGE as usize => filter.before = Some(last.id),
            _ => return Ok(count),
        }
    }
}

async fn abandon(store: &dyn Store, clock: &dyn Clock, run: &Run) -> Result<bool, StoreError> {
    let at = clock.now();
    let mut changes: Vec<Change> = Vec::new();
    for step in store.list_steps(run.id).await? {
        let key = AttemptKey { run_id: run.id, index: step.index, attempt: step.attempt, owner: &run.owner };
        match step.status {
            StepStatus::Running => {
                let error = StepError::new(StepErrorKind::Crashed, LOST_IN_RESTART);
                changes.push(StepChange::fail(key, at, error, None).into());
            }
            StepStatus::Pending => {
                changes.push(StepChange::cancel(key, at, SKIPPED_EARLIER_FAILED.to_owned()).into());
            }
            _ => {}
        }
    }
    changes.push(RunChange::abandon(run.id, &run.owner, at).into());
    Ok(store.apply(&changes).await? == Applied::Yes)
}
