//! Cursors of a session: the server's own (`DECLARE … FETCH`), or rows already here for statements that cannot be
//! declared. A cursor given up half-way is closed on the server; one with a connection to itself gives it back.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::port::SqlCursor;
use host_model::value::{Column, Row, Value};
use sqlx::AssertSqlSafe;

use super::session::Core;
use super::statement::{self, Decoder, Ready};
use super::{Lease, Trouble};
use crate::connector::scan;

/// Rows kept of a statement that no cursor can read.
const MOST_KEPT_ROWS: usize = 100_000;

/// Whether `DECLARE CURSOR` takes the statement: a SELECT that changes nothing by a `with` part.
pub(super) fn is_declarable(statement: &scan::Statement) -> bool {
    match statement.keyword() {
        "select" | "values" | "table" | "" => true,
        "with" => {
            let text = statement.render(|_| String::new()).to_ascii_lowercase();
            !text
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|w| matches!(w, "insert" | "update" | "delete" | "merge"))
        }
        _ => false,
    }
}

/// A statement that is running.
pub(super) struct Opened {
    pub(super) decoder: Decoder,
    /// Its rows, when it cannot be declared.
    pub(super) kept: Option<VecDeque<Row>>,
}

/// Declares a cursor for the statement, or runs it.
pub(super) async fn open_cursor(
    lease: &mut Lease,
    name: &str,
    statement: &scan::Statement,
    values: &[Value],
) -> Result<Opened, StepError> {
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
                    let text = format!(
                        "`{}` returns more than {MOST_KEPT_ROWS} rows; only a SELECT can return more",
                        statement.keyword()
                    );
                    return Err(Trouble::Step(stop.place.definition(text)));
                }
                kept.push_back(decoder.row(&row, &stop)?);
            }
        }
        Ok(Opened { decoder, kept: Some(kept) })
    };
    stop.guard(statement.keyword(), work).await
}

pub(super) struct PgCursor {
    pub(super) core: Arc<Core>,
    pub(super) name: String,
    pub(super) decoder: Decoder,
    pub(super) source: Source,
    pub(super) is_done: bool,
}

/// Where a cursor's rows are.
pub(super) enum Source {
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
