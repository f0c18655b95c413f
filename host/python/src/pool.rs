//! Warm workers: started when first needed, at most so many at once, one step each at a time. A worker given back is
//! kept for the next step that wants the same environment; one that is not given back is killed, which is also what
//! happens when the future of a step is dropped.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits;
use crate::process::{Environment, StartError, Worker};

/// The workers of one runner.
pub(crate) struct Pool {
    program: PathBuf,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Worker>>,
    recycle: Recycle,
}

/// When a worker that did nothing wrong is replaced all the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recycle {
    /// Steps it has run.
    pub(crate) steps: u32,
    /// Bytes of memory it holds after a step.
    pub(crate) memory: u64,
}

/// The right to run one step, until it is dropped. `None` cannot happen: nobody closes the semaphore.
pub(crate) struct Place(
    #[expect(dead_code, reason = "held, not read: dropping it frees the place")] Option<OwnedSemaphorePermit>,
);

impl Pool {
    pub(crate) fn new(program: PathBuf, max_workers: usize, recycle: Recycle) -> Self {
        let places = Arc::new(Semaphore::new(max_workers.max(1)));
        Self { program, places, idle: Mutex::default(), recycle }
    }

    /// Waits for a place.
    pub(crate) async fn place(&self) -> Place {
        Place(Arc::clone(&self.places).acquire_owned().await.ok())
    }

    /// A worker for the holder of a place: a warm one that fits, else a new one.
    pub(crate) async fn worker(&self, _place: &Place, environment: &Arc<Environment>) -> Result<Worker, StartError> {
        while let Some(mut worker) = self.take(environment) {
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        Worker::start(&self.program, Arc::clone(environment)).await
    }

    /// The warm worker that was used last and fits. When none fits, the one unused longest makes room for a new one.
    fn take(&self, environment: &Arc<Environment>) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.iter().rposition(|worker| worker.environment == *environment) {
            Some(fits) => Some(idle.remove(fits)),
            None => {
                // As many workers as places at most: who holds a place without a worker may have to free one.
                if idle.len() > self.places.available_permits() {
                    idle.remove(0);
                }
                None
            }
        }
    }

    /// Keeps a worker that its step has left clean.
    pub(crate) fn give_back(&self, worker: Worker) {
        let is_light = || worker.handle().pid().is_some_and(|pid| limits::resident(pid) <= self.recycle.memory);
        if worker.steps < self.recycle.steps && is_light() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }
}
