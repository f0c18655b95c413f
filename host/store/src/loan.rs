//! A connection of the PostgreSQL pool on loan, and the end of waiting for its answers.
//!
//! A connection can fall silent: a firewall forgets it, a cable is cut. Nobody is told, and the driver would wait for ever:
//! for an answer, and on the connection's way back into the pool, where it is asked whether it is well. So every answer is
//! waited for only until the operation has had its time.
//!
//! Invariant: a connection that owes an answer or is in a transaction never goes back; it is closed, at once and without a
//! word on it, also when whoever borrowed it is dropped half-way. The server then undoes what was not committed.

use std::io;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, Postgres};
use sqlx::{Connection, PgConnection};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::DbError;
use crate::sql::Conn;

/// What one operation may take once it has a connection, its commit included. The largest ones, a batch of pruning or a
/// thousand log lines, take a tenth of a second on a modest disk, so this leaves room for a server a hundred times slower.
/// Longer would be no kindness: a process that hears nothing for that long has lost its lease anyway.
pub(crate) const OPERATION: Duration = Duration::from_secs(15);
/// For the one question whether a connection is still there.
const PING: Duration = Duration::from_secs(3);

/// Waits for answers of one connection until a moment is reached.
#[derive(Debug)]
pub(crate) struct Watch {
    limit: Duration,
    until: Instant,
    owes_answer: bool,
}

impl Watch {
    /// The time begins now.
    pub(crate) fn lasting(limit: Duration) -> Self {
        Self { limit, until: Instant::now() + limit, owes_answer: false }
    }

    /// The connection cannot be used any more when the answer did not come, or when this is dropped before it came.
    pub(crate) async fn over<T>(
        &mut self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        self.owes_answer = true;
        let answer = timeout_at(self.until, answer).await.map_err(|_| silent(self.limit))?;
        self.owes_answer = false;
        answer
    }
}

fn silent(limit: Duration) -> sqlx::Error {
    let message = format!("no answer within {} s", limit.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// A connection for one operation.
#[derive(Debug)]
pub(crate) struct Loan {
    conn: PoolConnection<Postgres>,
    watch: Watch,
    in_transaction: bool,
}

impl Loan {
    /// Waits for a free connection as long as the pool says.
    pub(crate) async fn of(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let conn = pool.acquire().await?;
        Ok(Self { conn, watch: Watch::lasting(OPERATION), in_transaction: false })
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        Conn::Postgres(&mut self.conn, &mut self.watch)
    }

    pub(crate) async fn begin(&mut self) -> Result<(), DbError> {
        self.in_transaction = true;
        self.conn().script("begin").await
    }

    /// After an error nobody knows whether the transaction was committed.
    pub(crate) async fn commit(&mut self) -> Result<(), DbError> {
        self.end("commit").await
    }

    pub(crate) async fn roll_back(&mut self) -> Result<(), DbError> {
        self.end("rollback").await
    }

    async fn end(&mut self, statement: &'static str) -> Result<(), DbError> {
        if self.watch.owes_answer {
            return Err(silent(self.watch.limit).into());
        }
        self.conn().script(statement).await?;
        self.in_transaction = false;
        Ok(())
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // Takes the connection at once; dropped without being awaited it closes it and frees its place.
        let way_back = self.conn.return_to_pool();
        if self.watch.owes_answer || self.in_transaction {
            return;
        }
        // Nobody waits for this task: it ends within its limit, and the pool's end waits for the connection.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(PING, way_back));
        }
    }
}

/// Whether an idle connection is still there.
pub(crate) async fn is_alive(conn: &mut PgConnection) -> bool {
    let answer = timeout(PING, conn.ping()).await;
    if !matches!(answer, Ok(Ok(()))) {
        tracing::debug!(?answer, "an idle connection to the store is gone");
    }
    matches!(answer, Ok(Ok(())))
}
