//! The one task that writes to an SQLite file, and its group commit.
//!
//! SQLite has one writer at a time and a commit costs far more than a statement, so operations queue up and whatever waits
//! goes into one transaction: `BEGIN IMMEDIATE`, the operations, `COMMIT`, and only then the answers. Fires that come one
//! after the other are recorded together (`bundle`), those that take. An operation that fails
//! or asks to be undone disturbs nobody: the transaction is rolled back and begun again, with each operation inside its own
//! savepoint. That is rare, and a savepoint costs as much as a write: two trips to SQLite's thread and a copy of each page.
//! When the transaction itself fails (full disk, file locked by another process for too long) nothing was written and
//! everybody is told so.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::bundle;
use crate::error::DbError;
use crate::fires::RecordFire;
use crate::sql::Conn;
use crate::write::{Verdict, Write};

/// Operations in one transaction at most; keeps one commit within milliseconds.
pub(crate) const MAX_BATCH: usize = 256;
/// Operations waiting before callers are made to wait.
const QUEUE: usize = 1024;

const CLOSED: DbError = DbError::Closed("the store is closed");

/// The way to the writing task. Dropping it lets the task finish what it has and end.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Pending>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Gives `conn` to a new task. Must be called inside a runtime.
    pub(crate) fn start(conn: SqliteConnection) -> Self {
        let (queue, commands) = mpsc::channel(QUEUE);
        let task = tokio::spawn(serve(conn, commands));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
    }

    /// Queues an operation and waits until it is committed. Once queued it is carried out even when the caller goes.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, DbError> {
        let queue = self.queue().ok_or(CLOSED)?;
        let (reply, answer) = oneshot::channel();
        let request = Box::new(Request { write, reply, outcome: None });
        queue.send(request).await.map_err(|_| CLOSED)?;
        drop(queue);
        answer.await.map_err(|_| DbError::Closed("the store's writer has stopped"))?
    }

    /// Whether operations are still taken.
    pub(crate) fn is_open(&self) -> bool {
        self.queue().is_some_and(|queue| !queue.is_closed())
    }

    /// Waits until everything queued is committed and the connection is closed. A second call finds nothing to do.
    pub(crate) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer did not end well");
        }
    }

    fn queue(&self) -> Option<mpsc::Sender<Box<dyn Pending>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut conn: SqliteConnection, mut commands: mpsc::Receiver<Box<dyn Pending>>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while commands.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let failure = commit(&mut conn, &mut batch).await.err();
        if failure.is_some() {
            roll_back(&mut conn).await;
        }
        let why = failure.map(|error| error.to_string());
        for request in batch.drain(..) {
            request.answer(why.as_deref());
        }
    }
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "closing the store's writing connection");
    }
}

async fn commit(conn: &mut SqliteConnection, batch: &mut [Box<dyn Pending>]) -> Result<(), sqlx::Error> {
    if perform_all(conn, batch).await? {
        return run(conn, "commit").await;
    }
    roll_back(conn).await;
    if batch.len() == 1 {
        return Ok(());
    }
    run(conn, "begin immediate").await?;
    for request in batch {
        run(conn, "savepoint operation").await?;
        if let Work::Goes = request.perform(&mut Conn::Sqlite(conn)).await {
            run(conn, "rollback to operation").await?;
        }
        run(conn, "release operation").await?;
    }
    run(conn, "commit").await
}

/// False, and the rest not performed, as soon as the work of one has to go.
async fn perform_all(conn: &mut SqliteConnection, batch: &mut [Box<dyn Pending>]) -> Result<bool, sqlx::Error> {
    run(conn, "begin immediate").await?;
    for neighbors in batch.chunk_by_mut(|one, next| one.as_fire().is_some() && next.as_fire().is_some()) {
        if neighbors.len() > 1 && record_together(&mut Conn::Sqlite(conn), neighbors).await.is_err() {
            return Ok(false);
        }
        for request in neighbors.iter_mut().filter(|request| !request.is_done()) {
            if let Work::Goes = request.perform(&mut Conn::Sqlite(conn)).await {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Records those of `fires` that take together.
async fn record_together(conn: &mut Conn<'_>, fires: &mut [Box<dyn Pending>]) -> Result<(), DbError> {
    let bundle: Vec<&RecordFire> = fires.iter().filter_map(|request| request.as_fire()).collect();
    let recorded = bundle::record(conn, &bundle).await?;
    for request in fires {
        if request.as_fire().is_some_and(|fire| recorded.contains(&fire.new.id)) {
            request.recorded();
        }
    }
    Ok(())
}

/// Keeps the statement prepared.
async fn run(conn: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(conn).await.map(drop)
}

async fn roll_back(conn: &mut SqliteConnection) {
    // Fails when SQLite has rolled back by itself, as it does on a full disk; either way nothing is left open.
    let _ = run(conn, "rollback").await;
}

enum Work {
    Stays,
    Goes,
}

/// A queued operation, its type forgotten.
#[async_trait]
trait Pending: Send {
    async fn perform(&mut self, conn: &mut Conn<'_>) -> Work;
    /// The fire that may be recorded together with its neighbors.
    fn as_fire(&self) -> Option<&RecordFire>;
    /// That fire has been recorded.
    fn recorded(&mut self);
    /// Whether it was performed in this transaction.
    fn is_done(&self) -> bool;
    /// Tells the caller, after the commit or, with the reason, after its failure.
    fn answer(self: Box<Self>, not_committed: Option<&str>);
}

struct Request<W: Write> {
    write: W,
    reply: oneshot::Sender<Result<W::Answer, DbError>>,
    outcome: Option<Result<W::Answer, DbError>>,
}

#[async_trait]
impl<W: Write> Pending for Request<W> {
    async fn perform(&mut self, conn: &mut Conn<'_>) -> Work {
        let (outcome, work) = match self.write.perform(conn).await {
            Ok(Verdict::Keep(answer)) => (Ok(answer), Work::Stays),
            Ok(Verdict::Undo(answer)) => (Ok(answer), Work::Goes),
            Err(error) => (Err(error), Work::Goes),
        };
        self.outcome = Some(outcome);
        work
    }

    fn as_fire(&self) -> Option<&RecordFire> {
        self.write.as_fire().map(|(fire, _)| fire)
    }

    fn recorded(&mut self) {
        self.outcome = self.write.as_fire().map(|(_, answer)| Ok(answer));
    }

    fn is_done(&self) -> bool {
        self.outcome.is_some()
    }

    fn answer(self: Box<Self>, not_committed: Option<&str>) {
        let answer = match (self.outcome, not_committed) {
            // Its own error says more than the transaction's, which may only follow from it.
            (Some(Err(error)), _) => Err(error),
            (_, Some(why)) => Err(DbError::NotCommitted(why.to_owned())),
            (Some(Ok(answer)), None) => Ok(answer),
            (None, None) => Err(DbError::Closed("the store's writer passed an operation over")),
        };
        // A caller that has gone does not want the answer.
        let _ = self.reply.send(answer);
    }
}
