//! Runs whose process is gone: given back to be taken up again, or failed with the reason `lost in restart` (seeds,
//! administration); and runs whose task broke off.
//!
//! A run that had not begun is given back: nothing of it was done. One that had is failed, unless its job says
//! `on_restart = "resume"` and no step it was in says `resumable = false`: then the attempt that was lost fails, the step
//! gets another, and the run goes on there. A run of a process that lives, here or on another machine, is left alone.

use std::sync::Arc;

use host_model::definition::Definition;
use host_model::event::Event;
use host_model::job::OnRestart;
use host_model::port::StoreError;
use host_model::run::{RunFilter, RunStatus, StepStatus};
use host_model::transition::{
    Applied, AttemptKey, Change, LOST_IN_RESTART, RunChange, SKIPPED_EARLIER_FAILED, SKIPPED_RUN_CANCELED, StepChange,
};
use host_model::{Placement, Run, RunId, StepError, StepErrorKind, StepRun};

use crate::shared::Shared;

const PAGE: u32 = 500;
/// A run that was taken up so often and lost its process every time may be the reason; it is not given to another.
const MOST_TERMS: u32 = 5;

/// Deals with every run that is not final and whose process is gone. `alive` are processes that were there a moment ago.
/// `all` = also with runs that wait for such a process and have no owner yet, which takes a look at every run.
pub(crate) async fn recover(shared: &Arc<Shared>, alive: &[String], all: bool) -> Result<(), StoreError> {
    let is_lost = |owner: &str, known: &[String]| owner != shared.me() && known.iter().all(|known| known != owner);
    if !all && !shared.store.list_owners().await?.iter().any(|owner| is_lost(owner, alive)) {
        return Ok(());
    }
    let mut filter =
        RunFilter { statuses: vec![RunStatus::Queued, RunStatus::Running], limit: PAGE, ..RunFilter::default() };
    loop {
        let runs = shared.store.list_runs(&filter).await?;
        // Read after the runs: a process introduces itself before it has any, so one that has a run and is not known is
        // gone, not new.
        let known: Vec<String> = shared.store.list_replicas().await?.into_iter().map(|r| r.presence.owner).collect();
        for run in runs.iter().filter(|run| process_of(run).is_some_and(|owner| is_lost(owner, &known))) {
            let changes = decide(shared, run).await?;
            // Where nothing is to be changed, nothing is to be told either.
            if !changes.is_empty() && shared.store.apply(&changes).await? == Applied::Yes {
                announce(shared, run).await?;
            }
        }
        // A page may be short without being the last: what cannot be read is left out.
        match runs.last() {
            Some(last) => filter.before = Some(last.id),
            None => return Ok(()),
        }
    }
}

/// The process a run is with, or else the one it waits for.
fn process_of(run: &Run) -> Option<&str> {
    if run.owner.is_empty() { here(run) } else { Some(&run.owner) }
}

/// The process a run is placed into, if it is one.
fn here(run: &Run) -> Option<&str> {
    run.placement.strip_prefix("here:")
}

async fn announce(shared: &Shared, before: &Run) -> Result<(), StoreError> {
    let Some(run) = shared.store.find_run(before.id).await? else { return Ok(()) };
    let reason = run.reason.as_deref().unwrap_or_default();
    tracing::warn!(
        run.id = %run.id, job.id = %run.job_id, owner = before.owner, status = run.status.as_str(), reason,
        "a run lost its process"
    );
    if run.status == RunStatus::Queued {
        shared.waiting.add();
    }
    shared.bus.publish(Event::Run(Arc::new(run)));
    Ok(())
}

/// What becomes of a run whose process is gone.
async fn decide(shared: &Shared, run: &Run) -> Result<Vec<Change>, StoreError> {
    let steps = shared.store.list_steps(run.id).await?;
    if let Some(by) = &run.cancel_requested_by {
        return Ok(cancel(shared, run, &steps, format!("canceled by {by}")));
    }
    let definition = shared.store.find_definition(run.id).await?;
    let Some(definition) = definition.and_then(|text| Definition::parse(&text).ok()) else {
        return Ok(abandon(shared, run, &steps, LOST_IN_RESTART));
    };
    let at = shared.clock.now();
    let to = if here(run).is_some() { Placement::Any.to_string() } else { run.placement.clone() };
    let reason = format!("given back: process {} is gone", here(run).unwrap_or(&run.owner));
    // The process may only have stood still, and begin the run, or its next step, before this is written: then it is
    // decided anew. Whoever took the run up next would find a step that has begun, and that nobody runs.
    let give_back = RunChange::give_back(run.id, run.owner(), at, &to, reason);
    let Some(give_back) = give_back.only_from(run.status) else { return Ok(Vec::new()) };
    if run.status == RunStatus::Queued {
        return Ok(vec![give_back.into()]);
    }
    let was_in = steps.iter().filter(|step| step.status == StepStatus::Running);
    let once_only = was_in.clone().find(|step| definition.steps.iter().any(|s| s.name == step.name && !s.resumable));
    if definition.on_restart == OnRestart::Fail {
        return Ok(abandon(shared, run, &steps, LOST_IN_RESTART));
    }
    if let Some(step) = once_only {
        let why = format!("{LOST_IN_RESTART}: step `{}` is not resumable", step.name);
        return Ok(abandon(shared, run, &steps, &why));
    }
    if run.term >= MOST_TERMS {
        return Ok(abandon(shared, run, &steps, &format!("{LOST_IN_RESTART}, for the {MOST_TERMS}th time")));
    }
    let again = |step: &StepRun| {
        let error = StepError::new(StepErrorKind::Crashed, LOST_IN_RESTART);
        Change::from(StepChange::retry_at(key(run, step), at, error, None, at))
    };
    let next = || steps.iter().find(|step| step.status == StepStatus::Pending);
    let waits = was_in.clone().next().is_none().then(next).flatten().map(|step| StepChange::wait(key(run, step), at));
    Ok(was_in.map(again).chain(waits.map(Change::from)).chain([give_back.into()]).collect())
}

fn key<'r>(run: &'r Run, step: &StepRun) -> AttemptKey<'r> {
    AttemptKey { run_id: run.id, index: step.index, attempt: step.attempt, owner: run.owner() }
}

fn abandon(shared: &Shared, run: &Run, steps: &[StepRun], why: &str) -> Vec<Change> {
    let at = shared.clock.now();
    let mut changes: Vec<Change> = Vec::new();
    for step in steps {
        match step.status {
            StepStatus::Running => {
                let error = StepError::new(StepErrorKind::Crashed, why);
                changes.push(StepChange::fail(key(run, step), at, error, None).into());
            }
            StepStatus::Pending => {
                changes.push(StepChange::cancel(key(run, step), at, SKIPPED_EARLIER_FAILED.to_owned()).into());
            }
            _ => {}
        }
    }
    let reason = if why.starts_with(LOST_IN_RESTART) { LOST_IN_RESTART } else { why };
    let (reason, error) = (Some(reason.to_owned()), Some(why.to_owned()));
    let mut end = RunChange::abandon(run.id, run.owner(), at);
    (end.reason, end.error) = (reason, error);
    changes.push(end.into());
    changes
}

/// Ends a run that nobody runs, because somebody asked for it.
pub(crate) fn cancel(shared: &Shared, run: &Run, steps: &[StepRun], reason: String) -> Vec<Change> {
    let at = shared.clock.now();
    let open = steps.iter().filter(|step| !step.status.is_final()).map(|step| {
        let why = if step.status == StepStatus::Running { &reason } else { SKIPPED_RUN_CANCELED };
        Change::from(StepChange::cancel(key(run, step), at, why.to_owned()))
    });
    let mut changes: Vec<Change> = open.collect();
    changes.push(RunChange::cancel(run.id, run.owner(), at, reason).into());
    changes
}

/// Fails a run of this process whose task ended without a final change, unless it has one by now or is another's. Nothing
/// may stay `RUNNING` that nobody runs: it would keep its job from ever running again.
pub(crate) async fn close_broken(shared: &Shared, run_id: RunId, term: u32, why: &str) {
    let work = || async {
        match shared.store.find_run(run_id).await? {
            Some(run) if !run.status.is_final() && run.owner == shared.me() && run.term == term => {
                let steps = shared.store.list_steps(run_id).await?;
                shared.store.apply(&abandon(shared, &run, &steps, why)).await?;
                shared.store.find_run(run_id).await
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
