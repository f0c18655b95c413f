//! Rows into a table: those of a SELECT, which never enter the worker, and those a callable made. One transaction each,
//! all rows or none.

use host_model::batch::BatchLimit;
use host_model::port::{Access, SqlSession, StepContext};
use host_model::value::Row;
use host_model::{CancelToken, Json, StepError, StepErrorKind};
use serde::Deserialize;

use super::sql::read_binds;
use crate::cell;

/// The rows of a SELECT into a table, perhaps of another connector.
#[derive(Deserialize)]
pub(crate) struct Copy {
    connector: String,
    sql: String,
    binds: Vec<(String, Json)>,
    to: String,
    table: String,
    /// Columns of the table, in the order of the SELECT's; the SELECT's names where there are none.
    columns: Option<Vec<String>>,
    batch_size: usize,
}

/// Rows that a callable made.
#[derive(Deserialize)]
pub(crate) struct Insert {
    connector: String,
    table: String,
    columns: Vec<String>,
    rows: Vec<Vec<Json>>,
}

/// Copies, and tells the page how far it is.
pub(super) async fn copy(ctx: &StepContext, copy: Copy, token: &CancelToken) -> Result<Vec<u8>, StepError> {
    let source = ctx.connectors.open(&copy.connector, Access::Read, token).await?;
    let mut cursor = source.query(&copy.sql, read_binds(&copy.binds)?).await?;
    let found: Vec<String> = cursor.columns().iter().map(|column| column.name.clone()).collect();
    let columns = copy.columns.unwrap_or_else(|| found.clone());
    if columns.len() != found.len() {
        let message = format!("the query has {} columns, and {} are named for the table", found.len(), columns.len());
        return Err(StepError::definition(message));
    }
    let target = ctx.connectors.open(&copy.to, Access::ReadWrite, token).await?;
    target.begin().await?;
    let mut copied = 0;
    loop {
        let batch = cursor.next_columns(BatchLimit::rows(copy.batch_size.max(1))).await?;
        if batch.is_empty() {
            break;
        }
        copied += target.insert_columns(&copy.table, &columns, batch).await?;
        ctx.voice.progress(copied, None, &copy.table);
    }
    target.commit().await?;
    Ok(counted(copied))
}

/// Inserts.
pub(super) async fn insert(ctx: &StepContext, insert: Insert, token: &CancelToken) -> Result<Vec<u8>, StepError> {
    let read = |cells: Vec<Json>| cells.iter().map(cell::read).collect::<Result<Row, String>>();
    let rows: Result<Vec<Row>, String> = insert.rows.into_iter().map(read).collect();
    let rows =
        rows.map_err(|why| StepError::new(StepErrorKind::Failed, format!("a row of `{}`: {why}", insert.table)))?;
    let target = ctx.connectors.open(&insert.connector, Access::ReadWrite, token).await?;
    target.begin().await?;
    let inserted = insert_rows(target.as_ref(), &insert.table, &insert.columns, rows).await?;
    target.commit().await?;
    Ok(counted(inserted))
}

async fn insert_rows(
    target: &dyn SqlSession,
    table: &str,
    columns: &[String],
    rows: Vec<Row>,
) -> Result<u64, StepError> {
    if rows.is_empty() { Ok(0) } else { target.insert_rows(table, columns, rows).await }
}

fn counted(rows: u64) -> Vec<u8> {
    format!("{{\"value\":{rows}}}").into_bytes()
}
