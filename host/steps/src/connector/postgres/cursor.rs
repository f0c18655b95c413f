//! Cursors of a session: the server's own (`DECLARE … FETCH`), or rows already here for statements that cannot be
//! declared. A cursor given up half-way is closed on the server; one with a connection to itself gives it back.
//!
//! The server is told how many rows to send before anybody knows how wide they are, so a batch is fetched in pieces: a
//! small one first, then as many rows as fit if they are like those before. What comes nevertheless beyond the
//! limit of a batch is the beginning of the next.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::batch::{Batch, BatchLimit};
use host_model::port::SqlCursor;
use host_model::value::{Column, Value};
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
    pub(super) kept: Option<Batch>,
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
        let (mut kept, mut scratch) = (Batch::new(decoder.kinds.len()), String::new());
        {
            let mut rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(conn);
            while let Some(row) = rows.try_next().await? {
                if kept.rows() == MOST_KEPT_ROWS {
                    let text = format!(
                        "`{}` returns more than {MOST_KEPT_ROWS} rows; only a SELECT can return more",
                        statement.keyword()
                    );
                    return Err(Trouble::Step(stop.place.definition(text)));
                }
                decoder.push(&row, &mut kept, &mut scratch, &stop)?;
            }
        }
        Ok(Opened { decoder, kept: Some(kept) })
    };
    stop.guard(statement.keyword(), work).await
}

pub(super) struct PgCursor {
    core: Arc<Core>,
    name: String,
    decoder: Decoder,
    source: Source,
    /// Rows that are here already.
    ahead: Ahead,
    /// What a row takes, by the pieces so far; 0 before the first.
    row_bytes: usize,
    /// Whether the server has no more.
    is_done: bool,
}

/// Where a cursor's rows are.
pub(super) enum Source {
    /// A cursor on the session's connection, gone when that transaction is.
    Shared { epoch: u64 },
    /// A cursor with a connection and a transaction to itself; empty once it has been read to the end.
    Own(Option<Lease>),
    /// All of them ahead.
    Kept,
}

/// Rows to hand out, from `at` on.
#[derive(Default)]
pub(super) struct Ahead {
    rows: Batch,
    at: usize,
}

impl Ahead {
    pub(super) fn new(rows: Batch) -> Self {
        Self { rows, at: 0 }
    }

    /// Moves rows to `batch` until that is full.
    fn drain(&mut self, batch: &mut Batch, limit: BatchLimit) {
        while self.at < self.rows.rows() && !limit.is_reached(batch) {
            batch.push_row_of(&self.rows, self.at);
            self.at += 1;
        }
        if self.at == self.rows.rows() {
            *self = Self::default();
        }
    }
}

impl PgCursor {
    pub(super) fn new(core: &Arc<Core>, name: String, decoder: Decoder, source: Source, ahead: Ahead) -> Self {
        let is_done = matches!(source, Source::Kept);
        Self { core: Arc::clone(core), name, decoder, source, ahead, row_bytes: 0, is_done }
    }

    /// Asks the server for `asked` rows; those beyond the limit go ahead.
    async fn fetch(&mut self, batch: &mut Batch, asked: usize, limit: BatchLimit) -> Result<(), StepError> {
        let before = (batch.rows(), batch.bytes());
        let piece = Piece { name: &self.name, decoder: &self.decoder, asked, limit };
        let ahead = match &mut self.source {
            Source::Own(Some(lease)) => piece.fetch(lease, batch).await?,
            Source::Own(None) | Source::Kept => Batch::default(),
            Source::Shared { epoch } => {
                let mut state = self.core.state.lock().await;
                if state.epoch != *epoch {
                    return Err(self.core.place.definition("the cursor ended with its transaction"));
                }
                piece.fetch(self.core.ensure(&mut state).await?, batch).await?
            }
        };
        let (rows, bytes) = (batch.rows() - before.0 + ahead.rows(), batch.bytes() - before.1 + ahead.bytes());
        // A wide piece is remembered for a while, and not for ever: one row in front must not slow down a million.
        self.row_bytes = bytes.checked_div(rows).unwrap_or(0).max(self.row_bytes / 2);
        self.is_done = rows < asked;
        self.ahead = Ahead::new(ahead);
        Ok(())
    }
}

#[async_trait]
impl SqlCursor for PgCursor {
    fn columns(&self) -> &[Column] {
        &self.decoder.columns
    }

    async fn next_columns(&mut self, limit: BatchLimit) -> Result<Batch, StepError> {
        let mut batch = Batch::new(self.decoder.kinds.len());
        self.ahead.drain(&mut batch, limit);
        while !self.is_done && !limit.is_reached(&batch) {
            let asked = limit.fitting(&batch, self.row_bytes);
            self.fetch(&mut batch, asked, limit).await?;
        }
        if self.is_done
            && let Source::Own(own) = &mut self.source
            && let Some(mut lease) = own.take()
        {
            lease.batch("commit").await?;
            self.core.put_back(lease).await;
        }
        Ok(batch)
    }
}

/// Rows to be fetched.
struct Piece<'a> {
    name: &'a str,
    decoder: &'a Decoder,
    asked: usize,
    limit: BatchLimit,
}

impl Piece<'_> {
    /// Adds them to `batch`, and gives back those that are beyond its limit.
    async fn fetch(&self, lease: &mut Lease, batch: &mut Batch) -> Result<Batch, StepError> {
        let stop = lease.stop.clone();
        let conn = &mut lease.conn;
        let sql = format!("fetch forward {} from {}", self.asked, self.name);
        let work = async {
            let (mut ahead, mut scratch) = (Batch::new(self.decoder.kinds.len()), String::new());
            let mut rows = sqlx::query(AssertSqlSafe(sql.as_str())).persistent(false).fetch(conn);
            while let Some(row) = rows.try_next().await? {
                let into = if self.limit.is_reached(batch) { &mut ahead } else { &mut *batch };
                self.decoder.push(&row, into, &mut scratch, &stop)?;
            }
            Ok(ahead)
        };
        stop.guard(&sql, work).await
    }
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
            Source::Shared { .. } | Source::Kept => {}
        }
    }
}
