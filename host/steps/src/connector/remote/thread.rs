//! Workers on threads of their own, for drivers whose calls block (Oracle, ODBC): not on threads of the runtime, because a
//! server that never answers would keep that from ending.
//!
//! Such a worker sees neither a cancel nor that nobody wants its answer while it is in a call. So each connection has a
//! [`Brake`], which works from any thread, and is watched: when the step is canceled or lets go of the connection, the brake
//! is pulled until the worker has ended. The permit is given back then, and not before.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use host_model::port::Access;
use host_model::{CancelToken, StepError};
use tokio::sync::{mpsc, oneshot};

use super::{Call, Link, Marks};
use crate::connector::dial::{Refusal, dial};
use crate::connector::fault::Place;
use crate::connector::terms::Terms;

/// What a worker that was let go of may take to end by itself: a rollback and a good-bye.
const GOOD_BYE: Duration = Duration::from_millis(200);
/// Between two pulls. A call that begins just behind the first one is caught by the next.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Stops the call that a worker is in, if it is in one.
pub(crate) trait Brake: Send + Sync + 'static {
    /// False where pulling again is of no use. Called from a thread of its own, so it may block.
    fn pull(&self) -> bool;
}

/// Where a worker tells that it is connected, or why not.
pub(crate) type Ready<B> = oneshot::Sender<Result<B, Refusal>>;

/// A connection to be.
pub(crate) struct Opening<'a> {
    /// Of the thread.
    pub(crate) name: &'static str,
    pub(crate) marks: Marks,
    pub(crate) place: &'a Place,
    pub(crate) access: Access,
    pub(crate) cancel: &'a CancelToken,
}

/// Runs `serve` on a thread of its own until it is [`Ready`].
///
/// # Errors
/// As [`Terms::acquire`] and [`dial`].
pub(crate) async fn open<B, S>(terms: &Terms, opening: Opening<'_>, serve: S) -> Result<Link, StepError>
where
    B: Brake,
    S: Fn(mpsc::Receiver<Call>, Ready<B>) + Clone + Send + Sync + 'static,
{
    let Opening { name, marks, place, access, cancel } = opening;
    let permit = terms.acquire(place, access, cancel).await?;
    // A try that is given up leaves a thread behind, for as long as its driver blocks; there is nothing to stop it by.
    let attempt = || async {
        let (link, inbox) = Link::new(marks, place, cancel);
        let (ready, is_ready) = oneshot::channel();
        // For whoever waits on a thread, and for whoever must not.
        let ((end, ended), (over, is_over)) = (channel(), oneshot::channel());
        let serve = serve.clone();
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let _ends: (Sender<()>, oneshot::Sender<()>) = (end, over);
            serve(inbox.calls, ready);
        });
        thread.map_err(|e| Refusal::plain(place.unreachable(e)))?;
        match is_ready.await {
            Ok(connected) => Ok((link, connected?, inbox.gone, (ended, is_over))),
            Err(_) => Err(Refusal::plain(place.unreachable("the driver broke while it connected"))),
        }
    };
    let (link, brake, gone, (ended, is_over)) = dial(terms.wait, place, cancel, attempt).await?;
    let (cancel, label) = (cancel.clone(), place.label.clone());
    // Ends with the connection, at the latest.
    tokio::spawn(async move {
        let grace = tokio::select! {
            _ = is_over => return drop(permit),
            () = cancel.canceled() => Duration::ZERO,
            _ = gone => GOOD_BYE,
        };
        let stopping = Builder::new().name(format!("{name}-stop")).spawn(move || {
            let _permit = permit;
            stop(&brake, &ended, grace);
        });
        if let Err(error) = stopping {
            tracing::warn!(label, error = %error, "a statement could not be canceled on the server");
        }
    });
    Ok(link)
}

/// Pulls the brake until the worker has ended.
fn stop(brake: &impl Brake, ended: &Receiver<()>, grace: Duration) {
    let (mut next, mut pause) = (grace, FIRST_PAUSE);
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(next) {
        if !brake.pull() {
            break;
        }
        (next, pause) = (pause, (pause * 2).min(LONGEST_PAUSE));
    }
    // Nothing is ever sent: this waits for the end.
    let _ = ended.recv();
}
