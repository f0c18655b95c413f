//! Sleeps to the next due instant, takes what is due, hands it to dispatch. No polling: it wakes for the head of the
//! queue, for a reload, and twice a minute to notice that the machine's clock was set.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use host_model::fire::{Slot, SlotOutcome, SlotRecord};
use host_model::run::Trigger;
use host_model::{Instant, JobId};

use crate::dispatch::{self, DispatchError, FireRequest};
use crate::engine::{Shared, SchedulerState};
use crate::patience::until_stored;

/// Longest sleep: bounds how late a clock that was set forward is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A slot found due later than this was missed (the machine slept); it is recorded, not run.
const TOO_LATE: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// The queue of future slots: the earliest first, then by job and schedule.
type Queue = BinaryHeap<Reverse<(Instant, JobId, String)>>;

/// Runs until it is aborted.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut queue = fill(&shared, shared.clock.now());
    shared.set_scheduler(SchedulerState::Active);
    loop {
        let wait = queue.peek().map_or(LONGEST_SLEEP, |Reverse((due, ..))| {
            (*due - shared.clock.now()).to_std().unwrap_or(Duration::ZERO).min(LONGEST_SLEEP)
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.reloaded.notified() => {
                queue = fill(&shared, shared.clock.now());
                continue;
            }
        }
        let now = shared.clock.now();
        while let Some(Reverse((due, job_id, schedule))) = queue.pop() {
            if due > now {
                queue.push(Reverse((due, job_id, schedule)));
                break;
            }
            if let Some(next) = next_slot(&shared, &job_id, &schedule, due) {
                queue.push(Reverse((next, job_id.clone(), schedule.clone())));
            }
            take(&shared, Slot { job_id, schedule, due_at: due }, now).await;
        }
    }
}

fn fill(shared: &Shared, after: Instant) -> Queue {
    let jobs = shared.jobs();
    let schedules = jobs.values().filter(|j| j.enabled).flat_map(|job| job.schedules.iter().map(move |s| (job, s)));
    schedules
        .filter(|(_, s)| s.enabled)
        .filter_map(|(job, s)| Some(Reverse((s.spec.next_after(after)?, job.id.clone(), s.name.clone()))))
        .collect()
}

fn next_slot(shared: &Shared, job_id: &JobId, schedule: &str, after: Instant) -> Option<Instant> {
    shared.jobs().get(job_id)?.schedules.iter().find(|s| s.name == schedule)?.spec.next_after(after)
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
        Ok(fired) => tracing::info!(job.id = %slot.job_id, run.id = %fired.run_id, due = %slot.due_at, "schedule fired"),
        Err(DispatchError::AlreadyRunning { active, .. }) => {
            tracing::warn!(job.id = %slot.job_id, run.id = %active, "schedule skipped: the run before is in flight");
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
    if let Err(error) = until_stored(|| shared.store.record_slot(&record)).await {
        tracing::error!(job.id = %record.slot.job_id, %error, "a slot could not be recorded");
    }
}
