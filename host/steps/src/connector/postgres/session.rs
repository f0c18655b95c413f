//! A session on PostgreSQL. Cursors are the server's own (`DECLARE … FETCH`), so a session may write while it reads
//! and an abandoned cursor costs nothing.
//!
//! Which connection: a session opened for reading lives in one read-only transaction; inside `begin … commit`
//! everything shares the session's connection; otherwise statements commit one by one, and a cursor (which needs a
//! transaction) has a connection to itself, the session's own when that is free. Statements that cannot be declared
//! (`show`, `insert … returning`) are run at once and their rows kept, up to a limit.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::connector::Dialect;
use host_model::port::{Access, SqlCursor, SqlSession};
use host_model::value::{Binds, Column, Row, Value};
use host_model::{CancelToken, StepError};
use sqlx::AssertSqlSafe;
use tokio::sync::Mutex;

use super::copy_in::{CopyBuffer, CopyColumns};
use super::statement::{self, Decoder, Ready};
use super::{Lease, PgServer, Trouble};
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::{scan, vet};

/// Rows kept of a statement that no cursor can read.
const MOST_KEPT_ROWS: usize = 100_000;

pub(crate) struct PgSession(Arc<Core>);

struct Core {
    server: Arc<PgServer>,
    place: Place,
    access: Access,
    cancel: CancelToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Empty while a cursor has it, and before the first call.
    lease: Option<Lease>,
    /// Between `begin` and `commit` or `rollback`.
    in_transaction: bool,
    next_cursor: u64,
    /// Grows with every end of a transaction, which is the end of its cursors.
    epoch: u64,
}

/// Opens a session; the connection is made at once, so that an unreachable database shows here.
pub(crate) async fn open(server: Arc<PgServer>, place: Place, access: Access, cancel: &CancelToken) -> Result<PgSession, StepError> {
    let core = Core { server, place, access, cancel: cancel.clone(), state: Mutex::default() };
    let lease = core.lease().await?;
    core.state.lock().await.lease = Some(lease);
    Ok(PgSession(Arc::new(core)))
}

impl Core {
    async fn lease(&self) -> Result<Lease, StepError> {
        let mut lease = self.server.lease(&self.place, self.access, None, &self.cancel).await?;
        if self.access == Access::Read {
            lease.batch("begin read only").await?;
        }
        Ok(lease)
    }

    async fn ensure<'a>(&self, state: &'a mut State) -> Result<&'a mut Lease, StepError> {
        match &mut state.lease {
            Some(lease) => Ok(lease),
            empty => Ok(empty.insert(self.lease().await?)),
        }
    }

    /// After a failed statement: the transaction of a reading session cannot go on, so it begins anew.
    async fn recover(&self, state: &mut State) {
        if self.access == Access::Read
            && !self.cancel.is_canceled()
            && let Some(lease) = &mut state.lease
        {
            state.epoch += 1;
            // If this fails too, the next statement says so.
            let _ = lease.batch("rollback").await;
            let _ = lease.batch("begin read only").await;
        }
    }

    /// Puts a connection back, unless another one took its place meanwhile.
    async fn put_back(&self, lease: Lease) {
        let mut state = self.state.lock().await;
        if state.lease.is_none() {
            state.lease = Some(lease);
        } else {
            drop(state);
            lease.release().await;
        }
    }

    async fn control(&self, sql: &str, in_transaction: bool) -> Result<(), StepError> {
        let mut state = self.state.lock().await;
        let lease = self.ensure(&mut state).await?;
        if self.access == Access::Read {
            // It is in its transaction all the time; ending it gives a fresh one.
            if !in_transaction {
                lease.batch("rollback").await?;
                lease.batch("begin read only").await?;
            }
        } else {
            lease.batch(sql).await?;
        }
        state.in_transaction = in_transaction;
        state.epoch += 1;
        Ok(())
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(lease) = self.state.get_mut().lease.take() {
            lease.release_later();
        }
    }
}

#[async_trait]
impl SqlSession for PgSession {
    fn dialect(&self) -> &'static str {
        Dialect::Postgres.as_str()
    }

    async fn query(&self, sql: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        let core = &self.0;
        let statement = vet::single(sql, Dialect::Postgres, core.access, &core.place)?;
        let values = vet::values(&statement, &binds, &core.place)?;
        let mut state = core.state.lock().await;
        let name = format!("nomaflow_{}", state.next_cursor);
        state.next_cursor += 1;
        let shares = core.access == Access::Read || state.in_transaction;
        if shares || !is_declarable(&statement) {
            let lease = core.ensure(&mut state).await?;
            let opened = open_cursor(lease, &name, &statement, &values).await;
            if opened.is_err() && !state.in_transaction {
                core.recover(&mut state).await;
            }
            let opened = opened?;
            let source = match opened.kept {
                Some(rows) => Source::Kept(rows),
                None => Source::Shared { epoch: state.epoch },
            };
            return Ok(Box::new(PgCursor { core: Arc::clone(core), name, decoder: opened.decoder, source, is_done: false }));
        }
        let mut lease = match state.lease.take() {
            Some(lease) => lease,
            None => core.lease().await?,
        };
        drop(state);
        lease.batch("begin").await?;
        match open_cursor(&mut lease, &name, &statement, &values).await {
            Ok(opened) => {
                let source = Source::Own(Some(lease));
                Ok(Box::new(PgCursor { core: Arc::clone(core), name, decoder: opened.decoder, source, is_done: false }))
            }
            Err(error) => {
                if lease.batch("rollback").await.is_ok() {
                    core.put_back(lease).await;
                }
                Err(error)
            }
        }
    }

    async fn execute(&self, sql: &str, binds: Binds) -> Result<u64, StepError> {
        let core = &self.0;
        let statement = vet::single(sql, Dialect::Postgres, core.access, &core.place)?;
        let values = vet::values(&statement, &binds, &core.place)?;
        let mut state = core.state.lock().await;
        let lease = core.ensure(&mut state).await?;
        let result = execute(lease, &statement, &values).await;
        if result.is_err() && !state.in_transaction {
            core.recover(&mut state).await;
        }
        result
    }

    async fn insert_rows(&self, table: &str, columns: &[String], rows: Vec<Row>) -> Result<u64, StepError> {
        let core = &self.0;
        if core.access == Access::Read {
            return Err(vet::refused_write("insert", &core.place));
        }
        let mut state = core.state.lock().await;
        let lease = core.ensure(&mut state).await?;
        insert(lease, table, columns, &rows).await
    }

    async fn begin(&self) -> Result<(), StepError> {
        self.0.control("begin", true).await
    }

    async fn commit(&self) -> Result<(), StepError> {
        self.0.control("commit", false).await
    }

    async fn rollback(&self) -> Result<(), StepError> {
        self.0.control("rollback", false).await
    }
}

/// Whether `DECLARE CURSOR` takes the statement: a SELECT that changes nothing by a `with` part.
fn is_declarable(statement: &scan::Statement) -> bool {
    match statement.keyword() {
        "select" | "values" | "table" | "" => true,
        "with" => {
            let text = statement.render(|_| String::new()).to_ascii_lowercase();
            !text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| matches!(w, "insert" | "update" | "delete" | "merge"))
        }
        _ => false,
    }
}

struct Opened {
    decoder: Decoder,
    kept: Option<VecDeque<Row>>,
}

async fn open_cursor(lease: &mut Lease, name: &str, statement: &scan::Statement, values: &[Value]) -> Result<Opened, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let Ready { sql, args, decoder } = statement::prepare(conn, &stop, statement, values).await?;
        if is_declarable(statement) {
            let declare = format!("declare {name} no scroll cursor for {sql}");
            sqlx::query_with(AssertSqlSafe(declare), args).persistent(false).execute(conn).await?;
            return Ok(Opened { decoder, kept: None });
        }
        let mut kept = VecDeque::new();
        {
            let mut rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(conn);
            while let Some(row) = rows.try_next().await? {
                if kept.len() == MOST_KEPT_ROWS {
                    let text = format!("`{}` returns more than {MOST_KEPT_ROWS} rows; only a SELECT can return more", statement.keyword());
                    return Err(Trouble::Step(stop.place.definition(text)));
                }
                kept.push_back(decoder.row(&row, &stop)?);
            }
        }
        Ok(Opened { decoder, kept: Some(kept) })
    };
    stop.guard(statement.keyword(), work).await
}

async fn execute(lease: &mut Lease, statement: &scan::Statement, values: &[Value]) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async {
        let Ready { sql, args, .. } = statement::prepare(conn, &stop, statement, values).await?;
        let done = sqlx::query_with(AssertSqlSafe(sql), args).execute(&mut *conn).await?;
        if matches!(statement.keyword(), "create" | "alter" | "drop") {
            // Statements prepared before may mean another shape of the same table now.
            sqlx::Connection::clear_cached_statements(conn).await?;
        }
        // The server counts the rows of a SELECT in the same place.
        let reads = matches!(statement.keyword(), "select" | "values" | "table" | "show" | "explain" | "");
        Ok(if reads { 0 } else { done.rows_affected() })
    };
    stop.guard(&statement.render(|n| format!("${}", n + 1)), work).await
}

async fn insert(lease: &mut Lease, table: &str, columns: &[String], rows: &[Row]) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let quoted = vet::quote_path(table);
    let work = async {
        let mut buffer = CopyBuffer::new(CopyColumns::describe(conn, &quoted, columns).await?);
        for (n, row) in rows.iter().enumerate() {
            if row.len() != columns.len() {
                let text = format!("a row has {} cells for {} columns of `{table}`", row.len(), columns.len());
                return Err(Trouble::Step(stop.place.definition(text)));
            }
            buffer.begin_row();
            for (c, value) in row.iter().enumerate() {
                if !buffer.cell(Cell::from(value)) {
                    let (column, kind) = buffer.columns().show(c);
                    let shown = Cell::from(value).show();
                    let text = format!("row {} of the batch: `{shown}` does not fit the column `{column}` of type `{kind}`", n + 1);
                    return Err(Trouble::Step(stop.place.definition(text)));
                }
            }
            buffer.end_row();
        }
        let columns = buffer.columns().clone();
        let mut copy = conn.copy_in_raw(&columns.statement(&quoted)).await?;
        copy.send(columns.header()).await?;
        copy.send(buffer.take()).await?;
        copy.send(columns.trailer()).await?;
        Ok(copy.finish().await?)
    };
    stop.guard(&format!("insert into {quoted}"), work).await
}

struct PgCursor {
    core: Arc<Core>,
    name: String,
    decoder: Decoder,
    source: Source,
    is_done: bool,
}

enum Source {
    /// A cursor on the session's connection, gone when that transaction is.
    Shared { epoch: u64 },
    /// A cursor with a connection and a transaction to itself; empty once it has been read to the end.
    Own(Option<Lease>),
    /// Rows already here.
    Kept(VecDeque<Row>),
}

#[async_trait]
impl SqlCursor for PgCursor {
    fn columns(&self) -> &[Column] {
        &self.decoder.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        if self.is_done || max == 0 {
            return Ok(Vec::new());
        }
        let rows = match &mut self.source {
            Source::Kept(rows) => rows.drain(..max.min(rows.len())).collect(),
            Source::Own(Some(lease)) => fetch(lease, &self.name, &self.decoder, max).await?,
            Source::Own(None) => Vec::new(),
            Source::Shared { epoch } => {
                let mut state = self.core.state.lock().await;
                if state.epoch != *epoch {
                    return Err(self.core.place.definition("the cursor ended with its transaction"));
                }
                let lease = self.core.ensure(&mut state).await?;
                fetch(lease, &self.name, &self.decoder, max).await?
            }
        };
        self.is_done = rows.len() < max;
        if self.is_done
            && let Source::Own(own) = &mut self.source
            && let Some(mut lease) = own.take()
        {
            lease.batch("commit").await?;
            self.core.put_back(lease).await;
        }
        Ok(rows)
    }
}

async fn fetch(lease: &mut Lease, name: &str, decoder: &Decoder, max: usize) -> Result<Vec<Row>, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let sql = format!("fetch forward {max} from {name}");
    let work = async {
        let mut batch = Vec::new();
        let mut rows = sqlx::query(AssertSqlSafe(sql.as_str())).persistent(false).fetch(conn);
        while let Some(row) = rows.try_next().await? {
            batch.push(decoder.row(&row, &stop)?);
        }
        Ok(batch)
    };
    stop.guard(&sql, work).await
}

impl Drop for PgCursor {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        match &mut self.source {
            Source::Own(own) => {
                if let Some(mut lease) = own.take() {
                    // What a function called by the SELECT has written is kept, as it would be without a cursor.
                    runtime.spawn(async move {
                        if lease.batch("commit").await.is_ok() {
                            lease.release().await;
                        }
                    });
                }
            }
            Source::Shared { epoch } if !self.is_done => {
                let epoch = *epoch;
                let (core, name) = (Arc::clone(&self.core), std::mem::take(&mut self.name));
                // It would be closed with its transaction anyway; sooner frees the server's memory.
                runtime.spawn(async move {
                    let mut state = core.state.lock().await;
                    if state.epoch == epoch
                        && let Some(lease) = &mut state.lease
                    {
                        let _ = lease.batch(&format!("close {name}")).await;
                    }
                });
            }
            Source::Shared { .. } | Source::Kept(_) => {}
        }
    }
}
