//! SQLite as a source: one connection, one read transaction, so one state of the file from first to last row. A second
//! reader would have a state of its own, so `parallel` means nothing here.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::job::spec::{SourceTable, SqlCopySpec};
use host_model::port::Access;
use host_model::value::Value;
use host_model::{CancelToken, Json, StepError};
use rusqlite::Row;

use super::plan::{self, Source, SourceColumn, TableColumn};
use super::row::sqlite_cell;
use super::side::{Feed, Origin};
use super::types::{Seen, SourceType};
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::scan::Statement;
use crate::connector::sqlite::value::{Declared, to_value};
use crate::connector::sqlite::{Link, SqliteFile, Use};
use crate::connector::vet;
use crate::params;

/// Rows looked at to find a type where SQLite has none.
const SAMPLE_ROWS: usize = 1_000;

/// A described source.
pub(super) struct SqliteSource {
    file: Arc<SqliteFile>,
    place: Place,
    source: Source,
    cancel: CancelToken,
}

/// Looks at the source: its columns, and by a sample the types of those that nobody declared.
pub(super) async fn open(
    spec: &SqlCopySpec,
    file: &Arc<SqliteFile>,
    place: &Place,
    cancel: &CancelToken,
) -> Result<SqliteSource, StepError> {
    let spec = spec.clone();
    let describe = move |link: &Link| {
        let table = match &spec.source.table {
            SourceTable::Table { schema, table } => {
                let columns = table_columns(link, schema.as_deref(), table)?;
                if columns.is_empty() {
                    return Err(link.place().definition(format!("there is no table `{table}` to copy from")));
                }
                Some(columns)
            }
            SourceTable::Query(_) => None,
        };
        let binds = params::binds(&spec.source.params);
        let bind = |rows: &Statement| vet::values(rows, &binds, link.place());
        let mut source = plan::statements(&spec, Dialect::Sqlite, table.as_deref(), bind, link.place())?;
        let prepared = link.prepare(&source.rows, &source.values)?;
        let describe = |c: &rusqlite::Column<'_>| {
            let declared = c.decl_type().unwrap_or_default().to_owned();
            plan::source_column(c.name(), SourceType::Sqlite { declared }, table.as_deref())
        };
        source.columns = prepared.columns().iter().map(describe).collect();
        drop(prepared);
        sample(link, &source.rows, &source.values, &mut source.columns)?;
        Ok(source)
    };
    let source = file.work(place, Use::Step(Access::Read), cancel, describe).await?;
    Ok(SqliteSource { file: Arc::clone(file), place: place.clone(), source, cancel: cancel.clone() })
}

#[async_trait]
impl Origin for SqliteSource {
    fn columns(&self) -> &[SourceColumn] {
        &self.source.columns
    }

    async fn read(self: Box<Self>, feed: Feed) -> Result<(), StepError> {
        let Self { file, place, source, cancel } = *self;
        let work = move |link: &Link| read_rows(link, &source, &feed);
        file.work(&place, Use::Step(Access::Read), &cancel, work).await
    }
}

fn read_rows(link: &Link, source: &Source, feed: &Feed) -> Result<(), StepError> {
    link.batch("BEGIN")?;
    if let Some(count) = &source.count {
        let mut prepared = link.prepare(count, &source.values)?;
        let mut rows = prepared.raw_query();
        let counted = rows.next().and_then(|row| row.map(|r| r.get::<_, i64>(0)).transpose());
        let counted = counted.map_err(|e| link.fail(&e, "select count(*)"))?;
        feed.progress.set_total(counted.map(i64::unsigned_abs));
    }
    let sql = source.rows.render(|n| format!("?{}", n + 1));
    let mut prepared = link.prepare(&source.rows, &source.values)?;
    let mut rows = prepared.raw_query();
    let mut sink = feed.sink(link.place(), &source.columns, 0);
    'rows: while let Some(row) = rows.next().map_err(|e| link.fail(&e, &sql))? {
        sink.begin_row();
        for n in 0..source.columns.len() {
            let cell = row.get_ref(n).map_err(|e| link.fail(&e, &sql))?;
            if !sink.sqlite_cell(cell) {
                let shown =
                    sqlite_cell(cell).map_or_else(|| "text that is not UTF-8".to_owned(), |c: Cell<'_>| c.show());
                sink.refuse(&shown, || as_json(row, &source.columns))?;
                continue 'rows;
            }
        }
        sink.end_row();
        if sink.is_full() && !feed.send_blocking(&mut sink) {
            return Ok(());
        }
    }
    feed.send_blocking(&mut sink);
    Ok(())
}

/// The row as it is in the source.
fn as_json(row: &Row<'_>, columns: &[SourceColumn]) -> String {
    let cells = columns.iter().enumerate().map(|(n, column)| {
        let value = row.get_ref(n).map_or(Value::Null, |cell| to_value(cell, Declared::Other));
        (column.name.clone(), value.to_json())
    });
    Json::Object(cells.collect()).to_string()
}

/// The columns of a table; none when there is no such table.
pub(super) fn table_columns(link: &Link, schema: Option<&str>, table: &str) -> Result<Vec<TableColumn>, StepError> {
    let sql =
        "select name, type, \"notnull\", pk, hidden from pragma_table_xinfo(?1, ?2) where hidden <> 1 order by cid";
    let read = || -> rusqlite::Result<Vec<TableColumn>> {
        let mut prepared = link.conn.prepare(sql)?;
        let rows = prepared.query_map((table, schema.unwrap_or("main")), |row| {
            let key: u32 = row.get(3)?;
            Ok(TableColumn {
                name: row.get(0)?,
                type_name: row.get(1)?,
                is_not_null: row.get(2)?,
                key: (key > 0).then_some(key),
                is_generated: row.get::<_, i64>(4)? != 0,
            })
        })?;
        rows.collect()
    };
    read().map_err(|e| link.fail(&e, sql))
}

/// Fills in the types of columns nobody declared.
fn sample(link: &Link, rows: &Statement, values: &[Value], columns: &mut [SourceColumn]) -> Result<(), StepError> {
    use rusqlite::types::Type;
    let is_open = |c: &SourceColumn| matches!(&c.source_type, SourceType::Sqlite { declared } if declared.is_empty());
    if !columns.iter().any(is_open) {
        return Ok(());
    }
    let mut seen = vec![Seen::default(); columns.len()];
    let mut prepared = link.prepare(rows, values)?;
    let mut found = prepared.raw_query();
    for _ in 0..SAMPLE_ROWS {
        let Some(row) = found.next().map_err(|e| link.fail(&e, rows.keyword()))? else { break };
        for (n, seen) in seen.iter_mut().enumerate() {
            match row.get_ref(n).map_err(|e| link.fail(&e, rows.keyword()))?.data_type() {
                Type::Null => {}
                Type::Integer => seen.integers = true,
                Type::Real => seen.reals = true,
                Type::Text => seen.texts = true,
                Type::Blob => seen.blobs = true,
            }
        }
    }
    for (column, seen) in columns.iter_mut().zip(seen) {
        if is_open(column) {
            column.source_type = SourceType::Sqlite { declared: seen.declared().to_owned() };
            column.is_sampled = true;
        }
    }
    Ok(())
}
