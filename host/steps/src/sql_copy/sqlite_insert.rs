//! Rows into a SQLite table, some dozens of values a statement. A statement that is refused is taken apart row by row, so
//! that the row is named, or set aside when there is a side table; SQLite itself undoes the refused statement.

use std::ops::Range;

use host_model::{Json, StepError};
use rusqlite::types::ValueRef;
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::cells::Cells;
use super::progress::Progress;
use super::row::{BadRow, Chunk, Data, Message, row_name};
use super::side::Loaded;
use super::sqlite_statement::BoundInsert;
use crate::connector::fault::sqlite_text;
use crate::connector::sqlite::Link;
use crate::connector::sqlite::value::{Declared, to_value};
use crate::connector::vet::quote;

/// More rows in one statement gained nothing, and a wide table stays under SQLite's limit of bound values.
const ROWS_PER_STATEMENT: usize = 20;
const MOST_BOUND_VALUES: usize = 30_000;

/// The statements that insert, and what has come of them.
pub(super) struct Insert<'a> {
    link: &'a Link,
    names: &'a [String],
    side: Option<&'a SideTable>,
    /// Takes [`Insert::group`] rows.
    full: BoundInsert<'a>,
    group: usize,
    /// Takes the rows that are left over, and those of a group that was refused.
    alone: BoundInsert<'a>,
    sql: String,
    loaded: Loaded,
}

impl<'a> Insert<'a> {
    pub(super) fn prepare(
        link: &'a Link,
        path: &str,
        names: &'a [String],
        side: Option<&'a SideTable>,
    ) -> Result<Self, StepError> {
        let width = names.len().max(1);
        let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let group = (MOST_BOUND_VALUES / width).clamp(1, ROWS_PER_STATEMENT);
        let tuple = format!("({})", vec!["?"; width].join(","));
        let sql = format!("INSERT INTO {path} ({list}) VALUES {tuple}");
        let prepare = |sql: &str| BoundInsert::prepare(&link.conn, sql).map_err(|e| link.fail(&e, sql));
        let full = prepare(&format!("{sql}{}", format!(",{tuple}").repeat(group - 1)))?;
        Ok(Self { link, names, side, full, group, alone: prepare(&sql)?, sql, loaded: Loaded::default() })
    }

    /// Inserts everything that comes. `None` when the source failed.
    pub(super) fn take_all(
        mut self,
        chunks: &mut Receiver<Message>,
        progress: &Progress,
    ) -> Result<Option<Loaded>, StepError> {
        while let Some(message) = chunks.blocking_recv() {
            match message {
                Message::End => return Ok(Some(self.loaded)),
                Message::Chunk(chunk) => {
                    self.link.check()?;
                    self.take_chunk(&chunk)?;
                    progress.add_written(chunk.marks.len() as u64);
                }
            }
        }
        Ok(None)
    }

    fn take_chunk(&mut self, chunk: &Chunk) -> Result<(), StepError> {
        for bad in &chunk.bad {
            self.set_aside(bad)?;
        }
        let Data::Cells(cells) = &chunk.data else { return Ok(()) };
        let width = self.names.len();
        let count = cells.len() / width.max(1);
        let in_groups = count - count % self.group;
        for first in (0..in_groups).step_by(self.group) {
            let rows = first..first + self.group;
            match self.full.insert(cells.range(rows.start * width..rows.end * width)) {
                Ok(()) => self.loaded.add(&chunk.marks[rows]),
                Err(error) if is_about_data(&error) => self.insert_alone(chunk, cells, rows)?,
                Err(error) => return Err(self.link.fail(&error, &self.sql)),
            }
        }
        self.insert_alone(chunk, cells, in_groups..count)
    }

    fn insert_alone(&mut self, chunk: &Chunk, cells: &Cells, rows: Range<usize>) -> Result<(), StepError> {
        let width = self.names.len();
        for row in rows {
            let cells = || cells.range(row * width..(row + 1) * width);
            match self.alone.insert(cells()) {
                Ok(()) => self.loaded.add(&chunk.marks[row..=row]),
                Err(error) => self.refused(&error, chunk, row, cells())?,
            }
        }
        Ok(())
    }

    /// A row that SQLite does not take: set aside, or the end of the copy.
    fn refused<'v>(
        &mut self,
        error: &rusqlite::Error,
        chunk: &Chunk,
        row: usize,
        cells: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<(), StepError> {
        let number = chunk.marks[row].number;
        if !is_about_data(error) {
            return Err(self.link.fail(error, &self.sql));
        }
        if self.side.is_none() {
            let mut failure = self.link.fail(error, &self.sql);
            failure.message.push_str(&format!(", in {}", row_name(number, chunk.lane)));
            return Err(failure);
        }
        let reason = sqlite_text(error).into_owned();
        // `NOT NULL constraint failed: t.name`
        let column = reason.rsplit_once('.').map(|(_, name)| name.to_owned()).filter(|n| self.names.contains(n));
        let data = Json::Object(self.names.iter().cloned().zip(cells.map(shown)).collect()).to_string();
        self.set_aside(&BadRow { number, column, reason, data })
    }

    fn set_aside(&mut self, bad: &BadRow) -> Result<(), StepError> {
        let Some(side) = self.side else { return Ok(()) };
        let sql = side.insert(|n| format!("?{n}"));
        let number = i64::try_from(bad.number).unwrap_or(i64::MAX);
        let insert = || -> rusqlite::Result<usize> {
            let mut prepared = self.link.conn.prepare_cached(&sql)?;
            prepared.execute((&side.run, &side.step, number, &bad.column, &bad.reason, &bad.data))
        };
        insert().map_err(|e| self.link.fail(&e, &sql))?;
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
