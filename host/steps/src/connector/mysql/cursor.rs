//! Cursors of a session. The protocol has no cursor the driver could use, so a SELECT is streamed by a task of its own,
//! which stands still while nobody asks for rows; a cursor given up half-way ends the statement on the server. Where the
//! connection is needed for something else, the rows are fetched at once, up to a limit.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::port::SqlCursor;
use host_model::value::{Column, Row, Value};
use sqlx::{Either, Row as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Lease;
use super::session::Core;
use super::statement;
use crate::connector::fault::Trouble;
use crate::connector::scan;

/// Rows kept of a statement that cannot be streamed, and their bytes.
const MOST_KEPT_ROWS: usize = 100_000;
const MOST_KEPT_BYTES: usize = 64 << 20;
/// What the task sends at once.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 128 << 10;

/// What the task has to say. A channel that closes without [`Event::End`] has lost its task.
enum Event {
    Columns(Vec<Column>),
    Rows(Vec<Row>),
    End,
}

pub(super) struct MySqlCursor {
    columns: Vec<Column>,
    /// Rows that are here and have not been asked for.
    waiting: VecDeque<Row>,
    source: Option<Source>,
}

struct Source {
    events: mpsc::Receiver<Result<Event, StepError>>,
    task: JoinHandle<()>,
}

/// Runs a statement and fetches all its rows.
pub(super) async fn keep(
    lease: &mut Lease,
    statement: &scan::Statement,
    values: &[Value],
) -> Result<MySqlCursor, StepError> {
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let work = async {
        let ready = statement::prepare(conn, traits, &stop.place, statement, values).await?;
        let mut decoder = ready.decoder.clone();
        let (mut kept, mut bytes) = (VecDeque::new(), 0);
        let mut results = ready.run(conn);
        while let Some(result) = results.try_next().await? {
            let Either::Right(row) = result else { continue };
            if kept.is_empty() {
                decoder = decoder.renewed(row.columns(), traits);
            }
            let row = decoder.row(&row, &stop.place)?;
            bytes += weigh(&row);
            if kept.len() == MOST_KEPT_ROWS || bytes > MOST_KEPT_BYTES {
                let text = format!(
                    "`{}` returns more than {MOST_KEPT_ROWS} rows or {} MiB; only a SELECT outside of a transaction can \
                     return more",
                    statement.keyword(),
                    MOST_KEPT_BYTES >> 20
                );
                drop(results);
                stop.end_statement().await;
                return Err(Trouble::Step(stop.place.definition(text)));
            }
            kept.push_back(row);
        }
        Ok(MySqlCursor { columns: decoder.columns, waiting: kept, source: None })
    };
    stop.guard(statement.keyword(), work).await
}

/// Runs a SELECT on a connection that the cursor has to itself, and gives back to the session at the end of the rows.
pub(super) async fn stream(
    core: Arc<Core>,
    lease: Lease,
    statement: scan::Statement,
    values: Vec<Value>,
) -> Result<MySqlCursor, StepError> {
    let place = core.place.clone();
    let (sender, mut events) = mpsc::channel(1);
    let task = tokio::spawn(pump(core, lease, statement, values, sender));
    match events.recv().await {
        Some(Ok(Event::Columns(columns))) => {
            Ok(MySqlCursor { columns, waiting: VecDeque::new(), source: Some(Source { events, task }) })
        }
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Err(place.definition("the statement ended without a result")),
    }
}

async fn pump(
    core: Arc<Core>,
    mut lease: Lease,
    statement: scan::Statement,
    values: Vec<Value>,
    out: mpsc::Sender<Result<Event, StepError>>,
) {
    let stop = lease.stop.clone();
    let (conn, traits) = (&mut lease.conn, &lease.traits);
    let work = async {
        let ready = statement::prepare(conn, traits, &stop.place, &statement, &values).await?;
        let mut decoder = ready.decoder.clone();
        let mut has_told = false;
        let mut results = ready.run(conn);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(result) = results.try_next().await? {
            let Either::Right(row) = result else { continue };
            if !has_told {
                // The types are those of the bound values only now.
                decoder = decoder.renewed(row.columns(), traits);
                has_told = true;
                if out.send(Ok(Event::Columns(decoder.columns.clone()))).await.is_err() {
                    return Ok(false);
                }
            }
            let row = decoder.row(&row, &stop.place)?;
            bytes += weigh(&row);
            batch.push(row);
            if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
                bytes = 0;
                if out.send(Ok(Event::Rows(std::mem::take(&mut batch)))).await.is_err() {
                    return Ok(false);
                }
            }
        }
        if !has_told && out.send(Ok(Event::Columns(decoder.columns.clone()))).await.is_err() {
            return Ok(false);
        }
        Ok(batch.is_empty() || out.send(Ok(Event::Rows(batch))).await.is_ok())
    };
    match stop.guard(&statement.render(|_| "?".to_owned()), work).await {
        Ok(true) => {
            // First, so that the session has its connection again when the reader knows that it is over.
            core.put_back(lease).await;
            // Nobody listening is no loss.
            let _ = out.send(Ok(Event::End)).await;
        }
        Ok(false) => stop.end_statement().await,
        Err(error) => {
            // A refusal leaves the connection as good as before.
            core.put_back(lease).await;
            let _ = out.send(Err(error)).await;
        }
    }
}

fn weigh(row: &Row) -> usize {
    let cell = |value: &Value| match value {
        Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Timestamp(t) => t.len(),
        Value::Other(kind, t) => kind.len() + t.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
    };
    row.iter().map(|value| cell(value) + size_of::<Value>()).sum()
}

#[async_trait]
impl SqlCursor for MySqlCursor {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        while self.waiting.len() < max
            && let Some(source) = &mut self.source
        {
            match source.events.recv().await {
                Some(Ok(Event::Rows(rows))) => self.waiting.extend(rows),
                Some(Ok(Event::Columns(_))) => {}
                Some(Ok(Event::End)) => self.source = None,
                Some(Err(error)) => {
                    self.source = None;
                    return Err(error);
                }
                None => {
                    self.source = None;
                    return Err(StepError::remote("the task that read the rows has ended before they did"));
                }
            }
        }
        Ok(self.waiting.drain(..max.min(self.waiting.len())).collect())
    }
}

impl Drop for MySqlCursor {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            // Its guard ends the statement on the server.
            source.task.abort();
        }
    }
}
