//! Sleeps to the next instant at which something fires, takes what is due and hands it to the lanes. No polling: it wakes
//! for the head of the agenda, for a reload, and twice a minute to notice that the machine's clock was set.
//!
//! No slot is silent. The store remembers every schedule, so that a start finds what was due while nobody was there; from
//! then on each slot goes through `fate` (fire, or why not) and `lanes` (in order, into the ledger).

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use host_model::Instant;
use host_model::port::StoreError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::engine::{Jobs, SchedulerState, Shared};

use agenda::{Agenda, Changes};
use lanes::{Lanes, Look};

mod agenda;
mod fate;
mod lanes;

/// Longest sleep: bounds how late a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A slot found later than this after it was to fire (the machine slept) is late: `catch_up` says what becomes of it.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// Schedules remembered in one write.
const AT_ONCE: usize = 1000;

/// Fires what is due after `start`, until it is aborted; what was due before follows `catch_up`. A panic, or a memory that
/// cannot be read, shows as the state `error`.
pub(crate) async fn supervise(shared: Arc<Shared>, start: Instant) {
    let mut inner = JoinSet::new();
    inner.spawn(run(shared.clone(), start));
    let why = match inner.join_next().await {
        Some(Err(broken)) => broken.to_string(),
        Some(Ok(Err(error))) => error.to_string(),
        Some(Ok(Ok(never))) => match never {},
        None => return,
    };
    tracing::error!(error = why, "the scheduler stopped; nothing fires by itself until a restart");
    shared.set_scheduler(SchedulerState::Error);
}

async fn run(shared: Arc<Shared>, start: Instant) -> Result<std::convert::Infallible, StoreError> {
    let remembered = shared.patience.until_stored(|| shared.store.list_seen_schedules()).await?;
    let (memory, changes) = mpsc::unbounded_channel();
    let mut writer = JoinSet::new();
    writer.spawn(remember(shared.clone(), changes));
    let learn = |changes: Changes| {
        if changes != Changes::default() {
            // The receiver lives as long as this function.
            let _ = memory.send(changes);
        }
    };
    let mut agenda = Agenda::new(remembered);
    let mut lanes = Lanes::new(shared.clone());
    let jobs = shared.jobs();
    learn(agenda.adopt(&jobs, start));
    let mut hand_over = |agenda: &mut Agenda, jobs: &Jobs, look: Arc<Look>| {
        for (job_id, due) in agenda.take_due(jobs, look.now) {
            lanes.push(job_id, look.clone(), due);
        }
    };
    // Nobody was there when these were due, however short ago.
    hand_over(&mut agenda, &jobs, Look::new(start, TimeDelta::zero()));
    let mut looked = start;
    loop {
        let wait = agenda.next_fire().map_or(LONGEST_SLEEP, |at| {
            (at - shared.clock.now()).to_std().unwrap_or(Duration::ZERO).min(LONGEST_SLEEP)
        });
        let reloaded = tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = shared.reloaded.notified() => true,
        };
        let (now, jobs) = (shared.clock.now(), shared.jobs());
        hand_over(&mut agenda, &jobs, Look::new(now, GRACE));
        // After a clock was set back, the agenda would wait for a time that may be years away.
        if reloaded || now < looked {
            learn(agenda.adopt(&jobs, now));
        }
        looked = now;
    }
}

/// Keeps the store's memory of the schedules, beside the scheduler: a store that is away must not hold up the clock.
async fn remember(shared: Arc<Shared>, mut changes: mpsc::UnboundedReceiver<Changes>) {
    while let Some(Changes { seen, gone }) = changes.recv().await {
        // A hundred thousand schedules must not keep other writers waiting.
        let (seen, gone) = (seen.chunks(AT_ONCE).map(|s| (s, &[][..])), gone.chunks(AT_ONCE).map(|g| (&[][..], g)));
        for (seen, gone) in seen.chain(gone) {
            let work = || shared.store.save_seen_schedules(seen, gone);
            if let Err(error) = shared.patience.until_stored(work).await {
                tracing::error!(%error, "the schedules could not be remembered");
            }
        }
    }
}

#[cfg(test)]
mod tests;
