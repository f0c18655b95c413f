//! A session on SQLite: one connection on one blocking thread that answers the calls of its session in turn.
//!
//! Cursors are open statements of that connection, so a session may write while it reads. A statement borrows its
//! connection, so an open cursor is a frame on the thread's stack that goes on answering calls; a call for a cursor
//! further down is passed down frame by frame. The thread ends with its session and cursors; an open transaction is
//! then rolled back by closing the connection.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::batch::{Batch, BatchLimit};
use host_model::connector::Dialect;
use host_model::port::{Access, SqlCursor, SqlSession};
use host_model::value::{Binds, Column};
use host_model::{CancelToken, StepError};
use rusqlite::Rows;
use rusqlite::types::ToSqlOutput;
use tokio::sync::{mpsc, oneshot};

use super::value::{Declared, bound, to_cell};
use super::{Link, SqliteFile, Use};
use crate::connector::fault::{Place, canceled};
use crate::connector::vet;

type Reply<T> = oneshot::Sender<Result<T, StepError>>;

enum Call {
    Query(String, Binds, Reply<Opened>),
    Fetch(u64, BatchLimit, Reply<Fetched>),
    Close(u64),
    Execute(String, Binds, Reply<u64>),
    Insert(String, Vec<String>, Batch, Reply<u64>),
    /// `BEGIN IMMEDIATE`, `COMMIT` or `ROLLBACK`.
    Control(&'static str, Reply<()>),
}

struct Opened {
    id: u64,
    columns: Vec<Column>,
}

#[derive(Default)]
struct Fetched {
    batch: Batch,
    /// Whether there are no rows after these.
    is_end: bool,
}

pub(crate) struct SqliteSession {
    calls: mpsc::Sender<Call>,
    access: Access,
    place: Place,
    cancel: CancelToken,
}

struct SqliteCursor {
    calls: mpsc::Sender<Call>,
    opened: Opened,
    place: Place,
    cancel: CancelToken,
    is_done: bool,
}

/// Opens a session; fails when the database does.
pub(crate) async fn open(
    file: Arc<SqliteFile>,
    place: Place,
    access: Access,
    cancel: &CancelToken,
) -> Result<SqliteSession, StepError> {
    let (calls, inbox) = mpsc::channel(4);
    let (ready, is_ready) = oneshot::channel();
    let (at, token) = (place.clone(), cancel.clone());
    let mut thread = Thread { inbox, access, next_id: 0 };
    // The task ends when session and cursors are gone, or when the step is cancelled.
    let served = tokio::spawn(async move {
        file.work(&at, Use::Session(access), &token, move |link| {
            // Nobody listens only if the session was dropped while it opened.
            let _ = ready.send(());
            thread.serve(link, &mut Bottom);
            Ok(())
        })
        .await
    });
    if is_ready.await.is_ok() {
        return Ok(SqliteSession { calls, access, place, cancel: cancel.clone() });
    }
    match served.await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) | Err(_) => Err(gone(&place, cancel)),
    }
}

async fn ask<T>(
    calls: &mpsc::Sender<Call>,
    place: &Place,
    cancel: &CancelToken,
    call: impl FnOnce(Reply<T>) -> Call,
) -> Result<T, StepError> {
    let (reply, answer) = oneshot::channel();
    if calls.send(call(reply)).await.is_err() {
        return Err(gone(place, cancel));
    }
    answer.await.unwrap_or_else(|_| Err(gone(place, cancel)))
}

fn gone(place: &Place, cancel: &CancelToken) -> StepError {
    if cancel.is_canceled() { canceled(cancel) } else { place.unreachable("the session has ended") }
}

#[async_trait]
impl SqlSession for SqliteSession {
    fn dialect(&self) -> &'static str {
        Dialect::Sqlite.as_str()
    }

    async fn query(&self, statement: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        let opened =
            ask(&self.calls, &self.place, &self.cancel, |reply| Call::Query(statement.to_owned(), binds, reply))
                .await?;
        Ok(Box::new(SqliteCursor {
            calls: self.calls.clone(),
            opened,
            place: self.place.clone(),
            cancel: self.cancel.clone(),
            is_done: false,
        }))
    }

    async fn execute(&self, statement: &str, binds: Binds) -> Result<u64, StepError> {
        ask(&self.calls, &self.place, &self.cancel, |reply| Call::Execute(statement.to_owned(), binds, reply)).await
    }

    async fn insert_columns(&self, table: &str, columns: &[String], batch: Batch) -> Result<u64, StepError> {
        if self.access == Access::Read {
            return Err(vet::refused_write("insert", &self.place));
        }
        vet::width(&batch, table, columns, &self.place)?;
        let (table, columns) = (table.to_owned(), columns.to_vec());
        ask(&self.calls, &self.place, &self.cancel, |reply| Call::Insert(table, columns, batch, reply)).await
    }

    async fn begin(&self) -> Result<(), StepError> {
        // Taking the write lock at once: a transaction that reads first and writes later cannot wait for it.
        let sql = if self.access == Access::Read { "BEGIN" } else { "BEGIN IMMEDIATE" };
        ask(&self.calls, &self.place, &self.cancel, |reply| Call::Control(sql, reply)).await
    }

    async fn commit(&self) -> Result<(), StepError> {
        ask(&self.calls, &self.place, &self.cancel, |reply| Call::Control("COMMIT", reply)).await
    }

    async fn rollback(&self) -> Result<(), StepError> {
        ask(&self.calls, &self.place, &self.cancel, |reply| Call::Control("ROLLBACK", reply)).await
    }
}

#[async_trait]
impl SqlCursor for SqliteCursor {
    fn columns(&self) -> &[Column] {
        &self.opened.columns
    }

    async fn next_columns(&mut self, limit: BatchLimit) -> Result<Batch, StepError> {
        if self.is_done || limit.rows == 0 {
            return Ok(Batch::new(self.opened.columns.len()));
        }
        let id = self.opened.id;
        let fetched = ask(&self.calls, &self.place, &self.cancel, |reply| Call::Fetch(id, limit, reply)).await?;
        self.is_done = fetched.is_end;
        Ok(fetched.batch)
    }
}

impl Drop for SqliteCursor {
    fn drop(&mut self) {
        let (calls, id) = (self.calls.clone(), self.opened.id);
        if let Err(mpsc::error::TrySendError::Full(call)) = calls.try_send(Call::Close(id)) {
            // The session is busy; the word reaches it when there is room. Without a runtime everything ends anyway.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { calls.send(call).await });
            }
        }
    }
}

struct Thread {
    inbox: mpsc::Receiver<Call>,
    access: Access,
    next_id: u64,
}

/// The cursors that are open further down on the stack.
trait Frames {
    fn fetch(&mut self, link: &Link, id: u64, limit: BatchLimit) -> Result<Fetched, StepError>;
    fn close(&mut self, id: u64);
    /// Whether the topmost frame has nothing left to do.
    fn is_over(&self) -> bool;
}

/// No cursor is open.
struct Bottom;

impl Frames for Bottom {
    fn fetch(&mut self, link: &Link, _: u64, _: BatchLimit) -> Result<Fetched, StepError> {
        Err(link.place().definition("the cursor is closed"))
    }
    fn close(&mut self, _: u64) {}
    fn is_over(&self) -> bool {
        false
    }
}

struct Frame<'a> {
    id: u64,
    /// Gone once the cursor is closed; the statement then holds no lock any more.
    rows: Option<Rows<'a>>,
    declared: &'a [Declared],
    sql: &'a str,
    /// For cells that have to be written first.
    scratch: String,
    below: &'a mut dyn Frames,
}

impl Frames for Frame<'_> {
    fn fetch(&mut self, link: &Link, id: u64, limit: BatchLimit) -> Result<Fetched, StepError> {
        if self.id != id {
            return self.below.fetch(link, id, limit);
        }
        let mut batch = Batch::new(self.declared.len());
        link.check()?;
        while !limit.is_reached(&batch) {
            let Some(rows) = &mut self.rows else { break };
            let Some(row) = rows.next().map_err(|e| link.fail(&e, self.sql))? else {
                // The end is the end of the read lock too.
                self.rows = None;
                break;
            };
            for (n, declared) in self.declared.iter().enumerate() {
                let cell = row.get_ref(n).map_err(|e| link.fail(&e, self.sql))?;
                batch.push(to_cell(cell, *declared, &mut self.scratch));
            }
        }
        Ok(Fetched { batch, is_end: self.rows.is_none() })
    }

    fn close(&mut self, id: u64) {
        if self.id == id { self.rows = None } else { self.below.close(id) }
    }

    fn is_over(&self) -> bool {
        self.rows.is_none()
    }
}

impl Thread {
    /// Answers calls until the topmost cursor is closed or nobody can call any more.
    fn serve(&mut self, link: &Link, frames: &mut dyn Frames) {
        while !frames.is_over() {
            let Some(call) = self.inbox.blocking_recv() else { return };
            // A reply nobody waits for is no loss: its caller is gone.
            match call {
                Call::Query(sql, binds, reply) => self.query(link, frames, &sql, &binds, reply),
                Call::Fetch(id, limit, reply) => drop(reply.send(frames.fetch(link, id, limit))),
                Call::Close(id) => frames.close(id),
                Call::Execute(sql, binds, reply) => drop(reply.send(self.execute(link, &sql, &binds))),
                Call::Insert(table, columns, batch, reply) => drop(reply.send(insert(link, &table, &columns, &batch))),
                Call::Control(sql, reply) => drop(reply.send(link.batch(sql))),
            }
        }
    }

    fn query(&mut self, link: &Link, below: &mut dyn Frames, sql: &str, binds: &Binds, reply: Reply<Opened>) {
        let prepared = vet::single(sql, Dialect::Sqlite, self.access, link.place()).and_then(|statement| {
            let values = vet::values(&statement, binds, link.place())?;
            let prepared = link.prepare(&statement, &values)?;
            if self.access == Access::Read && !prepared.readonly() {
                return Err(vet::refused_write(statement.keyword(), link.place()));
            }
            Ok(prepared)
        });
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let columns: Vec<Column> = prepared.columns().iter().map(column).collect();
        let declared: Vec<Declared> = columns.iter().map(|c| Declared::parse(Some(&c.kind))).collect();
        let id = self.next_id;
        self.next_id += 1;
        if reply.send(Ok(Opened { id, columns })).is_err() {
            return;
        }
        let mut frame =
            Frame { id, rows: Some(prepared.raw_query()), declared: &declared, sql, scratch: String::new(), below };
        self.serve(link, &mut frame);
    }

    fn execute(&self, link: &Link, sql: &str, binds: &Binds) -> Result<u64, StepError> {
        let statement = vet::single(sql, Dialect::Sqlite, self.access, link.place())?;
        let values = vet::values(&statement, binds, link.place())?;
        link.execute(&statement, &values)
    }
}

/// A column as it is shown.
pub(crate) fn column(column: &rusqlite::Column<'_>) -> Column {
    let kind = column.decl_type().map_or_else(|| "unknown".to_owned(), str::to_lowercase);
    Column { name: column.name().to_owned(), kind, nullable: true }
}

/// Rows a statement, so that a statement stays under SQLite's limit of bound values whatever the width.
const ROWS_PER_STATEMENT: usize = 20;
const MOST_BOUND_VALUES: usize = 30_000;

fn insert(link: &Link, table: &str, columns: &[String], batch: &Batch) -> Result<u64, StepError> {
    let is_alone = link.conn.is_autocommit();
    if is_alone {
        link.batch("BEGIN IMMEDIATE")?;
    }
    let inserted = insert_all(link, table, columns, batch);
    match (is_alone, inserted) {
        (true, Ok(count)) => link.batch("COMMIT").map(|()| count),
        (true, Err(error)) => {
            // Nothing to add when the rollback fails too: closing the connection rolls back.
            let _ = link.conn.execute_batch("ROLLBACK");
            Err(error)
        }
        (false, result) => result,
    }
}

fn insert_all(link: &Link, table: &str, columns: &[String], batch: &Batch) -> Result<u64, StepError> {
    let names = columns.iter().map(|c| vet::quote(c)).collect::<Vec<_>>().join(", ");
    let tuple = format!("({})", vec!["?"; columns.len()].join(", "));
    let most = (MOST_BOUND_VALUES / columns.len().max(1)).clamp(1, ROWS_PER_STATEMENT);
    let mut scratch = String::new();
    let (mut count, mut row) = (0, 0);
    while row < batch.rows() {
        link.check()?;
        let rows = row..batch.rows().min(row + most);
        row = rows.end;
        let sql =
            format!("INSERT INTO {} ({names}) VALUES {}", vet::quote_path(table), vec![&*tuple; rows.len()].join(", "));
        let mut prepared = link.conn.prepare_cached(&sql).map_err(|e| link.fail(&e, &sql))?;
        for (at, cell) in rows.flat_map(|row| batch.row(row)).enumerate() {
            // SQLite copies what is bound, so that the next cell may be written over it.
            let bound = ToSqlOutput::Borrowed(bound(cell, &mut scratch));
            prepared.raw_bind_parameter(at + 1, bound).map_err(|e| link.fail(&e, &sql))?;
        }
        count += prepared.raw_execute().map_err(|e| link.fail(&e, &sql))? as u64;
    }
    Ok(count)
}
