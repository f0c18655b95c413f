//! SQL Server and Oracle as targets: into a table that exists, in one transaction, emptied before when the mode says so. A
//! copy that fails or is killed leaves the table as it was, because the server rolls back.
//!
//! Not here: making the table, upserts, side tables and checksums; they are refused before anything is read.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SqlCopySpec, Verify};
use host_model::port::Access;
use host_model::value::{Column, Row, Value};
use host_model::{CancelToken, StepError};
use rusqlite::types::Value as SqliteCell;
use tokio::sync::mpsc::Receiver;

use super::check::check_counts;
use super::coerce::Taste;
use super::plan::{self, SourceColumn, TableColumn};
use super::progress::Progress;
use super::remote_types::{standard, taste};
use super::row::{Data, Encoding, Message};
use super::side::{Destination, Loaded, Written};
use super::types::Standard;
use crate::connector::fault::Place;
use crate::connector::remote::{Control, Insert, Link, Server};
use crate::connector::vet;

/// A target that has been looked at, and the connection it will be written on.
pub(super) struct RemoteTarget {
    link: Link,
    dialect: Dialect,
    path: String,
    table: String,
    mode: CopyMode,
    /// As the target calls them, in the source's order.
    names: Vec<String>,
    columns: Vec<Standard>,
    /// Whether an absent text becomes a space and an absent number 0.
    coalesces: bool,
}

/// Looks at the target.
pub(super) async fn open(
    spec: &SqlCopySpec,
    server: &Arc<dyn Server>,
    place: &Place,
    source: &[SourceColumn],
    has_side: bool,
    longest: Duration,
    cancel: &CancelToken,
) -> Result<RemoteTarget, StepError> {
    let dialect = server.dialect();
    let missing = [
        (spec.mode == CopyMode::Upsert, "`mode = \"upsert\"`"),
        (has_side, "`on_bad_row = \"skip_to\"`"),
        (spec.verify == Verify::Checksum, "`verify = \"checksum\"`"),
    ];
    if let Some((_, what)) = missing.iter().find(|(is_asked, _)| *is_asked) {
        return Err(place.definition(format!("{what} is not there for a target of `{}`", dialect.as_str())));
    }
    let link = server.link(place, Access::ReadWrite, Some(longest), cancel).await?;
    let path = vet::quote_table_for(dialect, spec.target.schema.as_deref(), &spec.target.table);
    let all = plan::single_select(&format!("select * from {path}"), dialect, place)?;
    let existing = link.describe(&all, &[]).await.map_err(|mut error| {
        error.message.push_str("; a table that does not exist is not made for a target of this kind");
        error
    })?;
    let known: Vec<TableColumn> = existing.iter().map(known).collect();
    let names = plan::map_columns(source, &known, &spec.target.table, place)?;
    let of = |name: &String| {
        existing.iter().find(|c| c.name == *name).map_or(Standard::Text, |c| standard(dialect, &c.kind))
    };
    Ok(RemoteTarget {
        link,
        dialect,
        path,
        table: spec.target.table.clone(),
        mode: spec.mode,
        columns: names.iter().map(of).collect(),
        names,
        coalesces: server.terms().coalesces_nulls,
    })
}

fn known(column: &Column) -> TableColumn {
    TableColumn {
        name: column.name.clone(),
        type_name: column.kind.clone(),
        is_not_null: !column.nullable,
        key: None,
        is_generated: false,
    }
}

#[async_trait]
impl Destination for RemoteTarget {
    fn encoding(&self) -> Encoding {
        Encoding::Cells
    }

    fn tastes(&self) -> Vec<Taste> {
        self.columns.iter().map(|c| taste(*c)).collect()
    }

    fn describe(&self) -> &'static str {
        match self.mode {
            CopyMode::Append => "appending, in one transaction",
            CopyMode::Overwrite | CopyMode::Upsert => "in one transaction, in place of the rows that are there",
        }
    }

    async fn write(
        self: Box<Self>,
        mut chunks: Receiver<Message>,
        progress: Arc<Progress>,
    ) -> Result<Option<Written>, StepError> {
        self.link.control(Control::Begin).await?;
        if self.mode == CopyMode::Overwrite {
            self.link.execute(&format!("delete from {}", self.path)).await?;
        }
        let mut loaded = Loaded::default();
        loop {
            match chunks.recv().await {
                // The source failed: dropping the connection rolls back.
                None => return Ok(None),
                Some(Message::End) => break,
                Some(Message::Chunk(chunk)) => {
                    if let Data::Cells(cells) = chunk.data {
                        let rows = self.rows(cells);
                        let (table, columns) = (self.path.clone(), self.names.clone());
                        self.link.insert(Insert { table, columns, rows }).await?;
                    }
                    loaded.add(&chunk.marks);
                    progress.add_written(chunk.marks.len() as u64);
                }
            }
        }
        let target_rows = self.count().await?;
        let arrived = if self.mode == CopyMode::Append { loaded.rows } else { target_rows };
        check_counts(&progress, arrived, &self.link.place, &self.table)?;
        self.link.control(Control::Commit).await?;
        Ok(Some(Written { rows: loaded.rows, skipped: 0, target_rows, changes: None }))
    }
}

impl RemoteTarget {
    async fn count(&self) -> Result<u64, StepError> {
        let function = if self.dialect == Dialect::SqlServer { "count_big" } else { "count" };
        let counted = self.link.ask_one(&format!("select {function}(*) from {}", self.path)).await?;
        let rows = match &counted {
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::Decimal(text) => text.parse().ok(),
            _ => None,
        };
        rows.ok_or_else(|| self.link.place.definition(format!("`{}` cannot be counted", self.table)))
    }

    fn rows(&self, cells: Vec<SqliteCell>) -> Vec<Row> {
        let mut rows = Vec::with_capacity(cells.len() / self.columns.len().max(1));
        let mut cells = cells.into_iter().peekable();
        while cells.peek().is_some() {
            let row = self.columns.iter().zip(&mut cells).map(|(column, cell)| value(cell, *column, self.coalesces));
            rows.push(row.collect());
        }
        rows
    }
}

/// The cell in the words of the target's column, so that the server does not have to guess from text.
fn value(cell: SqliteCell, column: Standard, coalesces: bool) -> Value {
    let is_text = matches!(column, Standard::Text | Standard::Varchar(_));
    match (cell, column) {
        (SqliteCell::Null, column) if coalesces && column.is_number() => Value::Int(0),
        (SqliteCell::Null, _) if coalesces && is_text => Value::Text(" ".into()),
        (SqliteCell::Null, _) => Value::Null,
        (SqliteCell::Integer(n), Standard::Boolean) => Value::Bool(n != 0),
        (SqliteCell::Integer(n), _) => Value::Int(n),
        (SqliteCell::Real(f), _) => Value::Float(f),
        (SqliteCell::Blob(bytes), _) => Value::Bytes(bytes),
        (SqliteCell::Text(text), _) if coalesces && is_text && text.is_empty() => Value::Text(" ".into()),
        (SqliteCell::Text(text), Standard::Numeric(_) | Standard::Bigint) => Value::Decimal(text),
        (SqliteCell::Text(text), Standard::Date) => Value::Date(text),
        (SqliteCell::Text(text), Standard::Timestamp | Standard::Timestamptz) => Value::Timestamp(with_t(text)),
        (SqliteCell::Text(text), _) => Value::Text(text),
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
    fn cells_take_the_words_of_their_column() {
        let text = |t: &str| SqliteCell::Text(t.into());
        for (cell, column, coalesces, want) in [
            (text("1.20"), Standard::Numeric(Some((15, 2))), false, Value::Decimal("1.20".into())),
            (text("2026-01-01 10:00:00"), Standard::Timestamp, false, Value::Timestamp("2026-01-01T10:00:00".into())),
            (SqliteCell::Integer(1), Standard::Boolean, false, Value::Bool(true)),
            (SqliteCell::Null, Standard::Varchar(3), false, Value::Null),
            (SqliteCell::Null, Standard::Varchar(3), true, Value::Text(" ".into())),
            (text(""), Standard::Text, true, Value::Text(" ".into())),
            (text(""), Standard::Text, false, Value::Text("".into())),
            (SqliteCell::Null, Standard::Bigint, true, Value::Int(0)),
            (SqliteCell::Null, Standard::Date, true, Value::Null),
        ] {
            assert_eq!(value(cell.clone(), column, coalesces), want, "{cell:?} {column:?}");
        }
    }
}
