//! SQL Server and Oracle as sources: one connection, one statement, one reader.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::job::spec::{SourceTable, SqlCopySpec};
use host_model::port::Access;
use host_model::value::{Column, Row, Value};
use host_model::{CancelToken, Json, StepError};

use super::plan::{self, Source, SourceColumn, TableColumn};
use super::remote_types::standard;
use super::side::{Feed, Origin};
use super::types::SourceType;
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::remote::{Link, Server};
use crate::connector::scan::Statement;
use crate::connector::vet::{self, quote};
use crate::params;

/// A described source, and the connection it will be read on.
pub(super) struct RemoteSource {
    link: Link,
    source: Source,
    /// Whether spaces at the end of text are dropped.
    trims: bool,
    /// Whether the count before and the rows after it are of one state.
    counts: bool,
}

/// Looks at the source.
pub(super) async fn open(
    spec: &SqlCopySpec,
    server: &Arc<dyn Server>,
    place: &Place,
    longest: Duration,
    cancel: &CancelToken,
) -> Result<RemoteSource, StepError> {
    let dialect = server.dialect();
    let link = server.link(place, Access::Read, Some(longest), cancel).await?;
    let table = match &spec.source.table {
        SourceTable::Table { schema, table } => {
            let path = vet::quote_table_for(dialect, schema.as_deref(), table);
            let all = plan::single_select(&format!("select * from {path}"), dialect, place)?;
            Some(link.describe(&all, &[]).await?.iter().map(table_column).collect::<Vec<_>>())
        }
        SourceTable::Query(_) => None,
    };
    let binds = params::binds(&spec.source.params);
    let bind = |rows: &Statement| vet::values(rows, &binds, place);
    let mut source = plan::statements(spec, dialect, table.as_deref(), bind, place)?;
    if !source.rows.is_plain_select() {
        return Err(vet::refused_write(source.rows.writing_word(), place));
    }
    let mut columns = link.describe(&source.rows, &source.values).await?;
    // The driver reads `money` by way of a float, which is exact for small amounts only.
    if let Some(read) = source.table.as_ref().filter(|_| columns.iter().any(is_money)) {
        let cast = |c: &Column| match (quote(&c.name), is_money(c)) {
            (name, true) => format!("cast({name} as decimal(19,4)) as {name}"),
            (name, false) => name,
        };
        let list = columns.iter().map(cast).collect::<Vec<_>>().join(", ");
        source.rows = plan::single_select(&read.select(&list, None), dialect, place)?;
        columns = link.describe(&source.rows, &source.values).await?;
    }
    let describe = |c: &Column| {
        let mut column =
            plan::source_column(&c.name, SourceType::Standard(standard(dialect, &c.kind)), table.as_deref());
        column.is_not_null = !c.nullable;
        column
    };
    source.columns = columns.iter().map(describe).collect();
    Ok(RemoteSource {
        link,
        source,
        trims: server.terms().trims_strings,
        // A reading transaction of Oracle sees one state; in SQL Server rows may come and go between two statements.
        counts: dialect == Dialect::Oracle,
    })
}

fn is_money(column: &Column) -> bool {
    matches!(column.kind.as_str(), "money" | "smallmoney")
}

fn table_column(column: &Column) -> TableColumn {
    TableColumn {
        name: column.name.clone(),
        type_name: column.kind.clone(),
        is_not_null: !column.nullable,
        key: None,
        is_generated: false,
    }
}

#[async_trait]
impl Origin for RemoteSource {
    fn columns(&self) -> &[SourceColumn] {
        &self.source.columns
    }

    async fn read(self: Box<Self>, feed: Feed) -> Result<(), StepError> {
        let Self { link, source, trims, counts } = *self;
        if let Some(count) = source.count.as_ref().filter(|_| counts) {
            let mut counted = link.run(count, &source.values).await?;
            if let Ok(rows) = counted.next(&link).await? {
                feed.progress.set_total(rows.first().and_then(|row| row.first()).and_then(whole));
            }
        }
        let mut running = link.run(&source.rows, &source.values).await?;
        let mut sink = feed.sink(&link.place, &source.columns, 0);
        while let Ok(rows) = running.next(&link).await? {
            for row in &rows {
                if row.len() != source.columns.len() {
                    return Err(link.place.definition("the source changed while it was read"));
                }
                sink.begin_row();
                let refused = row.iter().find(|value| !sink.cell(cell(value, trims)));
                match refused {
                    Some(value) => sink.refuse(&Cell::from(value).show(), || as_json(row, &source.columns))?,
                    None => sink.end_row(),
                }
                if sink.is_full() && !feed.send(&mut sink).await {
                    return Ok(());
                }
            }
        }
        feed.send(&mut sink).await;
        Ok(())
    }
}

fn cell(value: &Value, trims: bool) -> Cell<'_> {
    match value {
        Value::Text(text) if trims => Cell::Text(text.trim_end_matches(' ')),
        value => Cell::from(value),
    }
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Int(n) => u64::try_from(*n).ok(),
        Value::Decimal(text) => text.parse().ok(),
        _ => None,
    }
}

/// The row as it is in the source.
fn as_json(row: &Row, columns: &[SourceColumn]) -> String {
    let cells = columns.iter().zip(row).map(|(column, value)| (column.name.clone(), value.to_json()));
    Json::Object(cells.collect()).to_string()
}
