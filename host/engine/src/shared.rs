//! What every part of the engine shares, and the state of the scheduler as the outside sees it.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use chrono_tz::Tz;
use futures_util::FutureExt;
use host_model::placement::Limits;
use host_model::port::{Clock, Connectors, EnvReader, Secrets, Store};
use host_model::replica::{COMMAND, Held, Presence};
use host_model::{CancelToken, Instant, JobId, Placement, Run, RunId};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

use crate::bus::Bus;
use crate::claim::Waiting;
use crate::engine::Jobs;
use crate::log_sink::LogSink;
use crate::patience::Patience;
use crate::presence::Pace;
use crate::registry::Runners;
use crate::run_ids::RunIds;
use crate::step_task::panic_text;

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

/// Slots dispatched at once: as many as the store commits at once. More wait, as they would for the store.
pub(crate) const TURNS: usize = 256;

/// Why the task of a run stops that another process has by now: it says and writes nothing more.
pub(crate) const GIVEN_AWAY: &str = "the run was given to another process";

/// Who has asked for the end of a run and when, once the process that runs it has read so.
pub(crate) type Asked = Arc<OnceLock<(String, Option<Instant>)>>;

/// A run in flight in this process.
pub(crate) struct Live {
    pub(crate) job_id: JobId,
    pub(crate) term: u32,
    pub(crate) cancel: CancelToken,
    pub(crate) asked: Asked,
}

/// What every part of the engine shares.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runners: Runners,
    pub(crate) connectors: Arc<dyn Connectors>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) env: EnvReader,
    pub(crate) presence: Presence,
    pub(crate) pace: Pace,
    pub(crate) limits: Limits,
    pub(crate) is_owner_alive: fn(&str) -> bool,
    pub(crate) default_zone: Tz,
    pub(crate) bus: Arc<Bus>,
    pub(crate) sink: LogSink,
    pub(crate) patience: Patience,
    pub(crate) ids: RunIds,
    /// Room for runs at once.
    pub(crate) room: Arc<Semaphore>,
    /// Turns at the store, given in the order in which they are asked for. Slots that are due take one each; whoever takes
    /// runs up asks for one too, and so comes after the slots that are due already.
    pub(crate) turns: Semaphore,
    /// Runs that wait to be taken up, as far as this process knows.
    pub(crate) waiting: Waiting,
    /// True once no new run may begin.
    pub(crate) door: tokio::sync::RwLock<bool>,
    /// Woken whenever a run ends.
    pub(crate) idle: Notify,
    /// Woken when the jobs were replaced.
    pub(crate) reloaded: Notify,
    /// Cancelled when the process stops: it asks for the lease no more.
    pub(crate) leaving: CancelToken,
    /// The lease, while this process has it.
    pub(crate) held: Mutex<Option<Held>>,
    pub(crate) tasks: tokio::sync::Mutex<JoinSet<()>>,
    pub(crate) jobs: RwLock<Jobs>,
    pub(crate) live: Mutex<HashMap<RunId, Live>>,
    /// Runs whose caller was told that they did not begin; should they be in the store, they are being cancelled.
    pub(crate) withdrawn: Mutex<HashSet<RunId>>,
    pub(crate) scheduler: AtomicU8,
    /// The part of the engine that broke first, and why; only a restart mends that.
    pub(crate) broken: OnceLock<String>,
    /// Whether another process may have given this one up, so that its runs may not be its own any more.
    pub(crate) is_in_doubt: AtomicBool,
}

impl Shared {
    /// This process in run rows.
    pub(crate) fn me(&self) -> &str {
        &self.presence.owner
    }

    pub(crate) fn jobs(&self) -> Jobs {
        self.jobs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, HashMap<RunId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task of `run` in this `term` has ended.
    pub(crate) fn remove_live(&self, run: RunId, term: u32) {
        let mut live = self.live();
        if live.get(&run).is_some_and(|live| live.term == term) {
            live.remove(&run);
        }
    }

    pub(crate) fn withdrawn(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Placements of runs that this process takes up.
    pub(crate) fn accepts(&self) -> Vec<String> {
        if self.presence.role == COMMAND {
            return vec![Placement::Here.of_run(self.me())];
        }
        Placement::accepted(self.me(), &self.presence.labels)
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the task of `run` know who asked for its end, as the row says; true the first time.
    pub(crate) fn mark_live(&self, run: &Run) -> bool {
        let Some(by) = run.cancel_requested_by.clone() else { return false };
        let live = self.live();
        let task = live.get(&run.id).filter(|live| live.term == run.term);
        task.is_some_and(|live| live.asked.set((by, run.cancel_requested_at)).is_ok())
    }

    /// Cancels a run of this process.
    pub(crate) fn cancel_live(&self, run: RunId, why: &str) {
        if let Some(live) = self.live().get(&run) {
            live.cancel.cancel(why);
        }
    }

    /// Runs a part of the engine that never ends by itself in a task of its own; should it panic, that is remembered.
    pub(crate) fn look_after(
        self: &Arc<Self>,
        part: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let shared = self.clone();
        tokio::spawn(async move {
            if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
                shared.break_down(format!("{part} broke: {}", panic_text(&*panic)));
            }
        })
    }

    /// Something has broken for good: health says `error`, with these words.
    pub(crate) fn break_down(&self, what: String) {
        tracing::error!(what, "this process needs a restart");
        // The first is the cause, more often than not.
        let _ = self.broken.set(what);
    }

    pub(crate) fn set_scheduler(&self, state: SchedulerState) {
        self.scheduler.store(state as u8, Ordering::Relaxed);
    }
}
