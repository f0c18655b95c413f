//! Stopping a statement on a server that is reached through sqlx. Dropping a future, or closing its socket, leaves the
//! statement running; so every connection in use knows its number on the server.
//!
//! The stop protocol ([`Stop::guard`]): on cancel a second connection asks the server to end the statement, we wait briefly
//! for that, and the connection is closed either way. The same, without waiting, where the work is dropped half-way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::{CancelToken, StepError};

use super::fault::{Place, Trouble, canceled};

/// How long a canceled statement may take to end, and a second connection to open.
pub(crate) const STOP_WITHIN: Duration = Duration::from_millis(700);

/// A server that ends a statement when another connection asks for it.
#[async_trait]
pub(crate) trait Stoppable: Send + Sync + 'static {
    /// Asks for the end of what connection `id` runs, within [`STOP_WITHIN`]. That it did not work is logged.
    async fn end_statement(&self, id: u64);

    /// What a failure of a statement that ran for `elapsed` means for the step.
    fn explain(&self, error: &sqlx::Error, sql: &str, elapsed: Duration, place: &Place) -> StepError;

    /// Whether the connection is of no more use after this failure.
    fn is_fatal(error: &sqlx::Error) -> bool;
}

/// What it takes to stop a connection's statement from outside.
pub(crate) struct Stop<S> {
    pub(crate) server: Arc<S>,
    /// Its number on the server.
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) cancel: CancelToken,
    is_broken: Arc<AtomicBool>,
}

impl<S> Clone for Stop<S> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            id: self.id,
            place: self.place.clone(),
            cancel: self.cancel.clone(),
            is_broken: Arc::clone(&self.is_broken),
        }
    }
}

impl<S: Stoppable> Stop<S> {
    pub(crate) fn new(server: &Arc<S>, id: u64, place: &Place, cancel: &CancelToken) -> Self {
        Self { server: Arc::clone(server), id, place: place.clone(), cancel: cancel.clone(), is_broken: Arc::default() }
    }

    /// Runs `work` on the connection this belongs to. On cancel the statement is ended on the server and the
    /// connection is not used again; the same when the returned future is dropped half-way.
    pub(crate) async fn guard<T>(
        &self,
        sql: &str,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, StepError> {
        if self.cancel.is_canceled() {
            return Err(canceled(&self.cancel));
        }
        let begun = Instant::now();
        let mut dropped = WhenDropped { stop: self, is_armed: true };
        tokio::pin!(work);
        let result = tokio::select! {
            result = &mut work => result,
            () = self.cancel.canceled() => {
                dropped.is_armed = false;
                self.end_statement().await;
                // Let the statement end; how it ended no longer matters (MySQL's SLEEP just returns 1).
                let _ = tokio::time::timeout(STOP_WITHIN, work).await;
                return Err(canceled(&self.cancel));
            }
        };
        dropped.is_armed = false;
        result.map_err(|trouble| match trouble {
            Trouble::Step(error) => error,
            Trouble::Sql(error) => {
                if S::is_fatal(&error) {
                    self.break_connection();
                }
                if self.cancel.is_canceled() {
                    canceled(&self.cancel)
                } else {
                    self.server.explain(&error, sql, begun.elapsed(), &self.place)
                }
            }
        })
    }

    /// Ends the running statement on the server and marks the connection as not to be used again.
    pub(crate) async fn end_statement(&self) {
        self.break_connection();
        self.server.end_statement(self.id).await;
    }

    /// Marks the connection as out of step with its server: it will be closed, never lent again.
    pub(crate) fn break_connection(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// Whether the connection is still in step with its server.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_broken.load(Ordering::Relaxed)
    }
}

struct WhenDropped<'a, S: Stoppable> {
    stop: &'a Stop<S>,
    is_armed: bool,
}

impl<S: Stoppable> Drop for WhenDropped<'_, S> {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        self.stop.break_connection();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (server, id) = (Arc::clone(&self.stop.server), self.stop.id);
            // Bounded by its own time limit.
            runtime.spawn(async move { server.end_statement(id).await });
        }
    }
}
