//! What a pool declares, in the form every kind of database uses it: who may have a connection, how long he waits for one,
//! and how long its statements may run. How a connection is made is not here (`dial`).
//!
//! Invariant: a permit is one connection of the pool, from before it is made until it is really gone.

use std::sync::Arc;
use std::time::Duration;

use host_model::connector::Pool;
use host_model::port::Access;
use host_model::{CancelToken, StepError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::{Place, canceled};
use super::gauge::Queue;

/// Beyond the time a step has, so that the step's own message is the one people read.
const GRACE: Duration = Duration::from_secs(10);

/// The terms of one pool.
pub(crate) struct Terms {
    /// Nothing is written through it.
    pub(crate) is_read_only: bool,
    pub(crate) trims_strings: bool,
    pub(crate) coalesces_nulls: bool,
    /// `acquire_timeout_seconds`: for a free connection, and once more for making one.
    pub(crate) wait: Duration,
    /// `statement_timeout_seconds`.
    pub(crate) statement_timeout: Option<Duration>,
    /// Those who wait for a free connection.
    pub(crate) queue: Queue,
    size: u32,
    permits: Arc<Semaphore>,
}

impl Terms {
    pub(crate) fn of(pool: &Pool) -> Self {
        Self {
            is_read_only: pool.read_only,
            trims_strings: pool.trim_strings,
            coalesces_nulls: pool.coalesce_nulls,
            wait: Duration::from_secs(u64::from(pool.acquire_timeout_seconds)),
            statement_timeout: pool.statement_timeout_seconds.map(|s| Duration::from_secs(u64::from(s))),
            queue: Queue::default(),
            size: pool.pool_size,
            permits: Arc::new(Semaphore::new(pool.pool_size.max(1) as usize)),
        }
    }

    /// Connections that nobody has.
    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Connections that somebody has.
    pub(crate) fn in_use(&self) -> u32 {
        let free = u32::try_from(self.free()).unwrap_or(u32::MAX);
        self.size.max(1).saturating_sub(free)
    }

    /// Lends no more connections.
    pub(crate) fn close(&self) {
        self.permits.close();
    }

    /// Whether [`Terms::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// A place in the pool.
    ///
    /// # Errors
    /// `denied` for writing where only reading is declared, `remote` when there is none free in time.
    pub(crate) async fn acquire(
        &self,
        place: &Place,
        access: Access,
        cancel: &CancelToken,
    ) -> Result<OwnedSemaphorePermit, StepError> {
        if access == Access::ReadWrite && self.is_read_only {
            return Err(place.denied("is declared `read_only`, so nothing can be written through it"));
        }
        tokio::select! {
            permit = self.queue.turn(&self.permits, self.wait) => {
                permit.ok_or_else(|| place.exhausted(self.size, self.wait))
            }
            () = cancel.canceled() => Err(canceled(cancel)),
        }
    }

    /// Longest a statement may run on the server. `longest` is the time the step itself is allowed, if that is known.
    pub(crate) fn limit(&self, longest: Option<Duration>) -> Option<Duration> {
        let of_step = longest.map(|longest| longest.saturating_add(GRACE));
        of_step.into_iter().chain(self.statement_timeout).min()
    }
}
