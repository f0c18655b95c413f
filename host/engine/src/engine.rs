//! The engine's handle: trigger, cancel, replace the jobs, health, shutdown. Cheap to clone; all clones are one engine.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use chrono_tz::Tz;
use host_model::event::Event;
use host_model::fire::Slot;
use host_model::hold::{self, Holds, LOOK_BACK};
use host_model::placement::Limits;
use host_model::port::{CancelMark, Clock, Connectors, EnvReader, Secrets, Store, StoreError};
use host_model::replica::Presence;
use host_model::{CancelToken, Instant, Job, JobId, RunId};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

use crate::bus::Bus;
use crate::call::CallRunner;
use crate::claim::{self, Waiting};
use crate::dispatch::{self, DispatchError, FireRequest, Fired};
use crate::lease;
use crate::log_sink::LogSink;
use crate::patience::Patience;
use crate::presence::{self, Pace};
use crate::registry::Runners;
use crate::replay::{self, ReplayError, ReplayRequest};
use crate::run_ids::RunIds;
use crate::shared::{SchedulerState, Shared, TURNS};

/// Every valid job by id; replaced whole on reload.
pub type Jobs = Arc<BTreeMap<JobId, Arc<Job>>>;

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
    /// This process as others know it.
    pub presence: Presence,
    /// How fast it gives and looks for signs of life.
    pub pace: Pace,
    /// False when the process behind an owner text is known to be dead, see [`crate::is_owner_alive`].
    pub is_owner_alive: fn(&str) -> bool,
    /// How many runs may use a connector or have a tag at once, over all processes.
    pub limits: Limits,
    /// Zone of date words for jobs without a schedule.
    pub default_zone: Tz,
}

/// A running engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    background: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Engine {
    /// Introduces the process to the others, deals with runs whose process is gone, and starts what works in the
    /// background: the sink, the signs of life, the taking up of runs and, if it is enabled, the scheduler.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: EngineParts) -> Result<Self, StoreError> {
        let ids = RunIds::new();
        let bus = Arc::new(Bus::new(ids.next(&*parts.clock).to_string()));
        let patience = Patience::default();
        let (sink, writer) = LogSink::new(parts.store.clone(), bus.clone(), patience.clone());
        let shared = Arc::new_cyclic(|me| Shared {
            store: parts.store,
            clock: parts.clock,
            runners: parts.runners.with("call_job", Arc::new(CallRunner::new(me.clone()))),
            connectors: parts.connectors,
            secrets: parts.secrets,
            env: parts.env,
            room: Arc::new(Semaphore::new(parts.presence.room.max(1) as usize)),
            turns: Semaphore::new(TURNS),
            waiting: Waiting::default(),
            leaving: CancelToken::new(),
            held: Mutex::new(None),
            presence: parts.presence,
            pace: parts.pace,
            limits: parts.limits,
            is_owner_alive: parts.is_owner_alive,
            default_zone: parts.default_zone,
            bus,
            sink,
            patience,
            ids,
            door: tokio::sync::RwLock::new(false),
            idle: Notify::new(),
            reloaded: Notify::new(),
            tasks: tokio::sync::Mutex::new(JoinSet::new()),
            jobs: RwLock::new(parts.jobs),
            live: Mutex::new(HashMap::new()),
            withdrawn: Mutex::new(HashSet::new()),
            scheduler: AtomicU8::new(SchedulerState::Standby as u8),
            broken: OnceLock::new(),
            is_in_doubt: AtomicBool::new(false),
        });
        let start = shared.clock.now();
        let others = presence::introduce(&shared).await?;
        let mut background = vec![
            shared.look_after("the writer of run logs", writer),
            shared.look_after("giving signs of life", presence::keep(shared.clone())),
            shared.look_after("watching the other processes", presence::keep_watching(shared.clone(), others)),
            shared.look_after("taking up runs that wait", claim::keep_taking(shared.clone())),
            shared.look_after("looking for runs to be canceled", claim::watch_marks(shared.clone())),
        ];
        if shared.presence.scheduler_enabled {
            background.push(shared.look_after("the scheduler", lease::compete(shared.clone(), start)));
        } else {
            tracing::info!(
                "scheduler: running scheduler-disabled · scheduler_enabled is false, manual runs still work"
            );
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
        claim::request_cancel(&self.shared, run, by).await
    }

    /// An id for a run that is not recorded yet, for whoever has to know it before. No other run gets it.
    pub fn next_run_id(&self) -> RunId {
        self.shared.ids.next(&*self.shared.clock)
    }

    /// The jobs known now.
    pub fn jobs(&self) -> Jobs {
        self.shared.jobs()
    }

    /// Replaces the jobs. Runs in flight keep theirs; schedules count from now.
    pub fn replace_jobs(&self, jobs: Jobs, problems: usize) {
        let now = jobs.clone();
        let before = std::mem::replace(&mut *self.shared.jobs.write().unwrap_or_else(PoisonError::into_inner), jobs);
        self.shared.reloaded.notify_one();
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for (id, job) in now.iter() {
            match before.get(id) {
                None => added.push(id.clone()),
                Some(old) if old != job => changed.push(id.clone()),
                Some(_) => {}
            }
        }
        let removed = before.keys().filter(|id| !now.contains_key(*id)).cloned().collect();
        self.shared.bus.publish(Event::Catalogue { jobs: now.len(), problems, added, changed, removed });
    }

    /// This process as others know it.
    pub fn presence(&self) -> &Presence {
        &self.shared.presence
    }

    /// When the job is next due, if its schedules fire at all.
    pub fn next_fire(&self, job: &Job, holds: &Holds) -> Option<Instant> {
        let now = self.shared.clock.now();
        let enabled = job.schedules.iter().filter(|s| s.enabled);
        enabled.filter_map(|s| holds.next_fires(job, s, now).next()).min().filter(|_| job.enabled)
    }

    /// What holds schedules back at the moment, or did not long ago.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn holds(&self) -> Result<Holds, StoreError> {
        self.shared.store.find_holds(self.now() - LOOK_BACK).await
    }

    /// Skips a slot that is not due yet. False when it was decided before.
    ///
    /// # Errors
    /// When the store cannot record it.
    pub async fn skip_once(&self, slot: Slot, by: &str) -> Result<bool, StoreError> {
        let record = hold::skip_once(slot, by, self.now());
        let is_new = self.shared.store.record_slot(&record).await?;
        if is_new {
            let job_id = record.slot.job_id.clone();
            self.shared.bus.publish(Event::Slots { job_id, count: 1, latest: Arc::new(record) });
        }
        Ok(is_new)
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

    /// What broke in this process, in words. It goes on with the rest of its work until it is restarted.
    pub fn breakdown(&self) -> Option<&str> {
        self.shared.broken.get().map(String::as_str)
    }

    /// What the scheduler is doing. An engine of which a part broke says `error`, whoever fires schedules.
    pub fn scheduler_state(&self) -> SchedulerState {
        if self.breakdown().is_some() {
            return SchedulerState::Error;
        }
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
        // No sign of life any more: whoever comes next need not wait to be sure.
        for task in background {
            let _ = task.await;
        }
        let farewell = self.shared.store.forget_replica(self.shared.me(), None);
        if !matches!(tokio::time::timeout(LAST_GRACE, farewell).await, Ok(Ok(_))) {
            tracing::warn!("the store does not answer; the others will find out that this process is gone");
        }
    }

    /// Stops what works in the background, and tells nobody; with a store that is away for it, it is as good as killed.
    #[cfg(test)]
    pub(crate) fn vanish(self) {
        self.background.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(JoinHandle::abort);
    }

    async fn stop_runs(&self, drain: Duration, hurry: &CancelToken) {
        *self.shared.door.write().await = true;
        // A standby may take over while the last runs end here.
        self.shared.leaving.cancel("the process stops");
        lease::release(&self.shared).await;
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

    /// Returns once no run is in flight here; runs that wait to be taken up do not count. Every run ends by flushing its
    /// own log lines.
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
