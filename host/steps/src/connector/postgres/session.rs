//! A session on PostgreSQL. Cursors are the server's own (`cursor`), so a session may write while it reads
//! and an abandoned cursor costs nothing.
//!
//! Which connection: a session opened for reading lives in one read-only transaction; inside `begin … commit`
//! everything shares the session's connection; otherwise statements commit one by one, and a cursor (which needs a
//! transaction) has a connection to itself, the session's own when that is free. Statements that cannot be declared
//! (`show`, `insert … returning`) are run at once and their rows kept, up to a limit.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::batch::Batch;
use host_model::connector::Dialect;
use host_model::port::{Access, SqlCursor, SqlSession};
use host_model::value::{Binds, Value};
use host_model::{CancelToken, StepError};
use sqlx::AssertSqlSafe;
use tokio::sync::Mutex;

use super::copy_in::{CopyBuffer, CopyColumns};
use super::cursor::{Ahead, PgCursor, Source, is_declarable, open_cursor};
use super::statement::{self, Ready};
use super::{Lease, PgServer, Trouble};
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::{scan, vet};

pub(crate) struct PgSession(Arc<Core>);

/// What a session and its cursors share.
pub(super) struct Core {
    server: Arc<PgServer>,
    pub(super) place: Place,
    access: Access,
    cancel: CancelToken,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Empty while a cursor has it, and before the first call.
    pub(super) lease: Option<Lease>,
    /// Between `begin` and `commit` or `rollback`.
    in_transaction: bool,
    next_cursor: u64,
    /// Grows with every end of a transaction, which is the end of its cursors.
    pub(super) epoch: u64,
}

/// Opens a session; the connection is made at once, so that an unreachable database shows here.
pub(crate) async fn open(
    server: Arc<PgServer>,
    place: Place,
    access: Access,
    cancel: &CancelToken,
) -> Result<PgSession, StepError> {
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

    /// The session's connection.
    pub(super) async fn ensure<'a>(&self, state: &'a mut State) -> Result<&'a mut Lease, StepError> {
        if state.lease.as_ref().is_some_and(|lease| !lease.stop.is_usable()) {
            state.lease = None;
            state.epoch += 1;
            if std::mem::take(&mut state.in_transaction) {
                return Err(self.place.transaction_lost());
            }
        }
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
    pub(super) async fn put_back(&self, lease: Lease) {
        let mut state = self.state.lock().await;
        if state.lease.is_none() && lease.stop.is_usable() {
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
                Some(_) => Source::Kept,
                None => Source::Shared { epoch: state.epoch },
            };
            let ahead = Ahead::new(opened.kept.unwrap_or_default());
            return Ok(Box::new(PgCursor::new(core, name, opened.decoder, source, ahead)));
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
                Ok(Box::new(PgCursor::new(core, name, opened.decoder, source, Ahead::default())))
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

    async fn insert_columns(&self, table: &str, columns: &[String], batch: Batch) -> Result<u64, StepError> {
        let core = &self.0;
        if core.access == Access::Read {
            return Err(vet::refused_write("insert", &core.place));
        }
        vet::width(&batch, table, columns, &core.place)?;
        let mut state = core.state.lock().await;
        let lease = core.ensure(&mut state).await?;
        insert(lease, table, columns, &batch).await
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

async fn insert(lease: &mut Lease, table: &str, columns: &[String], batch: &Batch) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let quoted = vet::quote_path(table);
    let work = async {
        let mut buffer = CopyBuffer::new(CopyColumns::describe(conn, &quoted, columns).await?);
        for row in 0..batch.rows() {
            buffer.begin_row();
            for (c, cell) in batch.row(row).map(Cell::from).enumerate() {
                if !buffer.cell(cell) {
                    let (column, kind) = buffer.columns().show(c);
                    let text = format!(
                        "row {} of the batch: `{}` does not fit the column `{column}` of type `{kind}`",
                        row + 1,
                        cell.show()
                    );
                    return Err(Trouble::Step(stop.place.definition(text)));
                }
            }
            buffer.end_row();
        }
        let columns = buffer.columns().clone();
        let mut copy = conn.copy_in_raw(&columns.statement(&quoted)).await?;
        copy.send(columns.header()).await?;
        copy.send(buffer.take(0)).await?;
        copy.send(columns.trailer()).await?;
        Ok(copy.finish().await?)
    };
    stop.guard(&format!("insert into {quoted}"), work).await
}
