//! The engine's handle: trigger, cancel, replace the jobs, health, shutdown. Cheap to clone; all clones are one engine.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use chrono_tz::Tz;
use host_model::event::Event;
use host_model::port::{CancelMark, Clock, Connectors, EnvReader, Secrets, Store, StoreError};
use host_model::{CancelToken, Instant, Job, JobId, RunId};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

use crate::bus::Bus;
use crate::dispatch::{self, DispatchError, FireRequest, Fired};
use crate::log_sink::LogSink;
use crate::patience::Patience;
use crate::recovery;
use crate::registry::Runners;
use crate::replay::{self, ReplayError, ReplayRequest};
use crate::run_ids::RunIds;
use crate::scheduler;
use crate::turn::Turns;

/// Every valid job by id; replaced whole on reload.
pub type Jobs = Arc<BTreeMap<JobId, Arc<Job>>>;

/// How often marks set by other processes are looked for, while a run is in flight.
const MARKS_EVERY: Duration = Duration::from_secs(1);
/// What a shutdown gives the store to take the last changes, once drain is over.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// What the tasks then get to notice that nobody waits any more.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// What an engine is built from.
pub struct EngineParts {
    /// Where runs are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who runs steps.
    pub runners: Runners,
    /// Named connectors for guests and callables.
    pub connectors: Arc<dyn Connectors>,
    /// Secrets for templates.
    pub secrets: Arc<dyn Secrets>,
    /// Environment variables for templates.
    pub env: EnvReader,
    /// The jobs known now.
    pub jobs: Jobs,
    /// This process in run rows.
    pub owner: String,
    /// Says whether the process behind an owner text lives.
    pub is_owner_alive: fn(&str) -> bool,
    /// Zone of date words for jobs without a schedule.
    pub default_zone: Tz,
    /// Runs at once; more wait in `QUEUED`.
    pub max_concurrent_runs: usize,
    /// Whether schedules fire here.
    pub scheduler_enabled: bool,
}

/// What the scheduler is doing, in the words of the seeds (administration, health checks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulerState {
    /// Schedules fire here.
    Active,
    /// They do not, on purpose.
    Standby,
    /// They should, and do not.
    Error,
}

impl SchedulerState {
    /// The spelling in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Error => "error",
        }
    }
}

/// A run in flight in this process.
pub(crate) struct Live {
    pub(crate) job_id: JobId,
    pub(crate) cancel: CancelToken,
}

/// What every part of the engine shares.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runners: Runners,
    pub(crate) connectors: Arc<dyn Connectors>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) env: EnvReader,
    pub(crate) owner: String,
    pub(crate) default_zone: Tz,
    pub(crate) bus: Arc<Bus>,
    pub(crate) sink: LogSink,
    pub(crate) patience: Patience,
    pub(crate) ids: RunIds,
    /// Room for runs at once.
    pub(crate) room: Semaphore,
    /// True once no new run may begin.
    pub(crate) door: tokio::sync::RwLock<bool>,
    /// Woken whenever a run ends.
    pub(crate) idle: Notify,
    /// Woken when the jobs were replaced.
    pub(crate) reloaded: Notify,
    /// Runs that wait for the run before them.
    pub(crate) turns: Turns,
    pub(crate) tasks: tokio::sync::Mutex<JoinSet<()>>,
    jobs: RwLock<Jobs>,
    live: Mutex<HashMap<RunId, Live>>,
    scheduler: AtomicU8,
}

impl Shared {
    pub(crate) fn jobs(&self) -> Jobs {
        self.jobs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, HashMap<RunId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_scheduler(&self, state: SchedulerState) {
        self.scheduler.store(state as u8, Ordering::Relaxed);
    }
}

/// A running engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    background: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Engine {
    /// Fails runs whose owner is gone, then starts the sink, the watcher for cancel marks and the scheduler.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: EngineParts) -> Result<Self, StoreError> {
        recovery::recover(&*parts.store, &*parts.clock, parts.is_owner_alive).await?;
        let ids = RunIds::new();
        let bus = Arc::new(Bus::new(ids.next(&*parts.clock).to_string()));
        let patience = Patience::default();
        let (sink, writer) = LogSink::start(parts.store.clone(), bus.clone(), patience.clone());
        let first = if parts.scheduler_enabled { SchedulerState::Active } else { SchedulerState::Standby };
        let shared = Arc::new(Shared {
            store: parts.store,
            clock: parts.clock,
            runners: parts.runners,
            connectors: parts.connectors,
            secrets: parts.secrets,
            env: parts.env,
            owner: parts.owner,
            default_zone: parts.default_zone,
            bus,
            sink,
            patience,
            ids,
            room: Semaphore::new(parts.max_concurrent_runs.max(1)),
            door: tokio::sync::RwLock::new(false),
            idle: Notify::new(),
            reloaded: Notify::new(),
            turns: Turns::default(),
            tasks: tokio::sync::Mutex::new(JoinSet::new()),
            jobs: RwLock::new(parts.jobs),
            live: Mutex::new(HashMap::new()),
            scheduler: AtomicU8::new(first as u8),
        });
        let mut background = vec![writer, tokio::spawn(watch_marks(shared.clone()))];
        if parts.scheduler_enabled {
            tracing::info!("scheduler: this process fires schedules");
            background.push(tokio::spawn(scheduler::supervise(shared.clone(), shared.clock.now())));
        } else {
            tracing::info!("scheduler: disabled here; manual runs still work");
        }
        Ok(Self { shared, background: Arc::new(Mutex::new(background)) })
    }

    /// Begins a run.
    ///
    /// # Errors
    /// [`DispatchError`] when none began.
    pub async fn fire(&self, request: FireRequest) -> Result<Fired, DispatchError> {
        // In a task of its own: a caller that goes away in the middle (a closed connection) must not leave a recorded
        // run that nobody runs.
        let shared = self.shared.clone();
        let work = tokio::spawn(async move { dispatch::fire(&shared, request).await });
        work.await.unwrap_or_else(|broken| Err(broken_off(&broken).into()))
    }

    /// Begins a run that repeats one that is over, see [`ReplayRequest`].
    ///
    /// # Errors
    /// [`ReplayError`] when none began.
    pub async fn replay(&self, request: ReplayRequest) -> Result<Fired, ReplayError> {
        let shared = self.shared.clone();
        // In a task of its own, as a fire.
        let work = tokio::spawn(async move { replay::replay(&shared, request).await });
        work.await.unwrap_or_else(|broken| Err(broken_off(&broken).into()))
    }

    /// Asks for a run to be cancelled, wherever it runs. `by` is the text of a trigger: `user:alice`.
    ///
    /// # Errors
    /// When the store cannot keep the mark.
    pub async fn cancel(&self, run: RunId, by: &str) -> Result<CancelMark, StoreError> {
        let mark = self.shared.store.request_cancel(run, by).await?;
        if mark == CancelMark::Marked {
            cancel_live(&self.shared, run, by);
        }
        Ok(mark)
    }

    /// The jobs known now.
    pub fn jobs(&self) -> Jobs {
        self.shared.jobs()
    }

    /// Replaces the jobs. Runs in flight keep theirs; schedules count from now.
    pub fn replace_jobs(&self, jobs: Jobs, problems: usize) {
        let count = jobs.len();
        *self.shared.jobs.write().unwrap_or_else(PoisonError::into_inner) = jobs;
        self.shared.reloaded.notify_one();
        self.shared.bus.publish(Event::Catalogue { jobs: count, problems });
    }

    /// Runs in flight in this process.
    pub fn active_runs(&self) -> Vec<(RunId, JobId)> {
        self.shared.live().iter().map(|(run, live)| (*run, live.job_id.clone())).collect()
    }

    /// When the job is next due, if its schedules fire at all.
    pub fn next_fire(&self, job: &Job) -> Option<Instant> {
        let now = self.shared.clock.now();
        let due = job.schedules.iter().filter(|s| s.enabled).filter_map(|s| s.spec.next_after(now)).min();
        due.filter(|_| job.enabled)
    }

    /// Events as they happen.
    pub fn bus(&self) -> &Bus {
        &self.shared.bus
    }

    /// Where runs are kept, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The engine's time.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// What the scheduler is doing.
    pub fn scheduler_state(&self) -> SchedulerState {
        match self.shared.scheduler.load(Ordering::Relaxed) {
            0 => SchedulerState::Active,
            1 => SchedulerState::Standby,
            _ => SchedulerState::Error,
        }
    }

    /// Stops: no new fires; runs in flight get `drain`, or until `hurry` is cancelled, then are cancelled and recorded as
    /// such; every log line is written before this returns. A store that does not answer holds it up for
    /// [`STORE_PATIENCE`] at most: what it could not take then is left for the recovery of the next start.
    pub async fn shutdown(&self, drain: Duration, hurry: &CancelToken) {
        let stopping = self.stop_runs(drain, hurry);
        tokio::pin!(stopping);
        let too_long = async {
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                () = hurry.canceled() => {}
            }
            tokio::time::sleep(STORE_PATIENCE).await;
        };
        let stopped = tokio::select! {
            () = &mut stopping => true,
            () = too_long => false,
        };
        if !stopped {
            tracing::error!("the store does not answer; the runs in flight are left for the next start");
            self.shared.patience.end();
            let _ = tokio::time::timeout(LAST_GRACE, stopping).await;
        }
        let background = std::mem::take(&mut *self.background.lock().unwrap_or_else(PoisonError::into_inner));
        background.iter().for_each(JoinHandle::abort);
    }

    async fn stop_runs(&self, drain: Duration, hurry: &CancelToken) {
        *self.shared.door.write().await = true;
        let idle = tokio::select! {
            () = self.wait_idle() => true,
            () = tokio::time::sleep(drain) => false,
            () = hurry.canceled() => false,
        };
        if !idle {
            let tokens: Vec<CancelToken> = self.shared.live().values().map(|l| l.cancel.clone()).collect();
            tracing::info!(runs = tokens.len(), "cancelling the runs that are still in flight");
            tokens.iter().for_each(|t| t.cancel("canceled by shutdown"));
            self.wait_idle().await;
        }
    }

    /// Returns once no run is in flight here. Every run ends by flushing its own log lines.
    pub async fn wait_idle(&self) {
        loop {
            let ended = self.shared.idle.notified();
            if self.shared.live().is_empty() {
                return;
            }
            ended.await;
        }
    }
}

fn broken_off(broken: &tokio::task::JoinError) -> StoreError {
    tracing::error!(error = %broken, "a dispatch panicked");
    StoreError::Unavailable { operation: "record a run", message: "the dispatch broke off".to_owned() }
}

fn cancel_live(shared: &Shared, run: RunId, by: &str) {
    if let Some(live) = shared.live().get(&run) {
        live.cancel.cancel(&format!("canceled by {by}"));
    }
}

/// Turns marks set through other processes into cancellations.
async fn watch_marks(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(MARKS_EVERY).await;
        while let Some(done) = shared.tasks.lock().await.try_join_next() {
            if let Err(error) = done {
                tracing::error!(%error, "a run's keeper ended badly");
            }
        }
        if !shared.live().is_empty() {
            hear_marks(&shared).await;
        }
    }
}

/// Cancels the runs of this process that carry a mark.
pub(crate) async fn hear_marks(shared: &Shared) {
    match shared.store.list_cancel_marks(&shared.owner).await {
        Ok(marks) => marks.iter().for_each(|(run, by)| cancel_live(shared, *run, by)),
        Err(error) => tracing::warn!(%error, "cancel marks could not be read"),
    }
}
