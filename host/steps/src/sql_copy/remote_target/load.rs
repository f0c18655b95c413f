//! Rows into a table of SQL Server or Oracle, in the open transaction. Where the server refuses some rows because of what is
//! in them, they are tried by halves behind a savepoint, so that the bad one is named, or set aside when there is a side
//! table.

use std::ops::Range;

use host_model::value::{Row, Value};
use host_model::{Json, StepError, StepErrorKind};
use rusqlite::types::ValueRef;

use super::dialect::Words;
use crate::connector::remote::{Insert, Link};
use crate::sql_copy::bad_rows::SideTable;
use crate::sql_copy::cells::Cells;
use crate::sql_copy::progress::Progress;
use crate::sql_copy::row::{BadRow, Chunk, Data, Mark, row_name};
use crate::sql_copy::side::Loaded;
use crate::sql_copy::types::Standard;

pub(super) struct Loader<'a> {
    pub(super) link: &'a Link,
    pub(super) words: &'a Words,
    pub(super) into: &'a str,
    pub(super) names: &'a [String],
    pub(super) columns: &'a [Standard],
    pub(super) coalesces: bool,
    pub(super) side: Option<&'a SideTable>,
    pub(super) loaded: Loaded,
}

impl Loader<'_> {
    /// Takes in what can be taken of a chunk.
    pub(super) async fn take(&mut self, chunk: Chunk, progress: &Progress) -> Result<(), StepError> {
        for bad in &chunk.bad {
            self.set_aside(bad).await?;
        }
        let Data::Cells(cells) = chunk.data else { return Ok(()) };
        let rows = self.rows(&cells);
        let mut ranges = Vec::from_iter((!rows.is_empty()).then_some(0..rows.len()));
        while let Some(range) = ranges.pop() {
            if range.is_empty() {
                continue;
            }
            let Some(error) = self.try_insert(&rows[range.clone()]).await? else {
                self.loaded.add(&chunk.marks[range]);
                continue;
            };
            if range.len() > 1 {
                let middle = range.start + range.len() / 2;
                // What comes first goes in first: keys that clash are the later row's fault.
                ranges.extend([middle..range.end, range.start..middle]);
                continue;
            }
            self.refuse(&rows, &range, &chunk.marks, chunk.lane, error).await?;
        }
        progress.add_written(chunk.marks.len() as u64);
        Ok(())
    }

    /// What the server has against the rows, if it is one of them that is at fault. Then none of them is in the table.
    async fn try_insert(&self, rows: &[Row]) -> Result<Option<StepError>, StepError> {
        if let Some(savepoint) = self.words.savepoint() {
            self.link.execute(savepoint).await?;
        }
        let (table, columns) = (self.into.to_owned(), self.names.to_vec());
        let Err(error) = self.link.insert(Insert { table, columns, rows: rows.to_vec() }).await else {
            return Ok(None);
        };
        let Some(back) = self.words.back_to_savepoint().filter(|_| self.words.blames_data(&error)) else {
            return Err(error);
        };
        // A server that has given up the transaction has no savepoint any more, and its first words are the ones that count.
        match self.link.execute(back).await {
            Ok(_) => Ok(Some(error)),
            Err(_) => Err(error),
        }
    }

    async fn refuse(
        &mut self,
        rows: &[Row],
        range: &Range<usize>,
        marks: &[Mark],
        lane: u32,
        mut error: StepError,
    ) -> Result<(), StepError> {
        let number = marks[range.start].number;
        let place = &self.link.place;
        let prefix = format!("connector `{}` ({}): ", place.connector, place.label);
        let reason = error.message.strip_prefix(&prefix).unwrap_or(&error.message).to_owned();
        let column = named_column(&reason, self.names);
        if self.side.is_none() {
            error.kind = StepErrorKind::Failed;
            error.may_retry = false;
            let said = error.message.trim_end_matches('.').to_owned();
            error.message = format!("{said}, in {}", row_name(number, lane));
            if let Some(column) = column {
                error.message.push_str(&format!(", column `{column}`"));
            }
            return Err(error);
        }
        let shown = |value: &Value| value.to_json();
        let data = Json::Object(self.names.iter().cloned().zip(rows[range.start].iter().map(shown)).collect());
        self.set_aside(&BadRow { number, column, reason, data: data.to_string() }).await
    }

    async fn set_aside(&mut self, bad: &BadRow) -> Result<(), StepError> {
        let Some(side) = self.side else { return Ok(()) };
        let number = i64::try_from(bad.number).unwrap_or(i64::MAX);
        // What Oracle keeps in 4000 bytes.
        let reason = bad.reason.chars().take(900).collect();
        let row = vec![
            Value::Text(side.run.clone()),
            Value::Text(side.step.clone()),
            Value::Int(number),
            bad.column.clone().map_or(Value::Null, Value::Text),
            Value::Text(reason),
            Value::Text(bad.data.clone()),
        ];
        let columns = SIDE_COLUMNS.iter().map(|name| self.words.spelled(name)).collect();
        self.link.insert(Insert { table: side.path.clone(), columns, rows: vec![row] }).await?;
        self.loaded.skipped += 1;
        Ok(())
    }

    fn rows(&self, cells: &Cells) -> Vec<Row> {
        let width = self.columns.len().max(1);
        let row = |first: usize| {
            let cells = cells.range(first..first + width);
            self.columns.iter().zip(cells).map(|(column, cell)| value(cell, *column, self.coalesces)).collect()
        };
        (0..cells.len()).step_by(width).map(row).collect()
    }
}

/// The columns of the side table that are filled.
const SIDE_COLUMNS: [&str; 6] = ["run_id", "step", "row_number", "column_name", "reason", "row_data"];

/// The column that the server names, in quotes of its kind.
fn named_column(message: &str, names: &[String]) -> Option<String> {
    let is_named = |name: &&String| message.contains(&format!("'{name}'")) || message.contains(&format!("\"{name}\""));
    names.iter().find(is_named).cloned()
}

/// The cell in the words of the target's column, so that the server does not have to guess from text.
fn value(cell: ValueRef<'_>, column: Standard, coalesces: bool) -> Value {
    let is_text = matches!(column, Standard::Text | Standard::Varchar(_));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match (cell, column) {
        (ValueRef::Null, column) if coalesces && column.is_number() => Value::Int(0),
        (ValueRef::Null, _) if coalesces && is_text => Value::Text(" ".into()),
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(n), Standard::Boolean) => Value::Bool(n != 0),
        (ValueRef::Integer(n), _) => Value::Int(n),
        (ValueRef::Real(f), _) => Value::Float(f),
        (ValueRef::Blob(bytes), _) => Value::Bytes(bytes.to_vec()),
        (ValueRef::Text(b""), _) if coalesces && is_text => Value::Text(" ".into()),
        (ValueRef::Text(bytes), Standard::Numeric(_) | Standard::Bigint) => Value::Decimal(text(bytes)),
        (ValueRef::Text(bytes), Standard::Date) => Value::Date(text(bytes)),
        (ValueRef::Text(bytes), Standard::Timestamp | Standard::Timestamptz) => Value::Timestamp(with_t(text(bytes))),
        (ValueRef::Text(bytes), _) => Value::Text(text(bytes)),
    }
}

/// `2026-01-01 10:00:00`, as SQLite has it, with a `T`: SQL Server reads the other form by the settings of the session.
fn with_t(mut text: String) -> String {
    if text.as_bytes().get(10) == Some(&b' ') {
        text.replace_range(10..11, "T");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_is_found_in_what_the_servers_say() {
        let names = ["id".to_owned(), "NAME".to_owned()];
        for (message, want) in [
            (
                "Cannot insert the value NULL into column 'id', table 'd.dbo.t'; column does not allow nulls.",
                Some("id"),
            ),
            ("ORA-12899: value too large for column \"S\".\"T\".\"NAME\" (actual: 9, maximum: 5)", Some("NAME")),
            ("ORA-00001: unique constraint (S.T_PK) violated", None),
        ] {
            assert_eq!(named_column(message, &names).as_deref(), want, "{message}");
        }
    }

    #[test]
    fn cells_take_the_words_of_their_column() {
        let text = |t: &'static str| ValueRef::Text(t.as_bytes());
        for (cell, column, coalesces, want) in [
            (text("1.20"), Standard::Numeric(Some((15, 2))), false, Value::Decimal("1.20".into())),
            (text("2026-01-01 10:00:00"), Standard::Timestamp, false, Value::Timestamp("2026-01-01T10:00:00".into())),
            (ValueRef::Integer(1), Standard::Boolean, false, Value::Bool(true)),
            (ValueRef::Null, Standard::Varchar(3), false, Value::Null),
            (ValueRef::Null, Standard::Varchar(3), true, Value::Text(" ".into())),
            (text(""), Standard::Text, true, Value::Text(" ".into())),
            (text(""), Standard::Text, false, Value::Text("".into())),
            (ValueRef::Null, Standard::Bigint, true, Value::Int(0)),
            (ValueRef::Null, Standard::Date, true, Value::Null),
        ] {
            assert_eq!(value(cell, column, coalesces), want, "{cell:?} {column:?}");
        }
    }
}
