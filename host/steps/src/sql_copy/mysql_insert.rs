//! Rows into a MySQL table, hundreds a statement. A statement that the server refuses because of a row, or a row that does
//! not fit its columns, is taken apart by halves, so that the row is named, or set aside when there is a side table; the
//! server undoes the refused statement.

use std::ops::Range;

use host_model::{Json, StepError, StepErrorKind};
use rusqlite::types::ValueRef;
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlArguments, MySqlConnection};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::cells::Cells;
use super::progress::Progress;
use super::row::{BadRow, Chunk, Data, Mark, Message, row_name, sqlite_cell};
use super::side::Loaded;
use crate::connector::cell::Cell;
use crate::connector::fault::{Place, Trouble, mysql_blames_data};
use crate::connector::mysql::insert::{self, Columns, Insert};
use crate::connector::mysql::kind;
use crate::connector::mysql::{Lease, Traits};
use crate::connector::sqlite::value::{Declared, to_value};

/// A statement is sent when its rows weigh so much, however few they are.
const MOST_BYTES: usize = 512 * 1024;
/// Rows that nobody can see are committed now and then, so that giving up does not mean undoing them all.
const STATEMENTS_PER_COMMIT: u32 = 100;

/// How rows are to be loaded.
pub(super) struct Order<'a> {
    /// Quoted.
    pub(super) into: &'a str,
    pub(super) columns: &'a Columns,
    pub(super) side: Option<&'a SideTable>,
    /// Nobody else knows the table yet.
    pub(super) is_hidden: bool,
    /// The table's engine undoes a statement that fails.
    pub(super) is_transactional: bool,
}

/// Inserts everything that comes, in the open transaction. `None` when the source failed.
pub(super) async fn load(
    lease: &mut Lease,
    order: Order<'_>,
    mut chunks: Receiver<Message>,
    progress: &Progress,
) -> Result<Option<Loaded>, StepError> {
    let stop = lease.stop.clone();
    let head = format!("insert into {}", order.into);
    let work = async {
        let mut loader = Loader {
            conn: &mut lease.conn,
            traits: &lease.traits,
            place: &stop.place,
            insert: Insert::new(order.into, &order.columns.names),
            loaded: Loaded::default(),
            cells: Cells::default(),
            marks: Vec::new(),
            lane: 0,
            bytes: 0,
            uncommitted: 0,
            order,
        };
        while let Some(message) = chunks.recv().await {
            match message {
                Message::End => {
                    loader.flush(progress).await?;
                    return Ok(Some(loader.loaded));
                }
                Message::Chunk(chunk) => loader.take(*chunk, progress).await?,
            }
        }
        Ok(None)
    };
    stop.guard(&head, work).await
}

struct Loader<'a> {
    conn: &'a mut MySqlConnection,
    traits: &'a Traits,
    place: &'a Place,
    order: Order<'a>,
    insert: Insert,
    loaded: Loaded,
    /// Rows that wait for their statement: chunks and statements have sizes of their own.
    cells: Cells,
    marks: Vec<Mark>,
    lane: u32,
    bytes: usize,
    uncommitted: u32,
}

/// Why some rows did not go in.
enum Refusal {
    /// The row at this index has a cell its column cannot hold.
    Unfit { row: usize, column: usize },
    /// The server has something against one of them.
    Server(sqlx::Error),
}

impl Loader<'_> {
    async fn take(&mut self, mut chunk: Chunk, progress: &Progress) -> Result<(), Trouble> {
        for bad in std::mem::take(&mut chunk.bad) {
            self.set_aside(&bad).await?;
        }
        if chunk.lane != self.lane {
            self.flush(progress).await?;
            self.lane = chunk.lane;
        }
        let Data::Cells(cells) = chunk.data else { return Ok(()) };
        let width = self.order.columns.names.len();
        let mut before = 0;
        for (row, mark) in chunk.marks.into_iter().enumerate() {
            let weight = mark.end - before;
            before = mark.end;
            if self.bytes + weight > MOST_BYTES.min(self.traits.max_packet / 2) || self.marks.len() == self.rows() {
                self.flush(progress).await?;
            }
            self.bytes += weight;
            self.marks.push(mark);
            self.cells.extend(&cells, row * width..(row + 1) * width);
        }
        Ok(())
    }

    /// Rows in a statement, at most.
    fn rows(&self) -> usize {
        // Without transactions the rows before the refused one would stay.
        if self.order.is_transactional { self.insert.rows() } else { 1 }
    }

    async fn flush(&mut self, progress: &Progress) -> Result<(), Trouble> {
        let mut ranges = Vec::from_iter((!self.marks.is_empty()).then_some(0..self.marks.len()));
        while let Some(range) = ranges.pop() {
            if range.is_empty() {
                continue;
            }
            match self.try_insert(&range).await? {
                Ok(()) => {
                    let marks = &self.marks[range];
                    self.loaded.add(marks);
                    progress.add_written(marks.len() as u64);
                }
                Err(Refusal::Unfit { row, column }) => {
                    self.refuse_unfit(row, column).await?;
                    // What comes first goes in first: keys that clash are the later row's fault.
                    ranges.extend([row + 1..range.end, range.start..row]);
                }
                Err(Refusal::Server(error)) if range.len() == 1 => self.refuse(range.start, &error).await?,
                Err(Refusal::Server(_)) => {
                    let middle = range.start + range.len() / 2;
                    ranges.extend([middle..range.end, range.start..middle]);
                }
            }
        }
        self.cells.clear();
        self.marks.clear();
        self.bytes = 0;
        self.uncommitted += 1;
        if self.uncommitted >= STATEMENTS_PER_COMMIT && self.order.is_hidden && self.order.side.is_none() {
            sqlx::raw_sql("commit and chain").execute(&mut *self.conn).await?;
            self.uncommitted = 0;
        }
        Ok(())
    }

    async fn try_insert(&mut self, range: &Range<usize>) -> Result<Result<(), Refusal>, Trouble> {
        let width = self.order.columns.names.len();
        let mut args = MySqlArguments::default();
        for row in range.clone() {
            for (n, cell) in self.cells.range(row * width..(row + 1) * width).enumerate() {
                let cell = sqlite_cell(cell).unwrap_or(Cell::Null);
                let Some(bind) = kind::fit(self.order.columns.kinds[n], cell) else {
                    return Ok(Err(Refusal::Unfit { row, column: n }));
                };
                insert::add(&mut args, bind, self.traits)?;
            }
        }
        if range.len() == 1 && self.weight(range.start) + 1024 > self.traits.max_packet {
            // The server would close the connection.
            let number = self.marks[range.start].number;
            let text = format!(
                "connector `{}`: {} has more bytes than the server's `max_allowed_packet`, {}",
                self.place.connector,
                row_name(number, self.lane),
                self.traits.max_packet
            );
            return Err(failed(text).into());
        }
        match self.insert.run(self.conn, range.len(), args).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if mysql_blames_data(&error) => Ok(Err(Refusal::Server(error))),
            Err(error) => Err(error.into()),
        }
    }

    fn weight(&self, row: usize) -> usize {
        let width = self.order.columns.names.len();
        let weigh = |cell: ValueRef<'_>| match cell {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 9,
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 9,
        };
        self.cells.range(row * width..(row + 1) * width).map(weigh).sum()
    }

    async fn refuse_unfit(&mut self, row: usize, column: usize) -> Result<(), Trouble> {
        let columns = self.order.columns;
        let (name, type_name) = (&columns.names[column], &columns.type_names[column]);
        let cell = self.cells.get(row * columns.names.len() + column);
        let shown = sqlite_cell(cell).map_or_else(String::new, |cell| cell.show());
        let reason = format!("`{shown}` does not fit the target's column `{name}` of type `{type_name}`");
        if self.order.side.is_none() {
            let at = row_name(self.marks[row].number, self.lane);
            return Err(failed(format!("connector `{}`: {at}, column `{name}`: {reason}", self.place.connector)).into());
        }
        let bad = self.bad_row(row, Some(name.clone()), reason);
        self.set_aside(&bad).await
    }

    async fn refuse(&mut self, row: usize, error: &sqlx::Error) -> Result<(), Trouble> {
        if self.order.side.is_none() {
            let mut failure = self.place.mysql(error, self.insert.head());
            // The server counts within the statement.
            if let Some(cut) = failure.message.strip_suffix(" at row 1") {
                failure.message = cut.to_owned();
            }
            failure.message.push_str(&format!(", in {}", row_name(self.marks[row].number, self.lane)));
            return Err(failure.into());
        }
        let said = error.as_database_error().map_or_else(|| error.to_string(), |refusal| refusal.message().to_owned());
        let reason = said.strip_suffix(" at row 1").unwrap_or(&said).to_owned();
        let column = named_column(&reason, &self.order.columns.names);
        let bad = self.bad_row(row, column, reason);
        self.set_aside(&bad).await
    }

    fn bad_row(&self, row: usize, column: Option<String>, reason: String) -> BadRow {
        let names = &self.order.columns.names;
        let cells = self.cells.range(row * names.len()..(row + 1) * names.len());
        let shown = cells.map(|cell| to_value(cell, Declared::Other).to_json());
        let data = Json::Object(names.iter().cloned().zip(shown).collect()).to_string();
        BadRow { number: self.marks[row].number, column, reason, data }
    }

    async fn set_aside(&mut self, bad: &BadRow) -> Result<(), Trouble> {
        let Some(side) = self.order.side else { return Ok(()) };
        sqlx::query(AssertSqlSafe(side.insert(|_| "?".to_owned())))
            .bind(&side.run)
            .bind(&side.step)
            .bind(i64::try_from(bad.number).unwrap_or(i64::MAX))
            .bind(&bad.column)
            .bind(&bad.reason)
            .bind(&bad.data)
            .execute(&mut *self.conn)
            .await?;
        self.loaded.skipped += 1;
        Ok(())
    }
}

fn failed(text: String) -> StepError {
    let mut error = StepError::new(StepErrorKind::Failed, text);
    error.may_retry = false;
    error
}

/// `c` of ``for column `db`.`t`.`c` `` or of `Column 'c' cannot be null`.
fn named_column(message: &str, names: &[String]) -> Option<String> {
    let at = message.find("olumn ")? + "olumn ".len();
    let quoted = message[at..].split_whitespace().next()?;
    let name = quoted.trim_end_matches(['\'', '`']).rsplit(['\'', '`']).next()?;
    names.iter().find(|n| *n == name).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_is_found_in_what_the_server_says() {
        let names = ["c".to_owned(), "amount".to_owned()];
        for (message, want) in [
            ("Incorrect decimal value: 'x' for column `db`.`t`.`amount`", Some("amount")),
            ("Column 'c' cannot be null", Some("c")),
            ("Data too long for column 'c'", Some("c")),
            ("Duplicate entry '1' for key 'PRIMARY'", None),
        ] {
            assert_eq!(named_column(message, &names).as_deref(), want, "{message}");
        }
    }
}
