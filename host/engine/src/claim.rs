//! Taking up runs that wait with nobody: those without a free place when they were fired, those placed elsewhere than where
//! they were fired, those that wait for another run or a limit, and those given back by a process that is gone.
//!
//! The store decides which of them may go, in one transaction (`Store::claim_runs`); here a process only asks, with as many
//! places as it has free: when somebody rings, when a run has ended here, and once a second in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host_model::definition::Definition;
use host_model::event::Event;
use host_model::log::LogLevel;
use host_model::port::{CancelMark, Claim, Claimed, StoreError};
use host_model::run::{Run, RunFilter, RunStatus};
use host_model::transition::{Applied, RunChange};
use host_model::{RunId, params};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant as Moment;

use crate::log_sink::NewLine;
use crate::patience::LATE_COMMITS;
use crate::recovery;
use crate::replay;
use crate::run_task::RunTask;
use crate::shared::Shared;

/// Between two looks when nobody rings. Cancel marks set through other processes are looked for as often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Runs looked at to see whether any still wait.
const WAITING_LOOKED_AT: u32 = 200;
/// Queued runs read at once in search of those whose claim was not answered.
const PAGE: u32 = 500;

/// What this process knows of runs that wait: whether there may be any, so that the end of a run is a reason to look.
#[derive(Default)]
pub(crate) struct Waiting {
    /// 0 = none that is known of; otherwise changed by every run that came.
    came: AtomicU64,
    ring: Notify,
}

impl Waiting {
    /// A run waits; somebody should look.
    pub(crate) fn add(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        self.ring.notify_one();
    }

    /// A place is free, or the run before another has ended: worth a look only if any run waits.
    pub(crate) fn look_again(&self) {
        if self.is_there() {
            self.ring.notify_one();
        }
    }

    /// Whether a run may be waiting. A fire then does not take a free place before those that wait.
    pub(crate) fn is_there(&self) -> bool {
        self.came.load(Ordering::SeqCst) > 0
    }
}

/// Takes runs up, until it is aborted.
pub(crate) async fn keep_taking(shared: Arc<Shared>) {
    // Since a claim that was not answered: when to look for what it left, and how long to wait for the look after that.
    let mut unsure: Option<(Moment, &[Duration])> = None;
    loop {
        // From here on no ring of another process is missed, whatever is found next.
        let bell = shared.store.bell();
        let taken = async {
            if let Some((_, later)) = unsure.filter(|(at, _)| *at <= Moment::now()) {
                give_up_strays(&shared).await?;
                unsure = later.split_first().map(|(pause, later)| (Moment::now() + *pause, later));
            }
            // Places are taken only for a reason: a fire that finds none would have to wait.
            if shared.waiting.is_there() || does_any_wait(&shared).await? { take(&shared).await } else { Ok(()) }
        };
        let taken = taken.await;
        if let Err(error) = &taken {
            tracing::debug!(%error, "runs that wait could not be taken up");
            unsure = Some((Moment::now(), LATE_COMMITS.get(1..).unwrap_or_default()));
        }
        tokio::select! {
            () = bell => shared.waiting.add(),
            () = shared.waiting.ring.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn take(shared: &Arc<Shared>) -> Result<(), StoreError> {
    loop {
        // A slot that is due gets its row before runs begin that only add to the store's work. Never closed.
        drop(shared.turns.acquire().await);
        let free = u32::try_from(shared.room.available_permits()).unwrap_or(u32::MAX);
        let Ok(mut places) = shared.room.clone().try_acquire_many_owned(free.max(1)) else { return Ok(()) };
        // Held until the runs are live, as for a fire: a shutdown sees either none or live ones.
        let door = shared.door.read().await;
        if *door {
            return Ok(());
        }
        let came = shared.waiting.came.load(Ordering::SeqCst);
        let claim = Claim {
            owner: shared.me().to_owned(),
            placements: shared.accepts(),
            most: free,
            limits: shared.limits.clone(),
        };
        let claimed = shared.store.claim_runs(&claim).await?;
        let is_short = claimed.len() < free as usize;
        for one in claimed {
            // The store gave no more than there are places.
            let Some(place) = places.split(1) else { break };
            go_on(shared, one, place).await;
        }
        drop(door);
        if is_short {
            if came > 0 && !does_any_wait(shared).await? {
                // Unless another came meanwhile.
                let _ = shared.waiting.came.compare_exchange(came, 0, Ordering::SeqCst, Ordering::SeqCst);
            }
            return Ok(());
        }
    }
}

/// A claim may have taken while its answer was lost: then runs are this process's of which it knows nothing. They are given
/// back.
async fn give_up_strays(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let is_stray = |run: &Run| {
        let is_here = || shared.live().contains_key(&run.id) || shared.withdrawn().contains(&run.id);
        run.status == RunStatus::Queued && run.owner == shared.me() && !is_here()
    };
    let mut suspects = Vec::new();
    let mut filter = RunFilter { statuses: vec![RunStatus::Queued], limit: PAGE, ..RunFilter::default() };
    loop {
        let runs = shared.store.list_runs(&filter).await?;
        suspects.extend(runs.iter().filter(|run| is_stray(run)).map(|run| run.id));
        match runs.last() {
            Some(last) => filter.before = Some(last.id),
            None => break,
        }
    }
    if suspects.is_empty() {
        return Ok(());
    }
    // Nobody is between recording a run and making it live.
    let _door = shared.door.write().await;
    for id in suspects {
        if let Some(run) = shared.store.find_run(id).await?.filter(is_stray) {
            let reason = "given back: the store failed while it was taken up".to_owned();
            let change = RunChange::give_back(run.id, run.owner(), shared.clock.now(), &run.placement, reason);
            let Some(change) = change.only_from(RunStatus::Queued) else { continue };
            shared.store.apply(&[change.into()]).await?;
        }
    }
    Ok(())
}

async fn does_any_wait(shared: &Shared) -> Result<bool, StoreError> {
    let placements = shared.accepts();
    let filter = RunFilter { statuses: vec![RunStatus::Queued], limit: WAITING_LOOKED_AT, ..RunFilter::default() };
    let runs = shared.store.list_runs(&filter).await?;
    let is_full = runs.len() == WAITING_LOOKED_AT as usize;
    Ok(is_full || runs.iter().any(|run| run.owner.is_empty() && placements.contains(&run.placement)))
}

/// Starts the task of a run that is this process's now; one that cannot be made sense of is failed.
async fn go_on(shared: &Arc<Shared>, claimed: Claimed, place: OwnedSemaphorePermit) {
    let Run { id, term, .. } = claimed.run;
    let task = match restore(shared, claimed, place).await {
        Ok(task) => task,
        // The process stops; whoever finds that it is gone gives the run back.
        Err(_) if shared.patience.is_over() => return,
        Err(why) => {
            tracing::error!(run.id = %id, why, "a run could not be taken up");
            recovery::close_broken(shared, id, term, &why).await;
            return;
        }
    };
    crate::dispatch::start(shared, task).await;
}

async fn restore(shared: &Arc<Shared>, claimed: Claimed, place: OwnedSemaphorePermit) -> Result<RunTask, String> {
    let Claimed { run, definition } = claimed;
    let definition =
        Definition::parse(&definition).map_err(|error| format!("its definition cannot be read: {error}"))?;
    let read = || async {
        let steps = shared.store.list_steps(run.id).await?;
        let head = replay::find_head(shared, &run).await?;
        Ok::<_, StoreError>((steps, head))
    };
    // A store that is away now was there a moment ago; the run is ours, so it is worth the wait.
    let (steps, head) = shared.patience.until_stored(read).await.map_err(|error| error.to_string())?;
    let fire = params::literal(&params::read_overrides(&run.overrides));
    Ok(RunTask::new(shared.clone(), run, steps, definition, fire, head, place))
}

/// Marks a run as to be cancelled, and sees to it at once where that is possible from here.
pub(crate) async fn request_cancel(shared: &Arc<Shared>, run: RunId, by: &str) -> Result<CancelMark, StoreError> {
    let mark = shared.store.request_cancel(run, by, shared.clock.now()).await?;
    if mark == CancelMark::Marked {
        let is_here = shared.live().contains_key(&run);
        if is_here {
            // Should the store not answer any more, it is canceled all the same, and listeners hear of it by its end.
            if let Ok(Some(marked)) = shared.store.find_run(run).await {
                announce_mark(shared, marked);
            }
            shared.cancel_live(run, &format!("canceled by {by}"));
        } else {
            cancel_marked(shared).await;
        }
    }
    Ok(mark)
}

/// Tells listeners that somebody has asked for the end of a run that goes on here: once, and before its task may end.
fn announce_mark(shared: &Shared, run: Run) {
    if !run.status.is_final() && shared.mark_live(&run) {
        shared.bus.publish(Event::Run(Arc::new(run)));
    }
}

/// Ends runs that carry a mark to be cancelled: tells the task of those that run here, and closes those nobody has.
pub(crate) async fn cancel_marked(shared: &Arc<Shared>) {
    let marked = match shared.store.list_cancel_marks(shared.me()).await {
        Ok(marked) => marked,
        Err(error) => {
            tracing::debug!(%error, "cancel marks could not be read");
            return;
        }
    };
    for run in marked {
        let by = run.cancel_requested_by.as_deref().unwrap_or("somebody");
        let reason = format!("canceled by {by}");
        if !run.owner.is_empty() {
            let id = run.id;
            announce_mark(shared, run);
            shared.cancel_live(id, &reason);
        } else if let Err(error) = close(shared, &run, reason).await {
            tracing::warn!(%error, run.id = %run.id, "a run that waits could not be canceled");
        }
    }
}

/// Cancels a run that nobody has. Nobody can take it up meanwhile: it carries the mark.
async fn close(shared: &Shared, run: &Run, reason: String) -> Result<(), StoreError> {
    let steps = shared.store.list_steps(run.id).await?;
    let line = NewLine {
        job_id: run.job_id.clone(),
        run_id: run.id,
        at: shared.clock.now(),
        level: LogLevel::Warning,
        step: None,
        attempt: 0,
        message: format!("run {reason}"),
    };
    shared.sink.write(line).await;
    shared.sink.finish(run.id).await;
    let changes = recovery::cancel(shared, run, &steps, reason);
    if shared.store.apply(&changes).await? == Applied::Yes
        && let Some(run) = shared.store.find_run(run.id).await?
    {
        shared.bus.publish(Event::Run(Arc::new(run)));
    }
    Ok(())
}

/// Looks for cancel marks set through other processes, and puts away the tasks of runs that have ended.
pub(crate) async fn watch_marks(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        while let Some(done) = shared.tasks.lock().await.try_join_next() {
            if let Err(error) = done {
                tracing::error!(%error, "a run's keeper ended badly");
            }
        }
        // In any case: the process that marked a run nobody has may have died before it could close it.
        cancel_marked(&shared).await;
    }
}
