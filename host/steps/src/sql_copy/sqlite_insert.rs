//! Rows into a SQLite table, some dozens of values a statement. A statement that is refused is taken apart row by row, so
//! that the row is named, or set aside when there is a side table; SQLite itself undoes the refused statement.

use std::borrow::Cow;
use std::ops::Range;

use host_model::{Json, StepError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::cells::Cells;
use super::progress::Progress;
use super::row::{BadRow, Chunk, Data, Message, row_name};
use super::side::Loaded;
use crate::connector::fault::sqlite_text;
use crate::connector::sqlite::Link;
use crate::connector::sqlite::value::{Declared, to_value};
use crate::connector::vet::quote;

/// More rows in one statement gained nothing, and a wide table stays under SQLite's limit of bound values.
const ROWS_PER_STATEMENT: usize = 20;
const MOST_BOUND_VALUES: usize = 30_000;

/// The text of `INSERT … VALUES` for any number of rows, and what has come of it.
pub(super) struct Insert<'a> {
    head: String,
    tuple: String,
    names: &'a [String],
    rows_per_statement: usize,
    /// For a full group, which nearly all are.
    full: String,
    side: Option<&'a SideTable>,
    loaded: Loaded,
}

impl<'a> Insert<'a> {
    pub(super) fn new(path: &str, names: &'a [String], side: Option<&'a SideTable>) -> Self {
        let width = names.len().max(1);
        let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let rows_per_statement = (MOST_BOUND_VALUES / width).clamp(1, ROWS_PER_STATEMENT);
        let head = format!("INSERT INTO {path} ({list}) VALUES ");
        let tuple = format!("({})", vec!["?"; width].join(","));
        let full = format!("{head}{}", vec![tuple.as_str(); rows_per_statement].join(","));
        Self { head, tuple, names, rows_per_statement, full, side, loaded: Loaded::default() }
    }

    /// Inserts everything that comes. `None` when the source failed.
    pub(super) fn take_all(
        &mut self,
        link: &Link,
        chunks: &mut Receiver<Message>,
        progress: &Progress,
    ) -> Result<Option<Loaded>, StepError> {
        while let Some(message) = chunks.blocking_recv() {
            match message {
                Message::End => return Ok(Some(self.loaded)),
                Message::Chunk(chunk) => {
                    link.check()?;
                    self.take_chunk(link, &chunk)?;
                    progress.add_written(chunk.marks.len() as u64);
                }
            }
        }
        Ok(None)
    }

    fn take_chunk(&mut self, link: &Link, chunk: &Chunk) -> Result<(), StepError> {
        for bad in &chunk.bad {
            self.set_aside(link, bad)?;
        }
        let Data::Cells(cells) = &chunk.data else { return Ok(()) };
        let width = self.names.len();
        let count = cells.len() / width.max(1);
        for first in (0..count).step_by(self.rows_per_statement) {
            let rows = first..count.min(first + self.rows_per_statement);
            match self.insert(link, cells, &rows) {
                Ok(()) => self.loaded.add(&chunk.marks[rows]),
                Err(error) if is_about_data(&error) => {
                    for row in rows {
                        self.insert_alone(link, chunk, cells, row)?;
                    }
                }
                Err(error) => return Err(link.fail(&error, &self.full)),
            }
        }
        Ok(())
    }

    fn insert(&self, link: &Link, cells: &Cells, rows: &Range<usize>) -> rusqlite::Result<()> {
        let sql = if rows.len() == self.rows_per_statement {
            Cow::Borrowed(self.full.as_str())
        } else {
            Cow::Owned(format!("{}{}", self.head, vec![self.tuple.as_str(); rows.len()].join(",")))
        };
        let mut prepared = link.conn.prepare_cached(&sql)?;
        for (n, cell) in self.row_cells(cells, rows).enumerate() {
            prepared.raw_bind_parameter(n + 1, ToSqlOutput::Borrowed(cell))?;
        }
        prepared.raw_execute().map(|_| ())
    }

    fn row_cells<'c>(&self, cells: &'c Cells, rows: &Range<usize>) -> impl Iterator<Item = ValueRef<'c>> {
        let width = self.names.len();
        cells.range(rows.start * width..rows.end * width)
    }

    fn insert_alone(&mut self, link: &Link, chunk: &Chunk, cells: &Cells, row: usize) -> Result<(), StepError> {
        let (number, rows) = (chunk.marks[row].number, row..row + 1);
        let error = match self.insert(link, cells, &rows) {
            Ok(()) => {
                self.loaded.add(&chunk.marks[row..=row]);
                return Ok(());
            }
            Err(error) => error,
        };
        if self.side.is_none() || !is_about_data(&error) {
            let mut failure = link.fail(&error, &self.head);
            failure.message.push_str(&format!(", in {}", row_name(number, chunk.lane)));
            return Err(failure);
        }
        let reason = sqlite_text(&error).into_owned();
        // `NOT NULL constraint failed: t.name`
        let column = reason.rsplit_once('.').map(|(_, name)| name.to_owned()).filter(|n| self.names.contains(n));
        let shown = self.names.iter().cloned().zip(self.row_cells(cells, &rows).map(shown));
        let data = Json::Object(shown.collect()).to_string();
        self.set_aside(link, &BadRow { number, column, reason, data })
    }

    fn set_aside(&mut self, link: &Link, bad: &BadRow) -> Result<(), StepError> {
        let Some(side) = self.side else { return Ok(()) };
        let sql = side.insert(|n| format!("?{n}"));
        let number = i64::try_from(bad.number).unwrap_or(i64::MAX);
        let insert = || -> rusqlite::Result<usize> {
            let mut prepared = link.conn.prepare_cached(&sql)?;
            prepared.execute((&side.run, &side.step, number, &bad.column, &bad.reason, &bad.data))
        };
        insert().map_err(|e| link.fail(&e, &sql))?;
        self.loaded.skipped += 1;
        Ok(())
    }
}

fn shown(cell: ValueRef<'_>) -> Json {
    to_value(cell, Declared::Other).to_json()
}

/// Whether a row is to blame, and not the database.
fn is_about_data(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as C;
    matches!(error.sqlite_error_code(), Some(C::ConstraintViolation | C::TypeMismatch | C::TooBig))
}
