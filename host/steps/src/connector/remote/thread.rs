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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};

    use host_model::StepErrorKind;
    use host_model::connector::{Pool, PoolAddress};

    use super::*;
    use crate::connector::remote::Control;

    /// Lets the driver go on, and counts.
    struct Lever {
        pulls: Arc<AtomicU32>,
        driver: Mutex<Sender<()>>,
    }

    impl Brake for Lever {
        fn pull(&self) -> bool {
            self.pulls.fetch_add(1, Ordering::SeqCst);
            // A driver that has ended needs no brake.
            let _ = self.driver.lock().unwrap().send(());
            true
        }
    }

    struct Bench {
        terms: Terms,
        place: Place,
        cancel: CancelToken,
        pulls: Arc<AtomicU32>,
        /// Calls that have begun.
        begun: Arc<AtomicU32>,
    }

    impl Bench {
        fn new() -> Self {
            let address = PoolAddress::Sqlite { path: "none".into() };
            let pool = Pool { pool_size: 1, ..Pool::new("erp", address, host_model::job::SourcePlace::default()) };
            Self {
                terms: Terms::of(&pool),
                place: Place { connector: "erp".into(), label: "oracle://u@h:1521/s".into() },
                cancel: CancelToken::new(),
                pulls: Arc::default(),
                begun: Arc::default(),
            }
        }

        /// A connection to a driver whose every call blocks until the brake is pulled.
        async fn open(&self) -> Link {
            let (pulls, begun) = (Arc::clone(&self.pulls), Arc::clone(&self.begun));
            let serve = move |mut inbox: mpsc::Receiver<Call>, ready: Ready<Lever>| {
                let (sender, blocked) = channel();
                let lever = Lever { pulls: Arc::clone(&pulls), driver: Mutex::new(sender) };
                if ready.send(Ok(lever)).is_err() {
                    return;
                }
                while let Some(Call::Control(_, reply)) = inbox.blocking_recv() {
                    begun.fetch_add(1, Ordering::SeqCst);
                    let _ = blocked.recv();
                    let _ = reply.send(Ok(()));
                }
            };
            let (place, cancel) = (&self.place, &self.cancel);
            let opening = Opening { name: "test", marks: Marks::Named, place, access: Access::Read, cancel };
            open(&self.terms, opening, serve).await.unwrap()
        }

        async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
            for _ in 0..2_000 {
                if condition(self) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            panic!("waited in vain for: {what}");
        }
    }

    #[tokio::test]
    async fn a_call_is_stopped_by_a_cancel() {
        let bench = Bench::new();
        let link = bench.open().await;
        let cancel = async {
            bench.until("the call", |bench| bench.begun.load(Ordering::SeqCst) == 1).await;
            bench.cancel.cancel("enough");
        };
        let (done, ()) = tokio::join!(link.control(Control::Begin), cancel);
        assert_eq!(done.unwrap_err().kind, StepErrorKind::Canceled);
        assert!(bench.pulls.load(Ordering::SeqCst) > 0);
        drop(link);
        bench.until("the connection to come back", |bench| bench.terms.in_use() == 0).await;
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_is_stopped_too() {
        let bench = Bench::new();
        let link = bench.open().await;
        tokio::select! {
            _ = link.control(Control::Begin) => panic!("nobody has pulled the brake"),
            () = bench.until("the call", |bench| bench.begun.load(Ordering::SeqCst) == 1) => {}
        }
        assert_eq!((bench.pulls.load(Ordering::SeqCst), bench.terms.in_use()), (0, 1));
        drop(link);
        bench.until("the connection to come back", |bench| bench.terms.in_use() == 0).await;
        assert!(bench.pulls.load(Ordering::SeqCst) > 0);
    }

    #[tokio::test]
    async fn a_connection_that_is_let_go_of_in_peace_needs_no_brake() {
        let bench = Bench::new();
        drop(bench.open().await);
        bench.until("the connection to come back", |bench| bench.terms.in_use() == 0).await;
        assert_eq!(bench.pulls.load(Ordering::SeqCst), 0);
    }
}
