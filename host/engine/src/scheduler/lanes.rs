//! The slots of each job, dealt with in the order in which they are due, each job in a task of its own so that a slow one
//! delays no other.
//!
//! Invariant: a slot is in the ledger before the next one of its schedule is looked at. So the newest row of a schedule
//! says up to where it was decided, wherever the process stops.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use host_model::event::Event;
use host_model::fire::{Slot, SlotOutcome, SlotRecord};
use host_model::hold::{Holds, LOOK_BACK};
use host_model::port::{SlotsKept, StoreError};
use host_model::replica::Held;
use host_model::run::{RunFilter, RunStatus, Trigger};
use host_model::{Instant, JobId};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::agenda::Due;
use super::fate::{Fate, decide};
use crate::dispatch::{self, DispatchError, FireRequest, How};
use crate::shared::Shared;

/// How often the store is asked while a run of another process is in flight.
const ELSEWHERE: Duration = Duration::from_secs(1);
/// Ledger rows of one write.
const ROWS_AT_ONCE: usize = 1000;

/// One look of the scheduler at the clock; everything it found due shares it.
pub(super) struct Look {
    pub(super) now: Instant,
    /// A slot found later than this after it was to fire is late.
    pub(super) grace: TimeDelta,
    /// Read once, by the first who needs it.
    holds: OnceCell<Holds>,
}

impl Look {
    pub(super) fn new(now: Instant, grace: TimeDelta) -> Arc<Self> {
        Arc::new(Self { now, grace, holds: OnceCell::new() })
    }

    async fn holds(&self, shared: &Shared) -> Result<&Holds, StoreError> {
        self.holds.get_or_try_init(|| find_holds(shared)).await
    }
}

async fn find_holds(shared: &Shared) -> Result<Holds, StoreError> {
    let since = shared.clock.now() - LOOK_BACK;
    shared.patience.until_stored(|| shared.store.find_holds(since)).await
}

type Queues = Arc<Mutex<HashMap<JobId, VecDeque<(Arc<Look>, Vec<Due>)>>>>;

/// The queues of all jobs and the tasks that work them off.
pub(super) struct Lanes {
    shared: Arc<Shared>,
    held: Arc<Held>,
    queues: Queues,
    tasks: JoinSet<()>,
}

/// A job's place among the queues; however its task ends, the next slot must find none.
struct Lane {
    job_id: JobId,
    queues: Queues,
}

impl Lane {
    fn next(&self) -> Option<(Arc<Look>, Vec<Due>)> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let next = queues.get_mut(&self.job_id).and_then(VecDeque::pop_front);
        if next.is_none() {
            queues.remove(&self.job_id);
        }
        next
    }
}

impl Lanes {
    pub(super) fn new(shared: Arc<Shared>, held: Held) -> Self {
        Self { shared, held: Arc::new(held), queues: Queues::default(), tasks: JoinSet::new() }
    }

    /// Queues what is due of a job.
    pub(super) fn push(&mut self, job_id: JobId, look: Arc<Look>, due: Vec<Due>) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        match queues.entry(job_id.clone()) {
            Entry::Occupied(mut queue) => queue_up(queue.get_mut(), look, due),
            Entry::Vacant(free) => {
                free.insert(VecDeque::from([(look, due)]));
                let lane = Lane { job_id, queues: self.queues.clone() };
                let (shared, held) = (self.shared.clone(), self.held.clone());
                self.tasks.spawn(async move {
                    while let Some((look, due)) = lane.next() {
                        if deal_with(&shared, &held, &look, due).await.is_err() {
                            return;
                        }
                    }
                });
            }
        }
        drop(queues);
        while let Some(done) = self.tasks.try_join_next() {
            if let Err(error) = done {
                tracing::error!(%error, "dispatching a slot ended badly");
            }
        }
    }
}

/// Adds what is due to what waits already: a lane that is held up, by a run that it waits for, finds all of it at once and
/// judges it by the time it is then.
fn queue_up(queue: &mut VecDeque<(Arc<Look>, Vec<Due>)>, look: Arc<Look>, due: Vec<Due>) {
    match queue.back_mut().filter(|(last, _)| last.grace == look.grace) {
        Some((last, waiting)) => {
            *last = look;
            for one in due {
                match waiting.iter_mut().find(|other| other.name() == one.name()) {
                    Some(other) => other.join(one),
                    None => waiting.push(one),
                }
            }
        }
        None => queue.push_back((look, due)),
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.job_id);
        }
    }
}

/// The process is stopping, or has lost the lease. Nothing newer may get into the ledger: the next start goes on at the first slot without a row.
struct Stopping;

async fn deal_with(shared: &Arc<Shared>, held: &Held, look: &Look, due: Vec<Due>) -> Result<(), Stopping> {
    // The store is asked until it answers, or the process stops.
    let holds = look.holds(shared).await.map_err(|_| Stopping)?;
    let mut fates: Vec<(Slot, Fate)> = Vec::new();
    for due in due {
        let schedule = due.name().to_owned();
        let slot = |due_at| Slot { job_id: due.job.id.clone(), schedule: schedule.clone(), due_at };
        let decided = decide(&due, look.now.max(shared.clock.now()), look.grace, holds);
        fates.extend(decided.into_iter().map(|(due_at, fate)| (slot(due_at), fate)));
    }
    fates.sort_by_key(|(slot, _)| slot.due_at);
    let mut unwritten = Vec::new();
    for (slot, fate) in fates {
        match fate {
            Fate::Record(outcome, reason) => {
                unwritten.push(record(shared, slot, outcome, reason));
                if unwritten.len() == ROWS_AT_ONCE {
                    write(shared, held, &mut unwritten).await?;
                }
            }
            Fate::Fire { late } => {
                write(shared, held, &mut unwritten).await?;
                if late {
                    wait_for_runs_of(shared, &slot.job_id).await?;
                    // Long may have gone by; the operator may have had enough of it.
                    let holds = find_holds(shared).await.unwrap_or_default();
                    let pause = holds.pause.as_ref().map(|pause| format!("scheduler paused by {}", pause.by));
                    let window = || holds.window_at(shared.clock.now()).map(|window| window.why());
                    if let Some(why) = pause.or_else(window) {
                        let reason = format!("{why} while catching up");
                        unwritten.push(record(shared, slot, SlotOutcome::Missed, reason));
                        continue;
                    }
                }
                let _turn = shared.turns.acquire().await.map_err(|_| Stopping)?;
                fire(shared, held, slot).await?;
            }
        }
    }
    write(shared, held, &mut unwritten).await
}

/// Returns once no run of the job is in flight, here or anywhere.
async fn wait_for_runs_of(shared: &Shared, job_id: &JobId) -> Result<(), Stopping> {
    let in_flight = RunFilter {
        jobs: vec![job_id.clone()],
        statuses: vec![RunStatus::Queued, RunStatus::Running],
        limit: 1,
        ..RunFilter::default()
    };
    loop {
        let ended = shared.idle.notified();
        let is_here = shared.live().values().any(|live| live.job_id == *job_id);
        let read = || shared.store.list_runs(&in_flight);
        if !is_here && shared.patience.until_stored(read).await.map_err(|_| Stopping)?.is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = ended => {}
            // Nobody rings here for what ends elsewhere.
            () = tokio::time::sleep(ELSEWHERE), if !is_here => {}
        }
    }
}

async fn fire(shared: &Arc<Shared>, held: &Held, slot: Slot) -> Result<(), Stopping> {
    let request = FireRequest {
        slot: Some((slot.schedule.clone(), slot.due_at)),
        ..FireRequest::manual(slot.job_id.clone(), Trigger::Cron)
    };
    // In a task of its own: lanes end with the lease, and a run that was recorded must not be left without its task.
    let (sharer, how) = (shared.clone(), How { lease: Some(held.clone()), ..How::default() });
    let fired = tokio::spawn(async move {
        let job = dispatch::find_job(&sharer, &request)?;
        dispatch::begin(&sharer, job, request, how).await
    });
    let fired = fired.await.unwrap_or_else(|broken| {
        let message = format!("the dispatch broke off: {broken}");
        Err(StoreError::Unavailable { operation: "record a run", message }.into())
    });
    match fired {
        Ok(fired) => {
            tracing::info!(job.id = %slot.job_id, run.id = %fired.run_id, due = %slot.due_at, "schedule fired")
        }
        Err(DispatchError::AlreadyRunning { active, .. }) => {
            tracing::warn!(job.id = %slot.job_id, run.id = %active, "schedule skipped: the run before is in flight");
        }
        Err(DispatchError::HeldBack { reason, .. }) => {
            tracing::warn!(job.id = %slot.job_id, reason, "schedule skipped");
        }
        Err(DispatchError::SlotTaken { .. }) => {}
        Err(DispatchError::ShuttingDown | DispatchError::LeaseLost) => return Err(Stopping),
        Err(error) => {
            tracing::error!(job.id = %slot.job_id, %error, "schedule failed to start");
            let failed = record(shared, slot, SlotOutcome::FailedToStart, error.to_string());
            write(shared, held, &mut vec![failed]).await?;
        }
    }
    Ok(())
}

fn record(shared: &Shared, slot: Slot, outcome: SlotOutcome, reason: String) -> SlotRecord {
    // A clock that was set back since: only what somebody skips once is decided before it is due.
    let decided_at = shared.clock.now().max(slot.due_at);
    SlotRecord { slot, outcome, reason: Some(reason), run_id: None, decided_at }
}

/// Writes the rows and empties the list.
async fn write(shared: &Shared, held: &Held, rows: &mut Vec<SlotRecord>) -> Result<(), Stopping> {
    let Some(first) = rows.first() else { return Ok(()) };
    let (job_id, reason) = (&first.slot.job_id, first.reason.as_deref().unwrap_or_default());
    tracing::info!(job.id = %job_id, slots = rows.len(), reason, "slots recorded without a run");
    match shared.patience.until_stored(|| shared.store.record_slots(rows, Some(held))).await {
        Ok(SlotsKept::New(new)) => {
            if let Some(latest) = rows.last().filter(|_| new > 0) {
                let (job_id, latest) = (latest.slot.job_id.clone(), Arc::new(latest.clone()));
                shared.bus.publish(Event::Slots { job_id, count: rows.len(), latest });
            }
            rows.clear();
            Ok(())
        }
        Ok(SlotsKept::LeaseLost) => Err(Stopping),
        Err(error) => {
            tracing::error!(job.id = %job_id, %error, slots = rows.len(), "slots are left for the next start");
            Err(Stopping)
        }
    }
}
