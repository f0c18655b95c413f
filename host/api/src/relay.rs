//! What other processes did, told to the listeners of this one: while anybody listens, the store is looked at when it rings
//! for news (PostgreSQL), and once a second in any case, for what the others have committed; each change is published on
//! the engine's bus as if it had happened here. Whether schedules fire, what is wrong, and what became of messages to people
//! is told here for every process, this one included. Progress is not stored, so it is heard only where the run is.
//!
//! Invariants: what this process runs itself is told here only if it was told before, while somebody else or nobody had it:
//! that may have overtaken a newer event of the engine, so it is told until its end; a followed run ends with its final change, after its last
//! line; a line may be told again, none is left out between joining and the end of the run.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use host_engine::SchedulerState;
use host_model::event::{Event, Health};
use host_model::hold::Holds;
use host_model::notify::delivery::{DeliveryFilter, DeliveryStatus};
use host_model::port::StoreError;
use host_model::run::{RunFilter, RunStatus};
use host_model::{Run, RunId, StepRun};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::App;

/// Between two looks when nobody rings.
const EVERY: Duration = Duration::from_secs(1);
/// Between two looks however often it rings.
const PAUSE: Duration = Duration::from_millis(80);
/// Slots without a run that are read at once.
const SLOTS: u32 = 1000;
/// The newest runs are looked at in whatever state they are: those that began and ended between two looks.
const NEWEST: u32 = 100;
/// Runs in flight that are looked at.
const MOST_ACTIVE: u32 = 1000;
/// Lines read at once.
const LINES: u32 = 1000;
/// The newest messages to people that are looked at.
const DELIVERIES: u32 = 50;

/// The relay of one router; idle while nobody listens.
#[derive(Clone, Default)]
pub(crate) struct Relay(Arc<Mutex<Listeners>>);

#[derive(Default)]
struct Listeners {
    count: usize,
    followed: HashMap<RunId, Followed>,
    task: Option<JoinHandle<()>>,
}

/// A run whose steps and lines somebody wants.
struct Followed {
    listeners: usize,
    /// The next line to tell.
    line: u64,
    /// Steps as last told.
    steps: Vec<StepRun>,
    /// Nothing more comes.
    is_over: bool,
}

/// A listener's part; it ends with this value.
pub(crate) struct Listening {
    relay: Relay,
    runs: HashSet<RunId>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut listeners = self.relay.lock();
        listeners.count -= 1;
        for run in &self.runs {
            if let Some(followed) = listeners.followed.get_mut(run) {
                followed.listeners -= 1;
                if followed.listeners == 0 {
                    listeners.followed.remove(run);
                }
            }
        }
    }
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins a listener that follows `runs`: what is committed from here on will be told.
    pub(crate) async fn join(&self, app: &App, runs: &HashSet<RunId>) -> Result<Listening, StoreError> {
        let mut lines = Vec::with_capacity(runs.len());
        for run in runs {
            lines.push((*run, app.engine.store().count_logs(*run).await?));
        }
        let mut listeners = self.lock();
        listeners.count += 1;
        for (run, line) in lines {
            let new = || Followed { listeners: 0, line, steps: Vec::new(), is_over: false };
            listeners.followed.entry(run).or_insert_with(new).listeners += 1;
        }
        if listeners.task.as_ref().is_none_or(JoinHandle::is_finished) {
            listeners.task = Some(tokio::spawn(self.clone().tell(app.clone())));
        }
        Ok(Listening { relay: self.clone(), runs: runs.clone() })
    }

    async fn tell(self, app: App) {
        let mut known = Known::default();
        let mut look_again = Instant::now();
        loop {
            // From here on no news is missed, whatever is found next.
            let news = app.engine.store().news();
            let is_full = Instant::now() >= look_again;
            if is_full {
                look_again = Instant::now() + EVERY;
            }
            {
                let mut listeners = self.lock();
                if listeners.count == 0 {
                    listeners.task = None;
                    return;
                }
            }
            if let Err(error) = self.look(&app, &mut known.runs).await {
                tracing::debug!(%error, "runs of other processes cannot be told");
            }
            if is_full {
                self.look_around(&app, &mut known).await;
            }
            tokio::select! {
                () = news => tokio::time::sleep(PAUSE).await,
                () = tokio::time::sleep_until(look_again) => {}
                () = app.stop.canceled() => return,
            }
        }
    }

    /// Tells what is about no run: slots that have none, and how the installation is.
    async fn look_around(&self, app: &App, known: &mut Known) {
        match tell_slots(app, known).await {
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "slots of other processes cannot be told"),
        }
        match app.engine.holds().await {
            Ok(holds) => {
                if known.holds.replace(holds.clone()).is_some_and(|before| before != holds) {
                    app.engine.bus().publish(Event::Holds);
                }
            }
            Err(error) => tracing::debug!(%error, "what holds schedules back cannot be told"),
        }
        tell_deliveries(app, known).await;
        let health = crate::route::health::summary(app).await;
        if known.health.replace(health.clone()).is_some_and(|before| before != health) {
            app.engine.bus().publish(Event::Health(Arc::new(health)));
        }
    }

    /// Tells what has changed since the last look; `known` are the runs of others as last told.
    async fn look(&self, app: &App, known: &mut HashMap<RunId, Run>) -> Result<(), StoreError> {
        let store = app.engine.store();
        let me = &app.engine.presence().owner;
        let statuses = vec![RunStatus::Queued, RunStatus::Running];
        let mut runs = store.list_runs(&RunFilter { statuses, limit: MOST_ACTIVE, ..RunFilter::default() }).await?;
        runs.extend(store.list_runs(&RunFilter { limit: NEWEST, ..RunFilter::default() }).await?);
        // The second reading is the newer one.
        let mut seen: HashMap<RunId, Run> = runs.into_iter().map(|run| (run.id, run)).collect();
        let followed: Vec<RunId> =
            self.lock().followed.iter().filter(|(_, f)| !f.is_over).map(|(run, _)| *run).collect();
        let was_active = known.values().filter(|run| !run.status.is_final()).map(|run| run.id);
        let missing: HashSet<RunId> =
            followed.iter().copied().chain(was_active).filter(|run| !seen.contains_key(run)).collect();
        for run in missing {
            seen.extend(store.find_run(run).await?.map(|run| (run.id, run)));
        }
        for id in followed {
            if let Some(run) = seen.get(&id).filter(|run| run.owner != *me) {
                self.tell_inside(app, run).await?;
            }
        }
        for run in take_in(known, seen, me) {
            app.engine.bus().publish(Event::Run(Arc::new(run)));
        }
        Ok(())
    }

    /// Steps and lines of a followed run.
    async fn tell_inside(&self, app: &App, run: &Run) -> Result<(), StoreError> {
        let (store, bus) = (app.engine.store(), app.engine.bus());
        let steps = store.list_steps(run.id).await?;
        let Some((before, mut line)) = self.lock().followed.get(&run.id).map(|f| (f.steps.clone(), f.line)) else {
            return Ok(());
        };
        for step in steps.iter().filter(|step| !before.contains(step)) {
            bus.publish(Event::Step { job_id: run.job_id.clone(), step: Arc::new(step.clone()) });
        }
        loop {
            let lines = store.list_logs(run.id, line, LINES).await?;
            let Some(last) = lines.last() else { break };
            line = last.seq + 1;
            bus.publish(Event::Log { job_id: run.job_id.clone(), run_id: run.id, lines: lines.into() });
        }
        if let Some(followed) = self.lock().followed.get_mut(&run.id) {
            (followed.steps, followed.line, followed.is_over) = (steps, line, run.status.is_final());
        }
        Ok(())
    }
}

/// What was told last.
#[derive(Default)]
struct Known {
    runs: HashMap<RunId, Run>,
    health: Option<Health>,
    holds: Option<Holds>,
    /// When the latest slot without a run was decided, once that was looked at.
    slots_to: Option<Option<host_model::Instant>>,
    /// The newest deliveries with their state, once they were looked at.
    deliveries: Option<Vec<DeliveryMark>>,
}

/// A delivery as last told: its number, its transport, its state and attempts.
type DeliveryMark = (i64, String, DeliveryStatus, u32);

/// Messages that changed since the last look, whichever process sends them: one hint for all.
async fn tell_deliveries(app: &App, known: &mut Known) {
    let filter = DeliveryFilter { limit: DELIVERIES, ..DeliveryFilter::default() };
    let Ok(found) = app.notifications.list_deliveries(&filter).await else { return };
    let now: Vec<DeliveryMark> =
        found.into_iter().map(|one| (one.id, one.transport, one.status, one.attempts)).collect();
    let Some(before) = known.deliveries.replace(now.clone()) else { return };
    let changed = now.into_iter().filter(|mark| !before.contains(mark)).map(|(_, transport, ..)| transport);
    let transports: BTreeSet<String> = changed.collect();
    if !transports.is_empty() {
        app.engine.bus().publish(Event::Delivery { transports: transports.into_iter().collect() });
    }
}

/// Slots that other processes decided, one event for each job. The holder of the lease has told its own.
async fn tell_slots(app: &App, known: &mut Known) -> Result<(), StoreError> {
    let store = app.engine.store();
    let Some(after) = known.slots_to else {
        known.slots_to = Some(store.list_unfired_slots(None, 1).await?.first().map(|row| row.decided_at));
        return Ok(());
    };
    let rows = store.list_unfired_slots(Some(after.unwrap_or_default()), SLOTS).await?;
    let Some(last) = rows.last() else { return Ok(()) };
    known.slots_to = Some(Some(last.decided_at));
    if app.engine.scheduler_state() == SchedulerState::Active {
        return Ok(());
    }
    let mut of_jobs: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        of_jobs.entry(row.slot.job_id.clone()).or_default().push(row);
    }
    for (job_id, rows) in of_jobs {
        let count = rows.len();
        let Some(latest) = rows.into_iter().max_by_key(|row| row.slot.due_at) else { continue };
        app.engine.bus().publish(Event::Slots { job_id, count, latest: Arc::new(latest) });
    }
    Ok(())
}

/// Remembers what was seen and returns what of it is to be told; see the module's note on runs of `me`.
fn take_in(known: &mut HashMap<RunId, Run>, mut seen: HashMap<RunId, Run>, me: &str) -> Vec<Run> {
    seen.retain(|id, run| run.owner != me || known.get(id).is_some_and(|before| !before.status.is_final()));
    let news = seen.values().filter(|run| known.get(&run.id) != Some(run)).cloned().collect();
    *known = seen;
    news
}

#[cfg(test)]
mod tests {
    use host_model::{JobId, JsonMap};

    use super::*;

    fn run(owner: &str, status: RunStatus) -> HashMap<RunId, Run> {
        let id = RunId::from_parts(1, 1);
        let run = Run {
            id,
            job_id: JobId::new("j").unwrap(),
            status,
            reason: None,
            error: None,
            triggered_by: "api".to_owned(),
            schedule: None,
            scheduled_at: None,
            replay_of: None,
            replay_from: None,
            queued_at: host_model::Instant::default(),
            started_at: None,
            finished_at: None,
            rows_affected: 0,
            step_count: 1,
            steps_done: 0,
            log_level: host_model::log::LogLevel::Info,
            params: JsonMap::new(),
            overrides: JsonMap::new(),
            owner: owner.to_owned(),
            term: 1,
            placement: "any".to_owned(),
            cancel_requested_by: None,
            cancel_requested_at: None,
        };
        [(id, run)].into()
    }

    #[test]
    fn a_run_that_was_told_while_it_waited_is_told_until_its_end_and_what_only_this_process_had_never() {
        use RunStatus::{Queued, Running, Succeeded};
        let told = |looks: &[(&str, RunStatus)]| {
            let mut known = HashMap::new();
            let of = |(owner, status): &(&str, RunStatus)| take_in(&mut known, run(owner, *status), "me");
            looks.iter().flat_map(of).map(|run| run.status).collect::<Vec<_>>()
        };
        // The engine may have published the end before the look that found it waiting was told.
        assert_eq!(told(&[("", Queued), ("me", Succeeded), ("me", Succeeded)]), [Queued, Succeeded]);
        assert_eq!(
            told(&[("", Queued), ("me", Running), ("me", Running), ("me", Succeeded)]),
            [Queued, Running, Succeeded]
        );
        assert!(told(&[("me", Queued), ("me", Running), ("me", Succeeded)]).is_empty());
        assert_eq!(told(&[("b", Running), ("b", Running), ("b", Succeeded)]), [Running, Succeeded]);
    }
}
