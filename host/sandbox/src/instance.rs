//! One call in one fresh store, on a thread of its own, watched until it ends.
//!
//! How a call ends. Three things are waited for at once: the guest, the call's cancel token, the deadline. When the
//! token or the deadline comes first, the guest is told (`context.canceled` turns true, calls that can fail fail with
//! `canceled`) and has a grace time to end by itself. Then `kill` is set:
//!
//! ```text
//!  guest computes   -> the epoch callback sees `kill` within a tick and traps, which gives a backtrace; the same
//!                      callback ends a guest that has used up its processor time
//!  guest is in host -> the epoch does not move it; after the patience its future is dropped, and the store with it
//! ```
//!
//! Guests do not run on the workers of the shared runtime: eight endless ones there stop its timers for half a second
//! (measured), on threads of their own for 11 ms. Host calls still use the shared runtime's drivers, by `Handle`.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host_model::CancelToken;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::state::CallState;
use crate::usage::thread_cpu_time;

/// What a guest gets to end by itself once it is asked to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// What a killed guest gets to trap, many ticks; then it waits in the host and is dropped.
const PATIENCE: Duration = Duration::from_millis(300);

/// Why a call was stopped from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The run is being stopped, with the reason given.
    Canceled(String),
    /// The deadline passed.
    Deadline,
}

/// What ends a call from outside.
pub(crate) struct Watch {
    /// The call's own token, a child of the attempt's: the deadline cancels it too.
    pub(crate) cancel: CancelToken,
    deadline: Instant,
    grace: Duration,
    kill: Arc<AtomicBool>,
}

impl Watch {
    /// A watch that begins now.
    pub(crate) fn new(cancel: CancelToken, allowed: Duration, grace: Duration) -> Self {
        // A timeout of many years would overflow the clock; a century is for ever.
        let allowed = allowed.min(Duration::from_secs(100 * 365 * 24 * 3600));
        Self { cancel, deadline: Instant::now() + allowed, grace, kill: Arc::default() }
    }
}

/// How a watched call ended.
pub(crate) struct Ending<T> {
    /// Set when it was asked to stop before it ended.
    pub(crate) stop: Option<Stop>,
    /// None when it had to be dropped while it waited in the host.
    pub(crate) result: Option<wasmtime::Result<T>>,
}

/// The error of a guest that the epoch callback ended.
#[derive(Debug, thiserror::Error)]
#[error("the host ended the call")]
pub(crate) struct Killed;

/// The error of a guest that has used up its processor time.
#[derive(Debug, thiserror::Error)]
#[error("the processor time of the call is used up")]
pub(crate) struct OutOfTime;

/// A store for one call, with its limits armed. The call must run on the present thread.
pub(crate) fn new_store(engine: &Engine, state: CallState, watch: &Watch) -> Store<CallState> {
    let limits = &state.call.grants.limits;
    let transfer = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let last_cpu_time = limits.cpu.map(|allowed| thread_cpu_time() + allowed);
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    // Bounds what one call can make the host allocate for its arguments.
    store.set_hostcall_fuel(transfer);
    store.set_epoch_deadline(1);
    let kill = Arc::clone(&watch.kill);
    store.epoch_deadline_callback(move |_| {
        if kill.load(Ordering::Relaxed) {
            return Err(Killed.into());
        }
        if last_cpu_time.is_some_and(|last| thread_cpu_time() > last) {
            return Err(OutOfTime.into());
        }
        // Giving way once per tick lets the watch look at its clock and its token.
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// Waits for the call, and ends it when it has to.
pub(crate) async fn supervise<T>(call: impl Future<Output = wasmtime::Result<T>>, watch: &Watch) -> Ending<T> {
    let mut call = pin!(call);
    let canceled = || watch.cancel.reason().map(|reason| Stop::Canceled(reason.to_owned()));
    let stop = tokio::select! {
        biased;
        // The guest may have learned of the cancel before this task did, and ended because of it.
        result = &mut call => return Ending { stop: canceled(), result: Some(result) },
        () = watch.cancel.canceled() => canceled(),
        () = sleep_until(watch.deadline) => Some(Stop::Deadline),
    };
    // Tells the guest and its database sessions; changes nothing when the token came first.
    watch.cancel.cancel("its time is up");
    let result = match timeout(watch.grace, &mut call).await {
        Ok(result) => Some(result),
        Err(_) => {
            watch.kill.store(true, Ordering::Relaxed);
            timeout(PATIENCE, &mut call).await.ok()
        }
    };
    Ending { stop, result }
}

/// Runs a future on a new thread, with the shared runtime's drivers.
///
/// # Errors
/// The reason, when the thread does not start or panics.
pub(crate) async fn run_on_thread<T: Send + 'static>(
    name: String,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = oneshot::channel();
    let handle = Handle::current();
    let future = future.in_current_span();
    std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            // Nobody listens when the attempt was abandoned.
            let _ = sender.send(handle.block_on(future));
        })
        .map_err(|error| format!("its thread does not start: {error}"))?;
    receiver.await.map_err(|_| "its thread panicked in the host".to_owned())
}

/// Cancels a token when it is dropped: a call whose attempt is abandoned ends too.
pub(crate) struct CancelOnDrop(pub(crate) CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel("the attempt was abandoned");
    }
}
