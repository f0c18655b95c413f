//! What is known of one component file: what is in force, what was wrong with it, and who is at work on it. Callers wait
//! here; the work itself is done in a lane.
//!
//! Invariant: work that was begun is finished, whatever becomes of it, or those who wait would wait for ever.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::stamp::Stamp;
use crate::SandboxError;
use crate::inspect::Prepared;

/// One file.
#[derive(Default)]
pub(super) struct Place {
    state: Mutex<State>,
    news: Condvar,
}

/// See [`Place`].
#[derive(Default)]
pub(super) struct State {
    /// The last that was sound, until another is or the file turned out to be bad.
    pub(super) in_force: Option<(Stamp, Arc<Prepared>)>,
    /// The last that was not.
    pub(super) refused: Option<(Stamp, SandboxError)>,
    pub(super) at_work: Option<Work>,
}

/// Somebody prepares the file.
pub(super) struct Work {
    pub(super) begun: Instant,
    /// Somebody went on without it and wants to hear when it is done.
    pub(super) is_awaited: bool,
}

impl State {
    pub(super) fn prepared(&self) -> Option<Arc<Prepared>> {
        self.in_force.as_ref().map(|(_, prepared)| Arc::clone(prepared))
    }
}

impl Place {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for news, until `until` at the latest.
    pub(super) fn wait<'s>(&self, state: MutexGuard<'s, State>, until: Option<Instant>) -> MutexGuard<'s, State> {
        match until {
            None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.news.wait_timeout(state, left).map_or_else(|error| error.into_inner().0, |(state, _)| state)
            }
        }
    }
}

/// The duty to say what became of a piece of work.
pub(super) struct Duty {
    place: Arc<Place>,
    stamp: Stamp,
    compiled: Arc<Notify>,
    is_done: bool,
}

impl Duty {
    pub(super) fn new(place: Arc<Place>, stamp: Stamp, compiled: Arc<Notify>) -> Self {
        Self { place, stamp, compiled, is_done: false }
    }

    /// Says what became of it; nothing when the file changed meanwhile, so that nobody knows what was read.
    pub(super) fn done(mut self, path: &Path, outcome: Result<Arc<Prepared>, SandboxError>) {
        let is_settled = Stamp::read(path).is_ok_and(|now| now == self.stamp);
        self.finish(is_settled.then_some(outcome));
    }

    fn finish(&mut self, outcome: Option<Result<Arc<Prepared>, SandboxError>>) {
        self.is_done = true;
        let mut state = self.place.lock();
        match outcome {
            Some(Ok(prepared)) => (state.in_force, state.refused) = (Some((self.stamp, prepared)), None),
            Some(Err(error)) => state.refused = Some((self.stamp, error)),
            None => {}
        }
        let is_awaited = state.at_work.take().is_some_and(|work| work.is_awaited);
        drop(state);
        self.place.news.notify_all();
        if is_awaited {
            self.compiled.notify_one();
        }
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if !self.is_done {
            self.finish(Some(Err(SandboxError::Engine {
                message: "the host panicked while it prepared a component".to_owned(),
            })));
        }
    }
}
