//! Runs whose process is gone, failed before the first fire (seeds, administration: `lost in restart`), and runs whose
//! task broke off. A run with another live owner, here or on another machine, is left alone.

use std::sync::Arc;

use host_model::event::Event;
use host_model::port::{Clock, Store, StoreError};
use host_model::run::{RunFilter, RunStatus, StepStatus};
use host_model::transition::{
    Applied, AttemptKey, Change, LOST_IN_RESTART, RunChange, SKIPPED_EARLIER_FAILED, StepChange,
};
use host_model::{Run, RunId, StepError, StepErrorKind};

use crate::engine::Shared;

const PAGE: u32 = 500;

/// Fails every unfinished run whose owner is dead. Returns how many.
pub(crate) async fn recover(
    store: &dyn Store,
    clock: &dyn Clock,
    is_owner_alive: fn(&str) -> bool,
) -> Result<usize, StoreError> {
    let mut filter =
        RunFilter { statuses: vec![RunStatus::Queued, RunStatus::Running], limit: PAGE, ..RunFilter::default() };
    let mut count = 0;
    loop {
        let runs = store.list_runs(&filter).await?;
        for run in runs.iter().filter(|r| !is_owner_alive(&r.owner)) {
            if abandon(store, clock, run, LOST_IN_RESTART).await? {
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

/// Fails a run of this process whose task ended without a final change, unless it has one by now. Nothing may stay
/// `RUNNING` that nobody runs: it would keep its job from ever running again.
pub(crate) async fn close_broken(shared: &Shared, run_id: RunId, why: &str) {
    let (store, clock) = (&*shared.store, &*shared.clock);
    let work = || async {
        match store.find_run(run_id).await? {
            Some(run) if !run.status.is_final() && run.owner == shared.owner => {
                abandon(store, clock, &run, why).await?;
                store.find_run(run_id).await
            }
            _ => Ok(None),
        }
    };
    match shared.patience.until_stored(work).await {
        Ok(Some(run)) => shared.bus.publish(Event::Run(Arc::new(run))),
        Ok(None) => {}
        Err(error) => tracing::error!(run.id = %run_id, %error, "the run is left for the next start"),
    }
}

async fn abandon(store: &dyn Store, clock: &dyn Clock, run: &Run, why: &str) -> Result<bool, StoreError> {
    let at = clock.now();
    let mut changes: Vec<Change> = Vec::new();
    for step in store.list_steps(run.id).await? {
        let key = AttemptKey { run_id: run.id, index: step.index, attempt: step.attempt, owner: &run.owner };
        match step.status {
            StepStatus::Running => {
                let error = StepError::new(StepErrorKind::Crashed, why);
                changes.push(StepChange::fail(key, at, error, None).into());
            }
            StepStatus::Pending => {
                changes.push(StepChange::cancel(key, at, SKIPPED_EARLIER_FAILED.to_owned()).into());
            }
            _ => {}
        }
    }
    let why = Some(why.to_owned());
    changes.push(RunChange { reason: why.clone(), error: why, ..RunChange::abandon(run.id, &run.owner, at) }.into());
    Ok(store.apply(&changes).await? == Applied::Yes)
}
