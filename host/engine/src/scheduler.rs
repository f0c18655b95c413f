//! Sleeps to the next due instant, takes what is due, hands it to dispatch. No polling: it wakes for the head of the
//! queue, for a reload, and twice a minute to notice that the machine's clock was set.
//!
//! Each job's slots are dispatched in a task of their own, so that a slow one delays no other. What is due is held
//! against the jobs as they are then: a job that was removed, disabled or changed since it was queued does not fire.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use host_model::fire::{Slot, SlotOutcome, SlotRecord};
use host_model::job::JobSchedule;
use host_model::run::Trigger;
use host_model::{Instant, JobId};
use tokio::task::JoinSet;

use crate::dispatch::{self, DispatchError, FireRequest};
use crate::engine::{Jobs, SchedulerState, Shared};

/// Longest sleep: bounds how late a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A slot found due later than this was missed (the machine slept); it is recorded, not run.
const TOO_LATE: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
/// Jobs whose slots are dispatched at once; more wait, as they would for the store.
const AT_ONCE: usize = 64;
/// Slots of one job taken at one wake-up. A clock that leaps by years must not fill memory and ledger.
const MOST_SLOTS: usize = 100_000;

/// The queue of future slots: the earliest first, then by job and schedule.
type Queue = BinaryHeap<Reverse<(Instant, JobId, String)>>;

/// Fires what is due after `start`, until it is aborted; a panic shows as the state `error`.
pub(crate) async fn supervise(shared: Arc<Shared>, start: Instant) {
    let mut inner = JoinSet::new();
    inner.spawn(run(shared.clone(), start));
    if let Some(Err(error)) = inner.join_next().await {
        tracing::error!(%error, "the scheduler stopped; nothing fires by itself until a restart");
        shared.set_scheduler(SchedulerState::Error);
    }
}

async fn run(shared: Arc<Shared>, start: Instant) {
    let mut looked = start;
    let mut queue = fill(&shared.jobs(), start);
    let mut dispatches = JoinSet::new();
    loop {
        let wait = queue.peek().map_or(LONGEST_SLEEP, |Reverse((due, ..))| {
            (*due - shared.clock.now()).to_std().unwrap_or(Duration::ZERO).min(LONGEST_SLEEP)
        });
        let reloaded = tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = shared.reloaded.notified() => true,
        };
        let (now, jobs) = (shared.clock.now(), shared.jobs());
        for slots in take_due(&mut queue, &jobs, now).into_values() {
            while dispatches.len() >= AT_ONCE {
                report(dispatches.join_next().await);
            }
            dispatches.spawn(take_all(shared.clone(), slots, now));
        }
        while let Some(done) = dispatches.try_join_next() {
            report(Some(done));
        }
        // After a clock was set back, the queue would wait for a time that may be years away. Slots that come round
        // again are in the ledger already and do not fire twice.
        if reloaded || now < looked {
            queue = fill(&jobs, now);
        }
        looked = now;
    }
}

fn report(done: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = done {
        tracing::error!(%error, "dispatching a slot ended badly");
    }
}

fn fill(jobs: &Jobs, after: Instant) -> Queue {
    let schedules = jobs.values().filter(|j| j.enabled).flat_map(|job| job.schedules.iter().map(move |s| (job, s)));
    schedules
        .filter(|(_, s)| s.enabled)
        .filter_map(|(job, s)| Some(Reverse((s.spec.next_after(after)?, job.id.clone(), s.name.clone()))))
        .collect()
}

/// Takes what is due out of the queue, by job and in order, and queues what comes next.
fn take_due(queue: &mut Queue, jobs: &Jobs, now: Instant) -> BTreeMap<JobId, Vec<Slot>> {
    let mut due: BTreeMap<JobId, Vec<Slot>> = BTreeMap::new();
    while let Some(Reverse((due_at, job_id, name))) = queue.pop() {
        if due_at > now {
            queue.push(Reverse((due_at, job_id, name)));
            break;
        }
        let Some(schedule) = declared(jobs, &job_id, &name, due_at) else { continue };
        let slots = due.entry(job_id.clone()).or_default();
        slots.push(Slot { job_id: job_id.clone(), schedule: name.clone(), due_at });
        let mut from = due_at;
        if slots.len() >= MOST_SLOTS && due_at < now {
            tracing::warn!(job.id = %job_id, schedule = name, "too many missed slots; the rest is not recorded");
            from = now;
        }
        if let Some(next) = schedule.spec.next_after(from) {
            queue.push(Reverse((next, job_id, name)));
        }
    }
    due
}

/// The schedule, if it still exists, still fires and is still due at that instant.
fn declared<'j>(jobs: &'j Jobs, job_id: &JobId, name: &str, due_at: Instant) -> Option<&'j JobSchedule> {
    let job = jobs.get(job_id).filter(|job| job.enabled)?;
    let schedule = job.schedules.iter().find(|s| s.name == name && s.enabled)?;
    let just_before = due_at - chrono::TimeDelta::milliseconds(1);
    Some(schedule).filter(|s| s.spec.next_after(just_before) == Some(due_at))
}

async fn take_all(shared: Arc<Shared>, slots: Vec<Slot>, now: Instant) {
    for slot in slots {
        take(&shared, slot, now).await;
    }
}

async fn take(shared: &Arc<Shared>, slot: Slot, now: Instant) {
    let late = now - slot.due_at;
    if late > TOO_LATE {
        let reason = format!("found {} s late; catch_up is none", late.num_seconds());
        record(shared, slot, SlotOutcome::Missed, reason).await;
        return;
    }
    let request = FireRequest {
        job_id: slot.job_id.clone(),
        trigger: Trigger::Cron,
        slot: Some((slot.schedule.clone(), slot.due_at)),
        overrides: Default::default(),
    };
    match dispatch::fire(shared, request).await {
        Ok(fired) => {
            tracing::info!(job.id = %slot.job_id, run.id = %fired.run_id, due = %slot.due_at, "schedule fired")
        }
        Err(DispatchError::AlreadyRunning { active, .. }) => {
            tracing::warn!(job.id = %slot.job_id, run.id = %active, "schedule skipped: the run before is in flight");
        }
        Err(DispatchError::HeldBack { reason, .. }) => {
            tracing::warn!(job.id = %slot.job_id, reason, "schedule skipped");
        }
        Err(DispatchError::SlotTaken { .. } | DispatchError::ShuttingDown) => {}
        Err(error) => {
            tracing::error!(job.id = %slot.job_id, %error, "schedule failed to start");
            record(shared, slot, SlotOutcome::FailedToStart, error.to_string()).await;
        }
    }
}

async fn record(shared: &Shared, slot: Slot, outcome: SlotOutcome, reason: String) {
    let record = SlotRecord { slot, outcome, reason: Some(reason), run_id: None, decided_at: shared.clock.now() };
    if let Err(error) = shared.patience.until_stored(|| shared.store.record_slot(&record)).await {
        tracing::error!(job.id = %record.slot.job_id, %error, "a slot could not be recorded");
    }
}

#[cfg(test)]
mod tests;
