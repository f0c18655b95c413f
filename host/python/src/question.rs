//! What a callable asks the host while it runs: statements on named connectors. Every question is answered once, in any
//! order, so that several threads or tasks of a callable work side by side. Sessions and cursors live here and end with
//! the step; credentials never cross.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use host_model::batch::{Batch, BatchLimit};
use host_model::port::{Access, SqlCursor, SqlSession, StepContext};
use host_model::value::Binds;
use host_model::{CancelToken, Json, StepError, StepErrorKind};
use serde::Deserialize;
use serde_json::json;

use crate::{cell, frame};

/// Rows fetched at a time where the callable wants them all.
const FETCH: usize = 1_000;

/// Room for the rest of an answer beside its rows.
const LARGEST_ROWS: usize = frame::LARGEST - 64 * 1024;

/// A question as it arrives.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Question {
    /// A statement.
    Sql {
        what: What,
        connector: String,
        sql: String,
        binds: Vec<(String, Json)>,
        #[serde(default)]
        batch_size: usize,
    },
    /// The next batch of an open cursor.
    Next { cursor: u64 },
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum What {
    Query,
    Scalar,
    Execute,
    Open,
}

/// A SELECT read in batches. The cursor is declared first: it is dropped before its session.
struct OpenCursor {
    cursor: Box<dyn SqlCursor>,
    _session: Box<dyn SqlSession>,
    batch_size: usize,
}

#[derive(Default)]
struct Cursors {
    open: HashMap<u64, OpenCursor>,
    last: u64,
}

/// The questions of one step.
pub(crate) struct Questions<'a> {
    ctx: &'a StepContext,
    cursors: Arc<Mutex<Cursors>>,
    tokens: HashMap<u32, CancelToken>,
    running: FuturesUnordered<BoxFuture<'a, (u32, Vec<u8>)>>,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(ctx: &'a StepContext) -> Self {
        Self { ctx, cursors: Arc::default(), tokens: HashMap::new(), running: FuturesUnordered::new() }
    }

    /// Begins to work on a question.
    pub(crate) fn ask(&mut self, number: u32, question: Question) {
        let token = self.ctx.cancel.child();
        self.tokens.insert(number, token.clone());
        let (ctx, cursors) = (self.ctx, Arc::clone(&self.cursors));
        self.running.push(Box::pin(async move {
            let answer = work(ctx, &cursors, question, &token).await;
            (number, answer.unwrap_or_else(|error| refusal(&error)))
        }));
    }

    /// Nobody waits for the answer any more: the statement is stopped, its answer is dropped by the worker.
    pub(crate) fn forget(&mut self, number: u32) {
        if let Some(token) = self.tokens.remove(&number) {
            token.cancel("the callable no longer waits for the answer");
        }
    }

    /// The callable is done with a cursor.
    pub(crate) fn close(&mut self, cursor: u64) {
        lock(&self.cursors).open.remove(&cursor);
    }

    /// The next answer; `None` while nothing is being worked on.
    pub(crate) async fn next(&mut self) -> Option<(u32, Vec<u8>)> {
        let (number, answer) = self.running.next().await?;
        self.tokens.remove(&number);
        Some((number, answer))
    }
}

fn lock(cursors: &Mutex<Cursors>) -> std::sync::MutexGuard<'_, Cursors> {
    cursors.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refusal(error: &StepError) -> Vec<u8> {
    json!({"error": {"kind": error.kind.as_str(), "message": error.message}}).to_string().into_bytes()
}

async fn work(
    ctx: &StepContext,
    cursors: &Mutex<Cursors>,
    question: Question,
    token: &CancelToken,
) -> Result<Vec<u8>, StepError> {
    let (what, connector, sql, binds, batch_size) = match question {
        Question::Next { cursor } => return next_batch(cursors, cursor).await,
        Question::Sql { what, connector, sql, binds, batch_size } => {
            (what, connector, sql, read_binds(&binds)?, batch_size)
        }
    };
    let access = if matches!(what, What::Execute) { Access::ReadWrite } else { Access::Read };
    let session = ctx.connectors.open(&connector, access, token).await?;
    match what {
        What::Execute => {
            let rows = session.execute(&sql, binds).await?;
            Ok(format!("{{\"value\":{rows}}}").into_bytes())
        }
        What::Scalar => {
            let mut cursor = session.query(&sql, binds).await?;
            let first = cursor.next_columns(BatchLimit::rows(1)).await?;
            let mut answer = b"{\"value\":".to_vec();
            cell::write(first.cell(0, 0), &mut answer);
            answer.push(b'}');
            Ok(answer)
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
            Ok(answer)
        }
        What::Open => {
            let cursor = session.query(&sql, binds).await?;
            let columns = names(cursor.as_ref());
            let mut cursors = lock(cursors);
            cursors.last += 1;
            let id = cursors.last;
            cursors.open.insert(id, OpenCursor { cursor, _session: session, batch_size: batch_size.max(1) });
            Ok(format!("{{\"value\":{{\"cursor\":{id},\"columns\":{columns}}}}}").into_bytes())
        }
    }
}

async fn next_batch(cursors: &Mutex<Cursors>, id: u64) -> Result<Vec<u8>, StepError> {
    let taken = lock(cursors).open.remove(&id);
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
    lock(cursors).open.insert(id, open);
    Ok(answer)
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
            let limit = frame::LARGEST >> 20;
            let message = format!("the rows pass {limit} MiB, the most that may cross at once; {advice}");
            return Err(StepError::new(StepErrorKind::Failed, message));
        }
    }
    Ok(())
}

fn read_binds(binds: &[(String, Json)]) -> Result<Binds, StepError> {
    let read = |(name, value): &(String, Json)| match cell::read(value) {
        Ok(value) => Ok((name.clone(), value)),
        Err(why) => Err(StepError::new(StepErrorKind::Failed, format!("parameter `{name}`: {why}"))),
    };
    binds.iter().map(read).collect()
}
