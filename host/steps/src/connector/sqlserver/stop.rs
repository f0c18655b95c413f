//! What ends a statement of SQL Server before its end: an error, a cancel, its time limit, a reader that has gone.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use host_model::CancelToken;
use tiberius::QueryStream;
use tokio::time::Instant;

use super::value;
use crate::connector::remote::{Output, Reply};

/// How long the rest of a half-read token may take to come.
const TO_NEXT_TOKEN: Duration = Duration::from_millis(100);

/// Why a statement did not run to its end.
pub(super) enum Stop {
    Error(tiberius::error::Error),
    Cell(value::CellError),
    Canceled,
    TooLong(Duration),
    /// Nobody wants its rows any more.
    Abandoned,
}

/// When a statement has to be over.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) until: Instant,
    pub(super) limit: Duration,
}

impl From<tiberius::error::Error> for Stop {
    fn from(error: tiberius::error::Error) -> Self {
        Self::Error(error)
    }
}

pub(super) async fn flush(output: &mut Output, cancel: &CancelToken) -> Result<bool, Stop> {
    tokio::select! {
        sent = output.flush() => Ok(sent),
        () = cancel.canceled() => Err(Stop::Canceled),
    }
}

/// Nobody reads any more: a result that is nearly over is read to its end, which leaves the connection as it should be.
/// Stops between two tokens.
pub(super) async fn drain(mut results: QueryStream<'_>, rows: u64) -> Result<u64, Stop> {
    let until = Instant::now() + TO_NEXT_TOKEN;
    while Instant::now() < until {
        match tokio::time::timeout(TO_NEXT_TOKEN, results.try_next()).await {
            Ok(item) if item.as_ref().is_ok_and(Option::is_none) => return Ok(rows),
            Ok(item) => drop(item?),
            Err(_) => break,
        }
    }
    Err(Stop::Abandoned)
}

/// Resolves when whoever asked has gone.
pub(super) async fn unwanted<T>(reply: &mut Option<Reply<T>>) {
    match reply {
        Some(reply) => reply.closed().await,
        None => std::future::pending().await,
    }
}

/// Waits for `work`, but no longer than it may take, the step lives and somebody wants the result.
pub(super) async fn stoppable<T>(
    work: impl Future<Output = Result<T, tiberius::error::Error>>,
    deadline: Option<Deadline>,
    cancel: &CancelToken,
    abandoned: impl Future<Output = ()>,
) -> Result<T, Stop> {
    let late = async {
        match deadline {
            Some(deadline) => {
                tokio::time::sleep_until(deadline.until).await;
                deadline.limit
            }
            None => std::future::pending().await,
        }
    };
    tokio::pin!(work);
    let stop = tokio::select! {
        biased;
        () = cancel.canceled() => Stop::Canceled,
        done = &mut work => return Ok(done?),
        limit = late => Stop::TooLong(limit),
        () = abandoned => Stop::Abandoned,
    };
    // The answer to an attention signal can only be found from the beginning of a token on.
    let _ = tokio::time::timeout(TO_NEXT_TOKEN, work).await;
    Err(stop)
}
