//! `nomaflow:step/sql`: sessions on granted connectors, and their cursors.
//!
//! A session has at most one open cursor. They know each other by handle: `Connection::open_cursor` is the handle of
//! the cursor whose `source` is this connection, and both sides are cleared together, so whichever the guest drops
//! first, nothing dangles. A session that is dropped, by the guest or with the store, rolls its transaction back.

use host_model::batch::{Batch, BatchLimit};
use host_model::port::{Access, SharedPool, SqlCursor, SqlSession};
use host_model::value::Column;
use host_model::{Objection, StepError, StepErrorKind};
use wasmtime::component::Resource;

use crate::bindings::nomaflow::step::sql::{Host, HostConnection, HostCursor};
use crate::bindings::nomaflow::step::types::{self, ColumnBatch, Error, RowBatch};
use crate::capability::{Answer, connector_error, host_error, rows};
use crate::grants::toml_key;
use crate::state::CallState;

/// Sessions a call may hold at once, and those on one pool: others wait for its connections.
const SESSIONS: usize = 8;
const POOL_SESSIONS: usize = 4;
/// Rows of a batch when the guest leaves it to the host, and the most it may ask for.
const USUAL_BATCH: u32 = 1_000;
const LARGEST_BATCH: u32 = 65_536;

/// An open session.
#[allow(unreachable_pub, reason = "the generated bindings re-export it, inside of this crate")]
pub struct Connection {
    name: String,
    /// What it counts against in `Call::sessions`.
    pool: String,
    access: Access,
    session: Box<dyn SqlSession>,
    open_cursor: Option<u32>,
}

/// A query that was begun.
#[allow(unreachable_pub, reason = "the generated bindings re-export it, inside of this crate")]
pub struct Cursor {
    columns: Vec<Column>,
    /// None at the end.
    source: Option<Source>,
}

struct Source {
    rows: Box<dyn SqlCursor>,
    connection: u32,
}

impl Host for CallState {}

impl HostConnection for CallState {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.open"))]
    async fn open(&mut self, name: String) -> Answer<Resource<Connection>> {
        if let Err(error) = self.begin_call() {
            return Ok(Err(error));
        }
        let Some(access) = self.call.grants.connectors.get(&name).copied() else {
            let what = format!("connector `{name}` is not granted");
            return Ok(Err(self.deny_connector(&what, &name, "read")));
        };
        let Some(connectors) = self.call.connectors.clone() else {
            return Ok(Err(host_error("denied", "there are no connectors here")));
        };
        let pool = connectors.find_pool(&name);
        if let Err(error) = self.check_sessions(&name, pool.as_ref()) {
            return Ok(Err(error));
        }
        let session = match connectors.open(&name, access, &self.call.cancel).await {
            Ok(session) => session,
            Err(error) => return Ok(Err(connector_error(error, "not-found", "unavailable"))),
        };
        let pool = pool.map_or_else(|| name.clone(), |pool| pool.name);
        *self.call.sessions.entry(pool.clone()).or_default() += 1;
        Ok(Ok(self.table.push(Connection { name, pool, access, session, open_cursor: None })?))
    }

    fn dialect(&mut self, connection: Resource<Connection>) -> wasmtime::Result<String> {
        self.call.usage.host_calls += 1;
        Ok(self.table.get(&connection)?.session.dialect().to_owned())
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.execute"))]
    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        binds: Vec<(String, types::Value)>,
    ) -> Answer<u64> {
        if let Err(error) = self.begin_write(&connection, "execute")? {
            return Ok(Err(error));
        }
        let session = &self.table.get(&connection)?.session;
        let result = session.execute(&statement, rows::binds_from_guest(binds)).await;
        self.count_rows_out(&connection, result)
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.query"))]
    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        binds: Vec<(String, types::Value)>,
    ) -> Answer<Resource<Cursor>> {
        if let Err(error) = self.begin_session_call(&connection)? {
            return Ok(Err(error));
        }
        let session = &self.table.get(&connection)?.session;
        let rows = match session.query(&statement, rows::binds_from_guest(binds)).await {
            Ok(rows) => rows,
            Err(error) => return self.fail(&connection, error),
        };
        let source = Source { connection: connection.rep(), rows };
        let cursor = self.table.push(Cursor { columns: source.rows.columns().to_vec(), source: Some(source) })?;
        self.table.get_mut(&connection)?.open_cursor = Some(cursor.rep());
        Ok(Ok(cursor))
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.insert"))]
    async fn insert_rows(
        &mut self,
        connection: Resource<Connection>,
        table: String,
        columns: Vec<String>,
        batch: RowBatch,
    ) -> Answer<u64> {
        if let Err(error) = self.begin_write(&connection, "insert")? {
            return Ok(Err(error));
        }
        match rows::from_row_batch(&batch, columns.len()) {
            Ok(batch) => self.insert(connection, &table, &columns, batch).await,
            Err(error) => Ok(Err(error)),
        }
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.insert"))]
    async fn insert_columns(
        &mut self,
        connection: Resource<Connection>,
        table: String,
        columns: Vec<String>,
        batch: ColumnBatch,
    ) -> Answer<u64> {
        if let Err(error) = self.begin_write(&connection, "insert")? {
            return Ok(Err(error));
        }
        match rows::from_column_batch(batch, columns.len(), self.call.grants.limits.memory_bytes) {
            Ok(batch) => self.insert(connection, &table, &columns, batch).await,
            Err(error) => Ok(Err(error)),
        }
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.begin"))]
    async fn begin(&mut self, connection: Resource<Connection>) -> Answer<()> {
        if let Err(error) = self.begin_session_call(&connection)? {
            return Ok(Err(error));
        }
        let result = self.table.get(&connection)?.session.begin().await;
        result.map_or_else(|error| self.fail(&connection, error), |()| Ok(Ok(())))
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.commit"))]
    async fn commit(&mut self, connection: Resource<Connection>) -> Answer<()> {
        if let Err(error) = self.begin_session_call(&connection)? {
            return Ok(Err(error));
        }
        let result = self.table.get(&connection)?.session.commit().await;
        result.map_or_else(|error| self.fail(&connection, error), |()| Ok(Ok(())))
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.rollback"))]
    async fn rollback(&mut self, connection: Resource<Connection>) -> Answer<()> {
        if let Err(error) = self.begin_session_call(&connection)? {
            return Ok(Err(error));
        }
        let result = self.table.get(&connection)?.session.rollback().await;
        result.map_or_else(|error| self.fail(&connection, error), |()| Ok(Ok(())))
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        let connection = self.table.delete(connection)?;
        if let Some(open) = self.call.sessions.get_mut(&connection.pool) {
            *open -= 1;
        }
        if let Some(cursor) = connection.open_cursor {
            self.table.get_mut(&Resource::<Cursor>::new_borrow(cursor))?.source = None;
        }
        Ok(())
    }
}

impl HostCursor for CallState {
    async fn columns(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<Vec<types::Column>> {
        self.call.usage.host_calls += 1;
        Ok(rows::columns_to_guest(&self.table.get(&cursor)?.columns))
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.fetch"))]
    async fn fetch(&mut self, cursor: Resource<Cursor>, max: u32) -> Answer<RowBatch> {
        let batch = self.fetch_batch(&cursor, max).await?;
        Ok(batch.map(|batch| rows::to_row_batch(&batch)))
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "sql.fetch"))]
    async fn fetch_columns(&mut self, cursor: Resource<Cursor>, max: u32) -> Answer<ColumnBatch> {
        let batch = self.fetch_batch(&cursor, max).await?;
        let columns = &self.table.get(&cursor)?.columns;
        Ok(batch.map(|batch| rows::to_column_batch(batch, columns)))
    }

    async fn drop(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<()> {
        self.close(&cursor)?;
        self.table.delete(cursor)?;
        Ok(())
    }
}

impl CallState {
    /// Whether one more session may be opened. A call never gets the last connection of a pool (unless there is only
    /// one), so that no plugin can keep everybody else from a database.
    fn check_sessions(&self, name: &str, pool: Option<&SharedPool>) -> Result<(), Error> {
        let open: usize = self.call.sessions.values().sum();
        if open >= SESSIONS {
            let message = format!("{open} connections are open already, a plugin may have {SESSIONS} at once");
            return Err(host_error("limit", message));
        }
        let Some(SharedPool { name: pool, connections }) = pool else { return Ok(()) };
        let most = (*connections as usize).saturating_sub(1).clamp(1, POOL_SESSIONS);
        let open = self.call.sessions.get(pool).copied().unwrap_or(0);
        if open < most {
            return Ok(());
        }
        let message = format!(
            "connector `{name}`: {open} connections to the pool `{pool}` are open already, of its {connections} a plugin \
             may have {most} at once"
        );
        Err(host_error("limit", message))
    }

    /// Begins a call of a session, which must have no open cursor.
    fn begin_session_call(&mut self, connection: &Resource<Connection>) -> Answer<()> {
        if let Err(error) = self.begin_call() {
            return Ok(Err(error));
        }
        let connection = self.table.get(connection)?;
        Ok(match connection.open_cursor {
            None => Ok(()),
            Some(_) => {
                let message = format!("a cursor of the connection `{}` is still open", connection.name);
                Err(host_error("busy", message))
            }
        })
    }

    /// The same for a call that needs the right to write.
    fn begin_write(&mut self, connection: &Resource<Connection>, call: &str) -> Answer<()> {
        if let Err(error) = self.begin_session_call(connection)? {
            return Ok(Err(error));
        }
        let connection = self.table.get(connection)?;
        if connection.access == Access::ReadWrite {
            return Ok(Ok(()));
        }
        let name = connection.name.clone();
        Ok(Err(self.deny_connector(
            &format!("connector `{name}` is granted for reading, `{call}` writes"),
            &name,
            "read-write",
        )))
    }

    fn deny_connector(&mut self, what: &str, connector: &str, access: &str) -> Error {
        self.deny(what, &format!("{} = \"{access}\"", toml_key(connector)), "grants.connectors")
    }

    async fn insert(
        &mut self,
        connection: Resource<Connection>,
        table: &str,
        columns: &[String],
        batch: Batch,
    ) -> Answer<u64> {
        match self.table.get(&connection)?.session.insert_columns(table, columns, batch).await {
            // Here the host made the statement: what is unknown are the names it was given.
            Err(error) if error.objection == Some(Objection::UnknownName) => {
                Ok(Err(connector_error(error, "invalid", "not-found")))
            }
            result => self.count_rows_out(&connection, result),
        }
    }

    fn count_rows_out(&mut self, connection: &Resource<Connection>, result: Result<u64, StepError>) -> Answer<u64> {
        match result {
            Ok(count) => {
                self.call.usage.rows_out += count;
                Ok(Ok(count))
            }
            Err(error) => self.fail(connection, error),
        }
    }

    /// The error of a statement, with the code the contract has for it. A denial by the session (a query that writes) is logged like one by the host.
    fn fail<T>(&mut self, connection: &Resource<Connection>, error: StepError) -> Answer<T> {
        if error.kind == StepErrorKind::Denied {
            let name = self.table.get(connection)?.name.clone();
            let detail = error.detail;
            let denial = self.deny_connector(&error.message, &name, "read-write");
            return Ok(Err(Error { detail: (!detail.is_empty()).then_some(detail), ..denial }));
        }
        let remote = match error.objection {
            Some(Objection::Constraint) => "conflict",
            Some(Objection::UnknownName | Objection::Statement) => "invalid",
            None => "remote",
        };
        Ok(Err(connector_error(error, "invalid", remote)))
    }

    /// The next rows of a cursor, which is closed at its end and after an error. A batch ends early when its rows take
    /// [`BatchLimit::BYTES`] or a quarter of the guest's memory, so that wide rows come in small batches.
    async fn fetch_batch(&mut self, cursor: &Resource<Cursor>, max: u32) -> Answer<Batch> {
        if let Err(error) = self.begin_call() {
            self.close(cursor)?;
            return Ok(Err(error));
        }
        let max = if max == 0 { USUAL_BATCH } else { max.min(LARGEST_BATCH) } as usize;
        let memory = self.call.grants.limits.memory_bytes;
        let bytes = usize::try_from(memory / 4).unwrap_or(usize::MAX).min(BatchLimit::BYTES);
        let Cursor { source, columns } = self.table.get_mut(cursor)?;
        let Some(source) = source else { return Ok(Ok(Batch::new(columns.len()))) };
        let error = match source.rows.next_columns(BatchLimit { rows: max, bytes }).await {
            Ok(batch) if batch.bytes() as u64 > memory => {
                let (rows, bytes) = (batch.rows(), batch.bytes());
                let message = format!("a batch of {rows} rows takes about {bytes} bytes, the memory limit is {memory}");
                host_error("limit", message)
            }
            Ok(batch) => {
                if batch.is_empty() {
                    self.close(cursor)?;
                }
                self.call.usage.rows_in += batch.rows() as u64;
                return Ok(Ok(batch));
            }
            Err(error) => connector_error(error, "invalid", "remote"),
        };
        self.close(cursor)?;
        Ok(Err(error))
    }

    /// Ends a cursor and frees its connection.
    fn close(&mut self, cursor: &Resource<Cursor>) -> wasmtime::Result<()> {
        if let Some(source) = self.table.get_mut(cursor)?.source.take() {
            self.table.get_mut(&Resource::<Connection>::new_borrow(source.connection))?.open_cursor = None;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
