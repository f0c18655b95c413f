//! Who may fire schedules: one process, the one that has the lease in `ly2_jobs_lock` (product §6).
//!
//! ```text
//!            take_lease: nobody has it, or the holder's count stood still
//!  standby ───────────────────────────────────────────────────────────────► active
//!     ▲                                                                       │
//!     └── keep_lease refused (another has it) · released at a graceful stop ──┘
//! ```
//!
//! The lease has a **term** that rises with every change of holder. The holder counts up `beat`; everything the scheduler
//! writes into the ledger carries holder and term, and the store refuses it in the same transaction when they are not the
//! lease's any more. So a holder that hangs, is displaced and then goes on can do no harm: it fires nothing, and learns of
//! it with its next sign of life. Beyond that, a slot has one row whoever writes it.
//!
//! | What happens | What follows |
//! |---|---|
//! | the holder dies | a standby sees the count stand still for `lease_lost_after`, or the pid gone, and takes it with the very count it saw: of two standbys one succeeds |
//! | the holder stops gracefully | it gives the lease back first; a standby has it one beat later |
//! | the store is away | nothing fires; the holder keeps what it has and goes on when the store answers, unless another was faster |
//! | the scheduler's task breaks | the lease is given back, so that another process may try; this one says `error` |
//!
//! Taking over, the new holder deals with slots due before *its own* process began as missed, or caught up; those due
//! since then fire, at most a minute late: it was there.

use std::sync::Arc;

use host_model::CancelToken;
use host_model::Instant;
use host_model::port::StoreError;
use host_model::replica::{Held, Lease};
use tokio::task::JoinSet;

use crate::presence::Stillness;
use crate::scheduler;
use crate::shared::{SchedulerState, Shared};

/// Asks for the lease, again and again, and fires schedules while it has it; until it is aborted. `start` is when this
/// process began.
pub(crate) async fn compete(shared: Arc<Shared>, start: Instant) {
    let mut rivals = Stillness::new(shared.pace.beat);
    let mut said = false;
    // Schedules nobody has seen before count from here.
    let mut since = start;
    loop {
        match try_take(&shared, &mut rivals).await {
            Ok(Some(held)) if shared.leaving.is_canceled() => {
                *shared.held() = Some(held);
                release(&shared).await;
            }
            Ok(Some(held)) => {
                said = false;
                tracing::info!(term = held.term, "scheduler: acquired lock · this replica is the scheduler primary");
                if let Err(why) = reign(&shared, held, start, since).await {
                    shared.set_scheduler(SchedulerState::Error);
                    shared.break_down(format!(
                        "the scheduler stopped, this process fires nothing until a restart: {why}"
                    ));
                    return;
                }
                rivals = Stillness::new(shared.pace.beat);
            }
            Ok(None) => {
                shared.set_scheduler(SchedulerState::Standby);
                if !said {
                    tracing::info!("scheduler: failed to acquire lock · running scheduler-disabled");
                    said = true;
                }
            }
            Err(error) => {
                rivals.look_failed();
                shared.set_scheduler(SchedulerState::Error);
                tracing::debug!(%error, "the lease cannot be read");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(shared.pace.beat) => since = shared.clock.now(),
            () = shared.leaving.canceled() => return,
        }
    }
}

async fn try_take(shared: &Shared, rivals: &mut Stillness<(String, u64)>) -> Result<Option<Held>, StoreError> {
    let me = shared.me();
    let found = shared.store.find_lease().await?;
    // One's own lease, from before an answer of the store was lost, counts as a dead holder's.
    let rival = found.as_ref().filter(|lease| !lease.holder.is_empty());
    if let Some(Lease { holder, term, beat, .. }) = rival {
        let key = (holder.clone(), *term);
        let still = rivals.look([(key.clone(), *beat)]).remove(&key).unwrap_or_default();
        let is_dead = holder == me || !(shared.is_owner_alive)(holder) || still > shared.pace.lease_lost_after;
        if !is_dead {
            return Ok(None);
        }
    }
    let term = shared.store.take_lease(me, rival, shared.clock.now()).await?;
    Ok(term.map(|term| Held { holder: me.to_owned(), term }))
}

/// Fires schedules until the lease is lost.
///
/// # Errors
/// When the scheduler's task ends by itself; the lease is given back.
async fn reign(shared: &Arc<Shared>, held: Held, start: Instant, since: Instant) -> Result<(), String> {
    *shared.held() = Some(held.clone());
    shared.set_scheduler(SchedulerState::Active);
    let lost = CancelToken::new();
    let mut inner = JoinSet::new();
    inner.spawn(scheduler::run(shared.clone(), (start, since), held.clone(), lost.clone()));
    loop {
        tokio::select! {
            ended = inner.join_next() => {
                let why = match ended {
                    Some(Err(broken)) => broken.to_string(),
                    Some(Ok(Err(error))) => error.to_string(),
                    // Only the loss of the lease ends it otherwise, and that is found below.
                    Some(Ok(Ok(()))) | None => "its task ended".to_owned(),
                };
                release(shared).await;
                return Err(why);
            }
            () = tokio::time::sleep(shared.pace.beat) => {}
            () = shared.leaving.canceled() => break,
        }
        match shared.store.keep_lease(&held, shared.clock.now()).await {
            Ok(true) => shared.set_scheduler(SchedulerState::Active),
            Ok(false) => break,
            Err(error) => {
                tracing::debug!(%error, "the lease cannot be kept up");
                shared.set_scheduler(SchedulerState::Error);
            }
        }
    }
    if shared.leaving.is_canceled() {
        release(shared).await;
    } else {
        tracing::warn!(term = held.term, "scheduler: lock lost to another replica · running scheduler-disabled");
        *shared.held() = None;
    }
    shared.set_scheduler(SchedulerState::Standby);
    lost.cancel("the lease is gone");
    // What it has begun ends by itself: the store takes nothing of it any more.
    while inner.join_next().await.is_some() {}
    Ok(())
}

/// Gives the lease back, if this process has it.
pub(crate) async fn release(shared: &Shared) {
    let held = shared.held().take();
    if let Some(held) = held {
        match shared.store.release_lease(&held).await {
            Ok(_) => tracing::info!(term = held.term, "scheduler: released lock"),
            Err(error) => tracing::warn!(%error, "the lease could not be released; another takes it when it is still"),
        }
    }
}
