//! Statements of a callable on named connectors, and the cursors it left open. Sessions end with the step.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use host_model::batch::{Batch, BatchLimit};
use host_model::port::{Access, SqlCursor, SqlSession, StepContext};
use host_model::value::Binds;
use host_model::{CancelToken, Json, StepError, StepErrorKind};
use serde::Deserialize;

use super::{Answer, columns};
use crate::{cell, frame};

/// Rows fetched at a time where the callable wants them all.
const FETCH: usize = 1_000;

/// Room for the rest of an answer beside its rows.
const LARGEST_ROWS: usize = frame::LARGEST - 64 * 1024;

/// One statement.
#[derive(Deserialize)]
pub(crate) struct Statement {
    what: What,
    connector: String,
    sql: String,
    binds: Vec<(String, Json)>,
    #[serde(default)]
    batch_size: usize,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum What {
    Query,
    Scalar,
    Execute,
    Open,
    Arrow,
    Dialect,
}

/// A SELECT read in batches. The cursor is declared first: it is dropped before its session.
struct OpenCursor {
    cursor: Box<dyn SqlCursor>,
    _session: Box<dyn SqlSession>,
    batch_size: usize,
}

/// The open cursors of one step.
#[derive(Default)]
pub(super) struct Cursors(Mutex<Open>);

#[derive(Default)]
struct Open {
    by_id: HashMap<u64, OpenCursor>,
    last: u64,
}

impl Cursors {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the statement, if it has not ended.
    pub(super) fn close(&self, id: u64) {
        self.lock().by_id.remove(&id);
    }

    fn add(&self, open: OpenCursor) -> u64 {
        let mut cursors = self.lock();
        cursors.last += 1;
        let id = cursors.last;
        cursors.by_id.insert(id, open);
        id
    }

    /// The next batch of a cursor.
    pub(super) async fn next_batch(&self, id: u64) -> Result<Vec<u8>, StepError> {
        let taken = self.lock().by_id.remove(&id);
        let Some(mut open) = taken else {
            return Err(StepError::new(StepErrorKind::Failed, "the stream is closed, or another thread is reading it"));
        };
        let batch = open.cursor.next_columns(BatchLimit::rows(open.batch_size)).await?;
        if batch.is_empty() {
            return Ok(b"{\"value\":null}".to_vec());
        }
        let mut answer = b"{\"value\":[".to_vec();
        write_rows(&batch, &mut answer, "ask for a smaller `batch_size`")?;
        answer.extend_from_slice(b"]}");
        self.lock().by_id.insert(id, open);
        Ok(answer)
    }
}

/// Runs a statement as far as its answer needs.
pub(super) async fn run(
    ctx: &StepContext,
    cursors: &Cursors,
    statement: Statement,
    token: &CancelToken,
    memory: Option<u64>,
) -> Result<Answer, StepError> {
    let Statement { what, connector, sql, binds, batch_size } = statement;
    let binds = read_binds(&binds)?;
    let access = if matches!(what, What::Execute) { Access::ReadWrite } else { Access::Read };
    let session = ctx.connectors.open(&connector, access, token).await?;
    let body = match what {
        What::Dialect => format!("{{\"value\":\"{}\"}}", session.dialect()).into_bytes(),
        What::Execute => {
            let rows = session.execute(&sql, binds).await?;
            format!("{{\"value\":{rows}}}").into_bytes()
        }
        What::Scalar => {
            let mut cursor = session.query(&sql, binds).await?;
            let first = cursor.next_columns(BatchLimit::rows(1)).await?;
            let mut answer = b"{\"value\":".to_vec();
            cell::write(first.cell(0, 0), &mut answer);
            answer.push(b'}');
            answer
        }
        What::Query => {
            let mut cursor = session.query(&sql, binds).await?;
            let mut answer = format!("{{\"value\":{{\"columns\":{},\"rows\":[", names(cursor.as_ref())).into_bytes();
            loop {
                let batch = cursor.next_columns(BatchLimit::rows(FETCH)).await?;
                if batch.is_empty() {
                    break;
                }
                write_rows(&batch, &mut answer, "read it in batches with `stream`")?;
                answer.push(b',');
            }
            if answer.last() == Some(&b',') {
                answer.pop();
            }
            answer.extend_from_slice(b"]}}");
            answer
        }
        What::Open => {
            let cursor = session.query(&sql, binds).await?;
            let columns = names(cursor.as_ref());
            let id = cursors.add(OpenCursor { cursor, _session: session, batch_size: batch_size.max(1) });
            format!("{{\"value\":{{\"cursor\":{id},\"columns\":{columns}}}}}").into_bytes()
        }
        What::Arrow => {
            let mut cursor = session.query(&sql, binds).await?;
            let file = columns::collect(cursor.as_mut(), batch_size.max(1), memory).await?;
            let body = format!("{{\"value\":{}}}", names(cursor.as_ref())).into_bytes();
            return Ok(Answer { body, file: Some(file) });
        }
    };
    Ok(body.into())
}

fn names(cursor: &dyn SqlCursor) -> Json {
    cursor.columns().iter().map(|column| Json::from(column.name.clone())).collect()
}

fn write_rows(batch: &Batch, answer: &mut Vec<u8>, advice: &str) -> Result<(), StepError> {
    for row in 0..batch.rows() {
        answer.extend_from_slice(if row == 0 { b"[" } else { b",[" });
        for (index, cell) in batch.row(row).enumerate() {
            if index > 0 {
                answer.push(b',');
            }
            cell::write(cell, answer);
        }
        answer.push(b']');
        if answer.len() > LARGEST_ROWS {
            return Err(too_large(advice));
        }
    }
    Ok(())
}

fn too_large(advice: &str) -> StepError {
    let limit = frame::LARGEST >> 20;
    let message = format!("the rows pass {limit} MiB, the most that may cross at once; {advice}");
    StepError::new(StepErrorKind::Failed, message)
}

pub(super) fn read_binds(binds: &[(String, Json)]) -> Result<Binds, StepError> {
    let read = |(name, value): &(String, Json)| match cell::read(value) {
        Ok(value) => Ok((name.clone(), value)),
        Err(why) => Err(StepError::new(StepErrorKind::Failed, format!("parameter `{name}`: {why}"))),
    };
    binds.iter().map(read).collect()
}
