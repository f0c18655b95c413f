//! Taking chunks into a target. PostgreSQL gets a `COPY … FROM STDIN` inside the transaction that `swap` opened; SQLite
//! gets everything here, because one transaction does it all: readers keep the old rows until the commit (the target
//! is in WAL mode), and a copy that is killed leaves nothing behind.
//!
//! `Ok(None)` means that the source failed first: nothing was kept, and the reader's error is the one that counts.

use std::borrow::Cow;
use std::sync::Arc;

use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, CopyTarget};
use host_model::port::Access;
use host_model::{CancelToken, StepError, StepErrorKind};
use rusqlite::types::Value as SqliteCell;
use tokio::sync::mpsc::Receiver;

use super::plan::{self, Source, quoted_table};
use super::progress::Progress;
use super::row::{Data, Message};
use crate::connector::fault::Place;
use crate::connector::postgres::Lease;
use crate::connector::postgres::copy_in::CopyColumns;
use crate::connector::sqlite::{Link, SqliteFile, Use};
use crate::connector::vet::quote;

/// More rows in one statement gained nothing, and a wide table stays under SQLite's limit of bound values.
const ROWS_PER_STATEMENT: usize = 20;
const MOST_BOUND_VALUES: usize = 30_000;

/// What a finished writer has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Rows it was given and has stored.
    pub(super) rows: u64,
    /// Rows the target holds now.
    pub(super) target_rows: u64,
}

/// Both sides must tell the same count before anything becomes visible.
pub(super) fn check_counts(progress: &Progress, arrived: u64, place: &Place, table: &str) -> Result<(), StepError> {
    let read = progress.read().unwrap_or(arrived);
    let expected = progress.total().unwrap_or(read);
    if expected == read && read == arrived {
        return Ok(());
    }
    Err(StepError::new(
        StepErrorKind::Failed,
        format!(
            "connector `{}`: the row counts differ, so `{table}` is left as it was: {expected} in the source, {read} read, \
             {arrived} arrived",
            place.connector
        ),
    ))
}

/// Copies chunks into `table` (quoted). Returns what the server counted.
pub(super) async fn copy_into_postgres(
    lease: &mut Lease,
    table: &str,
    columns: &CopyColumns,
    mut chunks: Receiver<Message>,
    progress: &Progress,
) -> Result<Option<u64>, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let sql = columns.statement(table);
    let work = async {
        let mut copy = conn.copy_in_raw(&sql).await?;
        copy.send(columns.header()).await?;
        while let Some(message) = chunks.recv().await {
            match message {
                Message::Chunk { rows, data: Data::Copy(bytes) } => {
                    copy.send(bytes).await?;
                    progress.add_written(rows);
                }
                Message::Chunk { data: Data::Cells(_), .. } => break,
                Message::End => {
                    copy.send(columns.trailer()).await?;
                    return Ok(Some(copy.finish().await?));
                }
            }
        }
        // Left without this, the connection would be out of step; the transaction is lost either way.
        copy.abort("the source ended early").await?;
        Ok(None)
    };
    stop.guard(&sql, work).await
}

/// What is to become of a SQLite table.
pub(super) struct SqliteTarget {
    pub(super) target: CopyTarget,
    pub(super) mode: CopyMode,
    pub(super) source: Source,
}

/// Everything for a SQLite target: table, rows, checks, commit.
pub(super) async fn write_sqlite(
    file: &Arc<SqliteFile>,
    place: &Place,
    job: SqliteTarget,
    mut chunks: Receiver<Message>,
    progress: Arc<Progress>,
    cancel: &CancelToken,
) -> Result<Option<Written>, StepError> {
    file.work(place, Use::Step(Access::ReadWrite), cancel, move |link| {
        let SqliteTarget { target, mode, source } = job;
        // Off, or emptying the table would reach into the tables that refer to it; they are checked before the commit.
        link.batch("PRAGMA foreign_keys = off")?;
        link.batch("BEGIN IMMEDIATE")?;
        let path = quoted_table(target.schema.as_deref(), &target.table);
        let names = prepare_table(link, &target, mode, &source, &path)?;
        let Some(rows) = insert_chunks(link, &path, &names, &mut chunks, &progress)? else {
            return Ok(None);
        };
        let target_rows: u64 = count(link, &path)?;
        let arrived = if mode == CopyMode::Overwrite { target_rows } else { rows };
        check_counts(&progress, arrived, link.place(), &target.table)?;
        check_references(link, &target.table)?;
        link.batch("COMMIT")?;
        Ok(Some(Written { rows, target_rows }))
    })
    .await
}

fn prepare_table(
    link: &Link,
    target: &CopyTarget,
    mode: CopyMode,
    source: &Source,
    path: &str,
) -> Result<Vec<String>, StepError> {
    let existing = plan::sqlite_table(link, target.schema.as_deref(), &target.table)?;
    if existing.is_empty() {
        if mode == CopyMode::Append {
            return Err(link.place().definition(format!("there is no table `{}` to append to", target.table)));
        }
        let names: Vec<String> = source.columns.iter().map(|c| c.name.clone()).collect();
        plan::check_unique(&names, link.place())?;
        link.batch(&plan::create_table(path, source, Dialect::Sqlite))?;
        return Ok(names);
    }
    let names = plan::map_columns(source, &existing, &target.table, link.place())?;
    if mode == CopyMode::Overwrite {
        link.batch(&format!("DELETE FROM {path}"))?;
    }
    Ok(names)
}

fn insert_chunks(
    link: &Link,
    path: &str,
    names: &[String],
    chunks: &mut Receiver<Message>,
    progress: &Progress,
) -> Result<Option<u64>, StepError> {
    let insert = Insert::new(path, names);
    let mut written = 0;
    while let Some(message) = chunks.blocking_recv() {
        match message {
            Message::End => return Ok(Some(written)),
            Message::Chunk { data: Data::Copy(_), .. } => return Ok(None),
            Message::Chunk { rows, data: Data::Cells(cells) } => {
                link.check()?;
                written += insert.run(link, &cells)?;
                progress.add_written(rows);
            }
        }
    }
    Ok(None)
}

/// The text of `INSERT … VALUES` for any number of rows.
struct Insert {
    head: String,
    tuple: String,
    width: usize,
    rows_per_statement: usize,
    /// For a full group, which nearly all are.
    full: String,
}

impl Insert {
    fn new(path: &str, names: &[String]) -> Self {
        let width = names.len().max(1);
        let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let rows_per_statement = (MOST_BOUND_VALUES / width).clamp(1, ROWS_PER_STATEMENT);
        let head = format!("INSERT INTO {path} ({list}) VALUES ");
        let tuple = format!("({})", vec!["?"; width].join(","));
        let full = format!("{head}{}", vec![tuple.as_str(); rows_per_statement].join(","));
        Self { head, tuple, width, rows_per_statement, full }
    }

    fn run(&self, link: &Link, cells: &[SqliteCell]) -> Result<u64, StepError> {
        let mut inserted = 0;
        for group in cells.chunks(self.rows_per_statement * self.width) {
            let rows = group.len() / self.width;
            let sql = if rows == self.rows_per_statement {
                Cow::Borrowed(self.full.as_str())
            } else {
                Cow::Owned(format!("{}{}", self.head, vec![self.tuple.as_str(); rows].join(",")))
            };
            let insert = || -> rusqlite::Result<usize> {
                let mut prepared = link.conn.prepare_cached(&sql)?;
                for (n, cell) in group.iter().enumerate() {
                    prepared.raw_bind_parameter(n + 1, cell)?;
                }
                prepared.raw_execute()
            };
            inserted += insert().map_err(|e| link.fail(&e, &sql))? as u64;
        }
        Ok(inserted)
    }
}

fn count(link: &Link, path: &str) -> Result<u64, StepError> {
    let sql = format!("select count(*) from {path}");
    let rows: i64 = link.conn.query_row(&sql, [], |row| row.get(0)).map_err(|e| link.fail(&e, &sql))?;
    Ok(rows.unsigned_abs())
}

/// Rows elsewhere that refer to a row which is gone now, and rows here that refer to none.
fn check_references(link: &Link, table: &str) -> Result<(), StepError> {
    let sql = "select c.\"table\", c.parent, count(*) from (select distinct m.name from sqlite_schema m, \
        pragma_foreign_key_list(m.name) f where m.type = 'table' and (f.\"table\" = ?1 collate nocase or m.name = ?1 collate nocase)) t, \
        pragma_foreign_key_check(t.name) c where c.parent = ?1 collate nocase or c.\"table\" = ?1 collate nocase group by 1, 2";
    let find = || -> rusqlite::Result<Option<(String, String, i64)>> {
        let mut prepared = link.conn.prepare(sql)?;
        let mut rows = prepared.query([table])?;
        rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).transpose()
    };
    match find().map_err(|e| link.fail(&e, sql))? {
        None => Ok(()),
        Some((child, parent, rows)) => {
            let text = format!(
                "{rows} rows of `{child}` would refer to rows that `{parent}` does not have, so `{table}` is left as it was"
            );
            let mut error =
                StepError::new(StepErrorKind::Failed, format!("connector `{}`: {text}", link.place().connector));
            error.may_retry = false;
            Err(error)
        }
    }
}
