//! Rows into a PostgreSQL table, inside the transaction that `swap` opened. Usually one `COPY` takes them all and the
//! first row that the server refuses ends it. With a side table every chunk is a `COPY` of its own behind a savepoint:
//! the server says which line it refused, that row is set aside, the rows before and after it are copied again. Where
//! the server names no line (a foreign key is looked at when the statement ends), halves of the chunk are tried.

use std::ops::Range;

use host_model::StepError;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgDatabaseError};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::progress::Progress;
use super::row::{BadRow, CHUNK_BYTES, Chunk, Data, Message};
use super::side::Loaded;
use super::swap::Names;
use crate::connector::postgres::copy_in::CopyColumns;
use crate::connector::postgres::{Lease, Trouble};

/// Where rows go.
pub(super) struct Intake<'a> {
    /// Quoted.
    pub(super) table: &'a str,
    /// Whether this transaction has made it for good.
    pub(super) is_new: bool,
    /// What it is called in the reasons of rows that are set aside.
    pub(super) names: &'a Names,
}

/// Copies chunks into a table. `None` when the source failed.
pub(super) async fn load(
    lease: &mut Lease,
    into: Intake<'_>,
    columns: &CopyColumns,
    side: Option<&SideTable>,
    mut chunks: Receiver<Message>,
    progress: &Progress,
) -> Result<Option<Loaded>, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let sql = match (into.is_new, side) {
        (true, None) => columns.statement_for_new(into.table),
        _ => columns.statement(into.table),
    };
    let work = async {
        match side {
            None => one_copy(conn, &sql, columns, &mut chunks, progress).await,
            Some(side) => {
                let names = into.names;
                let skipping = Skipping { conn, sql: &sql, columns, side, names, loaded: Loaded::default() };
                skipping.run(&mut chunks, progress).await
            }
        }
    };
    stop.guard(&sql, work).await
}

async fn one_copy(
    conn: &mut PgConnection,
    sql: &str,
    columns: &CopyColumns,
    chunks: &mut Receiver<Message>,
    progress: &Progress,
) -> Result<Option<Loaded>, Trouble> {
    let mut loaded = Loaded::default();
    let mut copy = conn.copy_in_raw(sql).await?;
    copy.send(columns.header()).await?;
    while let Some(message) = chunks.recv().await {
        match message {
            Message::Chunk(chunk) => {
                let Data::Copy(bytes) = &chunk.data else { break };
                // In pieces, because the driver's own buffer grows to the largest it is given.
                for piece in bytes.chunks(CHUNK_BYTES) {
                    copy.send(piece).await?;
                }
                loaded.add(&chunk.marks);
                progress.add_written(chunk.marks.len() as u64);
            }
            Message::End => {
                copy.send(columns.trailer()).await?;
                loaded.rows = copy.finish().await?;
                return Ok(Some(loaded));
            }
        }
    }
    // Left without this, the connection would be out of step; the transaction is lost either way.
    copy.abort("the source ended early").await?;
    Ok(None)
}

/// A load that sets rows aside.
struct Skipping<'a> {
    conn: &'a mut PgConnection,
    sql: &'a str,
    columns: &'a CopyColumns,
    side: &'a SideTable,
    names: &'a Names,
    loaded: Loaded,
}

impl Skipping<'_> {
    async fn run(mut self, chunks: &mut Receiver<Message>, progress: &Progress) -> Result<Option<Loaded>, Trouble> {
        while let Some(message) = chunks.recv().await {
            let Message::Chunk(mut chunk) = message else { return Ok(Some(self.loaded)) };
            for bad in std::mem::take(&mut chunk.bad) {
                self.set_aside(bad).await?;
            }
            self.take_in(&chunk).await?;
            progress.add_written(chunk.marks.len() as u64);
        }
        Ok(None)
    }

    /// Copies what can be copied of a chunk.
    async fn take_in(&mut self, chunk: &Chunk) -> Result<(), Trouble> {
        let mut ranges = Vec::from_iter(std::iter::once(0..chunk.marks.len()));
        while let Some(range) = ranges.pop() {
            if range.is_empty() {
                continue;
            }
            sqlx::raw_sql("savepoint nomaflow_rows").execute(&mut *self.conn).await?;
            let refusal = match self.copy(chunk, &range).await {
                Ok(()) => {
                    sqlx::raw_sql("release savepoint nomaflow_rows").execute(&mut *self.conn).await?;
                    self.loaded.add(&chunk.marks[range]);
                    continue;
                }
                Err(error) => Refusal::of(error)?,
            };
            sqlx::raw_sql("rollback to savepoint nomaflow_rows").execute(&mut *self.conn).await?;
            let line = refusal.line.filter(|line| range.contains(&(range.start + line)));
            match line {
                Some(line) => {
                    let bad = range.start + line;
                    self.set_aside(self.bad_row(chunk, bad, refusal)).await?;
                    // What comes first is copied first: keys that clash are the later row's fault.
                    ranges.extend([bad + 1..range.end, range.start..bad]);
                }
                None if range.len() == 1 => self.set_aside(self.bad_row(chunk, range.start, refusal)).await?,
                None => {
                    let middle = range.start + range.len() / 2;
                    ranges.extend([middle..range.end, range.start..middle]);
                }
            }
        }
        Ok(())
    }

    async fn copy(&mut self, chunk: &Chunk, range: &Range<usize>) -> Result<(), sqlx::Error> {
        let Data::Copy(bytes) = &chunk.data else { return Ok(()) };
        let (start, end) = (start_of(chunk, range.start), start_of(chunk, range.end));
        let mut copy = self.conn.copy_in_raw(self.sql).await?;
        copy.send(self.columns.header()).await?;
        for piece in bytes[start..end].chunks(CHUNK_BYTES) {
            copy.send(piece).await?;
        }
        copy.send(self.columns.trailer()).await?;
        copy.finish().await.map(|_| ())
    }

    fn bad_row(&self, chunk: &Chunk, n: usize, refusal: Refusal) -> BadRow {
        let Data::Copy(bytes) = &chunk.data else { return BadRow::unseen(chunk.marks[n].number, refusal.reason) };
        let row = &bytes[start_of(chunk, n)..start_of(chunk, n + 1)];
        BadRow {
            number: chunk.marks[n].number,
            column: refusal.column,
            reason: self.names.tell(&refusal.reason),
            data: self.columns.show_row(row).to_string(),
        }
    }

    async fn set_aside(&mut self, bad: BadRow) -> Result<(), Trouble> {
        let sql = self.side.insert(|n| format!("${n}"));
        sqlx::query(AssertSqlSafe(sql))
            .bind(&self.side.run)
            .bind(&self.side.step)
            .bind(i64::try_from(bad.number).unwrap_or(i64::MAX))
            .bind(bad.column)
            .bind(bad.reason)
            // PostgreSQL's text has no NUL.
            .bind(bad.data.replace('\0', ""))
            .execute(&mut *self.conn)
            .await?;
        self.loaded.skipped += 1;
        Ok(())
    }
}

fn start_of(chunk: &Chunk, row: usize) -> usize {
    row.checked_sub(1).map_or(0, |before| chunk.marks[before].end)
}

/// What the server has against a row.
struct Refusal {
    reason: String,
    column: Option<String>,
    /// The row in its COPY, from 0.
    line: Option<usize>,
}

impl Refusal {
    /// Only what is wrong with data; anything else ends the copy.
    fn of(error: sqlx::Error) -> Result<Self, sqlx::Error> {
        let found = error.as_database_error().and_then(|e| e.try_downcast_ref::<PgDatabaseError>());
        // Data exceptions, broken constraints, and what triggers raise.
        let Some(refusal) = found.filter(|e| matches!(e.code().get(..2), Some("22" | "23" | "P0"))) else {
            return Err(error);
        };
        let mut reason = refusal.message().to_owned();
        if let Some(detail) = refusal.detail() {
            reason.push_str(&format!(" ({detail})"));
        }
        let context = refusal.r#where().unwrap_or_default();
        let after = |word: &str| Some(context.split_once(word)?.1.split([',', ':', '\n']).next()?.trim().to_owned());
        let line: Option<usize> = after(", line ").and_then(|line| line.parse().ok());
        let column = refusal.column().map(str::to_owned).or_else(|| after(", column "));
        Ok(Self { reason, column, line: line.and_then(|line| line.checked_sub(1)) })
    }
}

impl BadRow {
    /// A row nobody can show.
    fn unseen(number: u64, reason: String) -> Self {
        Self { number, column: None, reason, data: "{}".to_owned() }
    }
}
