//! Runs of other processes, told to the listeners of this one: while anybody listens, the store is looked at once a second
//! for what the others have committed, and each change is published on the engine's bus as if it had happened here.
//! Progress is not stored, so it is heard only where the run is.
//!
//! Invariants: what this process runs itself is never told twice; a followed run ends with its final change, after its last
//! line; a line may be told again, none is left out between joining and the end of the run.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use host_model::event::Event;
use host_model::port::StoreError;
use host_model::run::{RunFilter, RunStatus};
use host_model::{Run, RunId, StepRun};
use tokio::task::JoinHandle;

use crate::App;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// The newest runs are looked at in whatever state they are: those that began and ended between two looks.
const NEWEST: u32 = 100;
/// Runs in flight that are looked at.
const MOST_ACTIVE: u32 = 1000;
/// Lines read at once.
const LINES: u32 = 1000;

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
        let mut known = HashMap::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = app.stop.canceled() => return,
            }
            {
                let mut listeners = self.lock();
                if listeners.count == 0 {
                    listeners.task = None;
                    return;
                }
            }
            if let Err(error) = self.look(&app, &mut known).await {
                tracing::debug!(%error, "runs of other processes cannot be told");
            }
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
        seen.retain(|_, run| run.owner != *me);
        for id in followed {
            if let Some(run) = seen.get(&id) {
                self.tell_inside(app, run).await?;
            }
        }
        for run in seen.values().filter(|run| known.get(&run.id) != Some(run)) {
            app.engine.bus().publish(Event::Run(Arc::new(run.clone())));
        }
        *known = seen;
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
