//! Whose turn it is among the runs of a job that wait for one another: the oldest first, one at a time. The store has the
//! last word when the run starts; here a run only sleeps until asking makes sense.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host_model::port::StoreError;
use host_model::{CancelToken, JobId, RunId};
use tokio::sync::Notify;

use crate::engine::Shared;

/// How often the store is asked while a run of another process is ahead: nobody rings for that one here.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// One bell for each job whose runs have waited.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<JobId, Arc<Notify>>>);

impl Turns {
    fn bell(&self, job: &JobId) -> Arc<Notify> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(job.clone()).or_default().clone()
    }

    /// A run of the job is over.
    pub(crate) fn ring(&self, job: &JobId) {
        if let Some(bell) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(job) {
            bell.notify_waiters();
        }
    }
}

/// Returns when nobody is ahead of `run`, or false once it is cancelled.
///
/// # Errors
/// When the store cannot be read for good.
pub(crate) async fn wait(shared: &Shared, job: &JobId, run: RunId, cancel: &CancelToken) -> Result<bool, StoreError> {
    let bell = shared.turns.bell(job);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        // From here on no ring is missed, whatever is found next.
        rung.as_mut().enable();
        if cancel.is_canceled() {
            return Ok(false);
        }
        let near = shared.live().iter().any(|(other, live)| *other < run && live.job_id == *job);
        if !near && shared.patience.until_stored(|| shared.store.find_run_ahead(run)).await?.is_none() {
            return Ok(true);
        }
        tokio::select! {
            () = cancel.canceled() => return Ok(false),
            () = &mut rung => {}
            () = tokio::time::sleep(ELSEWHERE), if !near => {}
        }
    }
}
