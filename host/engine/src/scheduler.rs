//! Sleeps to the next instant at which something fires, takes what is due and hands it to the lanes. No polling: it wakes
//! for the head of the agenda, for a reload, when the machine's clock is set, and twice a minute in case nobody said so.
//!
//! No slot is silent. The store remembers every schedule, so that a start finds what was due while nobody was there; from
//! then on each slot goes through `fate` (fire, or why not) and `lanes` (in order, into the ledger).

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use host_model::port::StoreError;
use host_model::replica::Held;
use host_model::{CancelToken, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::engine::Jobs;
use crate::shared::Shared;

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

/// Fires what is due, as long as this process has the lease. What was due before `start`, when this process began, follows
/// `catch_up`: nobody was there, however short ago. What came since then is in time, if it is not late. Schedules that
/// nobody has seen before count from `since`, when it asked for the lease.
///
/// # Errors
/// When the memory of schedules cannot be read.
pub(crate) async fn run(
    shared: Arc<Shared>,
    (start, since): (Instant, Instant),
    held: Held,
    lost: CancelToken,
) -> Result<(), StoreError> {
    // The ledger may have slots that are still to come: written while a clock was ahead, here or of the process before.
    // They do not say that what comes round before them was decided, not even when their time has come.
    let to = since.min(shared.clock.now());
    shared.patience.until_stored(|| shared.store.note_clock_set_back(to, to)).await?;
    let read = || shared.store.list_seen_schedules(to);
    let remembered = shared.patience.until_stored(read).await?;
    let (memory, memos) = mpsc::unbounded_channel();
    let mut writer = JoinSet::new();
    writer.spawn(remember(shared.clone(), memos));
    // The receiver lives as long as this function.
    let learn = |memo: Memo| drop(memory.send(memo));
    let mut agenda = Agenda::new(remembered);
    let mut lanes = Lanes::new(shared.clone(), held);
    // A clock that was set back since then: nothing that is still to come counts as over.
    let now = shared.clock.now();
    let (start, since) = (start.min(now), since.min(now));
    let (jobs, mut looked) = (shared.jobs(), since);
    learn(Memo::Schedules(agenda.adopt(&jobs, looked)));
    let mut hand_over = |agenda: &mut Agenda, jobs: &Jobs, look: Arc<Look>| {
        for (job_id, due) in agenda.take_due(jobs, look.now) {
            lanes.push(job_id, look.clone(), due);
        }
    };
    hand_over(&mut agenda, &jobs, Look::new(start, TimeDelta::zero()));
    loop {
        let wait = agenda.next_fire().map_or(LONGEST_SLEEP, |at| {
            (at - shared.clock.now()).to_std().unwrap_or(Duration::ZERO).min(LONGEST_SLEEP)
        });
        let reloaded = tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = shared.clock.was_set() => false,
            () = shared.reloaded.notified() => true,
            () = lost.canceled() => return Ok(()),
        };
        let (now, jobs) = (shared.clock.now(), shared.jobs());
        // First, or a new rhythm would be applied to the time before it. After a clock was set back, the agenda would wait
        // for a time that may be years away.
        if now < looked {
            learn(Memo::SetBack { to: now, ahead_to: looked });
        }
        if reloaded || now < looked {
            learn(Memo::Schedules(agenda.adopt(&jobs, now)));
        }
        hand_over(&mut agenda, &jobs, Look::new(now, GRACE));
        looked = now;
    }
}

/// What a successor has to know.
enum Memo {
    Schedules(Changes),
    SetBack { to: Instant, ahead_to: Instant },
}

/// Keeps the store's memory of the schedules, beside the scheduler: a store that is away must not hold up the clock.
async fn remember(shared: Arc<Shared>, mut memos: mpsc::UnboundedReceiver<Memo>) {
    while let Some(memo) = memos.recv().await {
        let Changes { seen, gone } = match memo {
            Memo::Schedules(changes) => changes,
            Memo::SetBack { to, ahead_to } => {
                let work = || shared.store.note_clock_set_back(to, ahead_to);
                if let Err(error) = shared.patience.until_stored(work).await {
                    tracing::error!(%error, "that the clock was set back could not be noted");
                }
                continue;
            }
        };
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
