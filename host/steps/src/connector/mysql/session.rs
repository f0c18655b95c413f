//! A session on MySQL or MariaDB, in UTC. A SELECT outside of a transaction is streamed over a connection to itself (the
//! session's own when that is free), so a session may write while it reads; inside `begin … commit` everything shares the
//! session's connection, which can do one thing at a time, so the rows of a SELECT are fetched at once, up to a limit.
//!
//! A session opened for reading is read-only on the server (`SET SESSION TRANSACTION READ ONLY`).

use std::sync::Arc;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::port::{Access, SqlCursor, SqlSession};
use host_model::value::{Binds, Row};
use host_model::{CancelToken, StepError};
use sqlx::Either;
use sqlx::mysql::MySqlArguments;
use tokio::sync::Mutex;

use super::cursor;
use super::insert::{self, Columns, Insert};
use super::kind;
use super::statement;
use super::{Lease, MySqlServer, Purpose};
use crate::connector::cell::Cell;
use crate::connector::fault::{Place, Trouble};
use crate::connector::{scan, vet};
use futures_util::TryStreamExt as _;

pub(crate) struct MySqlSession(Arc<Core>);

/// What a session and its cursors share.
pub(super) struct Core {
    server: Arc<MySqlServer>,
    pub(super) place: Place,
    access: Access,
    cancel: CancelToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Empty while a cursor has it.
    lease: Option<Lease>,
    /// Between `begin` and `commit` or `rollback`.
    in_transaction: bool,
}

/// Opens a session; the connection is made at once, so that an unreachable database shows here.
pub(crate) async fn open(
    server: Arc<MySqlServer>,
    place: Place,
    access: Access,
    cancel: &CancelToken,
) -> Result<MySqlSession, StepError> {
    let core = Core { server, place, access, cancel: cancel.clone(), state: Mutex::default() };
    let lease = core.lease().await?;
    core.state.lock().await.lease = Some(lease);
    Ok(MySqlSession(Arc::new(core)))
}

impl Core {
    async fn lease(&self) -> Result<Lease, StepError> {
        self.server.lease(&self.place, self.access, Purpose::Session, None, &self.cancel).await
    }

    /// The session's connection.
    async fn ensure<'a>(&self, state: &'a mut State) -> Result<&'a mut Lease, StepError> {
        if state.lease.as_ref().is_some_and(|lease| !lease.stop.is_usable()) {
            state.lease = None;
            if std::mem::take(&mut state.in_transaction) {
                return Err(self.place.transaction_lost());
            }
        }
        match &mut state.lease {
            Some(lease) => Ok(lease),
            empty => Ok(empty.insert(self.lease().await?)),
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
        self.ensure(&mut state).await?.batch(sql).await?;
        state.in_transaction = in_transaction;
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
impl SqlSession for MySqlSession {
    fn dialect(&self) -> &'static str {
        Dialect::MySql.as_str()
    }

    async fn query(&self, sql: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        let core = &self.0;
        let statement = vet::single(sql, Dialect::MySql, core.access, &core.place)?;
        let values = vet::values(&statement, &binds, &core.place)?;
        let mut state = core.state.lock().await;
        if state.in_transaction || !statement.is_reading() {
            let lease = core.ensure(&mut state).await?;
            return Ok(Box::new(cursor::keep(lease, &statement, &values).await?));
        }
        let lease = match state.lease.take() {
            Some(lease) => lease,
            None => core.lease().await?,
        };
        drop(state);
        Ok(Box::new(cursor::stream(Arc::clone(core), lease, statement, values).await?))
    }

    async fn execute(&self, sql: &str, binds: Binds) -> Result<u64, StepError> {
        let core = &self.0;
        let statement = vet::single(sql, Dialect::MySql, core.access, &core.place)?;
        let values = vet::values(&statement, &binds, &core.place)?;
        let mut state = core.state.lock().await;
        let lease = core.ensure(&mut state).await?;
        execute(lease, &statement, &values).await
    }

    async fn insert_rows(&self, table: &str, columns: &[String], rows: Vec<Row>) -> Result<u64, StepError> {
        let core = &self.0;
        if core.access == Access::Read {
            return Err(vet::refused_write("insert", &core.place));
        }
        let mut state = core.state.lock().await;
        let is_alone = !state.in_transaction;
        let lease = core.ensure(&mut state).await?;
        if is_alone {
            lease.batch("start transaction").await?;
        }
        let inserted = insert(lease, table, columns, &rows).await;
        match (is_alone, inserted) {
            (true, Ok(count)) => lease.batch("commit").await.map(|()| count),
            (true, Err(error)) => {
                // If this fails too the connection is broken, and the server rolls back.
                if lease.batch("rollback").await.is_err() {
                    state.lease = None;
                }
                Err(error)
            }
            (false, result) => result,
        }
    }

    async fn begin(&self) -> Result<(), StepError> {
        self.0.control("start transaction", true).await
    }

    async fn commit(&self) -> Result<(), StepError> {
        self.0.control("commit", false).await
    }

    async fn rollback(&self) -> Result<(), StepError> {
        self.0.control("rollback", false).await
    }
}

async fn execute(
    lease: &mut Lease,
    statement: &scan::Statement,
    values: &[host_model::value::Value],
) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let work = async {
        let ready = statement::prepare(conn, traits, &stop.place, statement, values).await?;
        let mut results = ready.run(conn);
        let (mut affected, mut returned) = (0, 0);
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => affected += done.rows_affected(),
                Either::Right(_) => returned += 1,
            }
        }
        drop(results);
        statement::forget(conn, statement).await?;
        // `… returning` tells of its rows by returning them.
        Ok(if statement.is_reading() {
            0
        } else if affected == 0 {
            returned
        } else {
            affected
        })
    };
    stop.guard(&statement.render(|_| "?".to_owned()), work).await
}

async fn insert(lease: &mut Lease, table: &str, columns: &[String], rows: &[Row]) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let path = vet::mysql_quote_path(table);
    let work = async {
        let into = Columns::describe(conn, &path, columns).await?;
        let insert = Insert::new(&path, columns);
        let mut count = 0;
        let mut number = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let mut args = MySqlArguments::default();
            let (mut taken, mut bytes) = (0, 0);
            for row in rest.iter().take(insert.rows()) {
                let weight: usize = row.iter().map(weigh).sum();
                if taken > 0 && bytes + weight > traits.max_packet / 2 {
                    break;
                }
                (taken, bytes, number) = (taken + 1, bytes + weight, number + 1);
                if row.len() != columns.len() {
                    let text = format!("a row has {} cells for {} columns of `{table}`", row.len(), columns.len());
                    return Err(Trouble::Step(stop.place.definition(text)));
                }
                for (n, value) in row.iter().enumerate() {
                    let cell = Cell::from(value);
                    let bind = kind::fit(into.kinds[n], cell).ok_or_else(|| {
                        stop.place.definition(format!(
                            "row {number} of the batch: `{}` does not fit the column `{}` of type `{}`",
                            cell.show(),
                            into.names[n],
                            into.type_names[n]
                        ))
                    })?;
                    insert::add(&mut args, bind, traits)?;
                }
            }
            count += insert.run(conn, taken, args).await?;
            rest = &rest[taken..];
        }
        Ok(count)
    };
    stop.guard(&format!("insert into {path}"), work).await
}

fn weigh(value: &host_model::value::Value) -> usize {
    match Cell::from(value) {
        Cell::Text(text) => text.len() + 9,
        Cell::Bytes(bytes) => bytes.len() + 9,
        _ => 9,
    }
}
