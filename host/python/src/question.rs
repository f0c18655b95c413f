//! What a callable asks the host while it runs. Every question is answered once, in any order, so that several threads or
//! tasks of a callable work side by side. Sessions and cursors live here and end with the step; credentials never cross.

mod columns;
mod service;
mod sql;
mod transfer;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use host_model::port::StepContext;
use host_model::{CancelToken, StepError};
use serde::Deserialize;
use serde_json::json;
use tracing::Instrument as _;

pub use service::PythonServices;
pub(crate) use service::{Hidden, StateCall};
use sql::Cursors;
pub(crate) use sql::Statement;
pub(crate) use transfer::{Copy, Insert};

/// A question as it arrives.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Question {
    /// A statement.
    Sql(Statement),
    /// The next batch of an open cursor.
    Next { cursor: u64 },
    /// Rows of a SELECT into a table.
    Copy(Copy),
    /// Rows of the callable into a table.
    Insert(Insert),
    /// A secret.
    Secret { name: String },
    /// The durable keys of the app.
    State(StateCall),
}

impl Question {
    /// What traces call it.
    fn call(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql.run",
            Self::Next { .. } => "sql.fetch",
            Self::Copy(_) => "sql.copy",
            Self::Insert(_) => "sql.insert",
            Self::Secret { .. } => "secrets.get",
            Self::State(_) => "state",
        }
    }
}

/// What goes back to the worker.
pub(crate) struct Answer {
    /// JSON.
    pub(crate) body: Vec<u8>,
    /// A file that goes with it.
    pub(crate) file: Option<OwnedFd>,
}

impl From<Vec<u8>> for Answer {
    fn from(body: Vec<u8>) -> Self {
        Self { body, file: None }
    }
}

/// The questions of one step.
pub(crate) struct Questions<'a> {
    ctx: &'a StepContext,
    services: &'a PythonServices,
    hidden: &'a Hidden,
    /// Most bytes that rows may take at once.
    memory: Option<u64>,
    cursors: Arc<Cursors>,
    tokens: HashMap<u32, CancelToken>,
    running: FuturesUnordered<BoxFuture<'a, (u32, Answer)>>,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(
        ctx: &'a StepContext,
        services: &'a PythonServices,
        hidden: &'a Hidden,
        memory: Option<u64>,
    ) -> Self {
        let (cursors, running) = (Arc::default(), FuturesUnordered::new());
        Self { ctx, services, hidden, memory, cursors, tokens: HashMap::new(), running }
    }

    /// Begins to work on a question.
    pub(crate) fn ask(&mut self, number: u32, question: Question) {
        let token = self.ctx.cancel.child();
        self.tokens.insert(number, token.clone());
        let (ctx, services, hidden, cursors) = (self.ctx, self.services, self.hidden, Arc::clone(&self.cursors));
        let memory = self.memory;
        let span = tracing::debug_span!("host_call", call = question.call());
        let work = async move {
            let answer = match question {
                Question::Sql(statement) => sql::run(ctx, &cursors, statement, &token, memory).await,
                Question::Next { cursor } => cursors.next_batch(cursor).await.map(Answer::from),
                Question::Copy(copy) => transfer::copy(ctx, copy, &token).await.map(Answer::from),
                Question::Insert(insert) => transfer::insert(ctx, insert, &token).await.map(Answer::from),
                Question::Secret { name } => service::find_secret(services, hidden, &name).map(Answer::from),
                Question::State(call) => service::use_state(services, ctx, call).await.map(Answer::from),
            };
            (number, answer.unwrap_or_else(|error| refusal(&error).into()))
        };
        self.running.push(Box::pin(work.instrument(span)));
    }

    /// Nobody waits for the answer any more: the statement is stopped, its answer is dropped by the worker.
    pub(crate) fn forget(&mut self, number: u32) {
        if let Some(token) = self.tokens.remove(&number) {
            token.cancel("the callable no longer waits for the answer");
        }
    }

    /// The callable is done with a cursor.
    pub(crate) fn close(&mut self, cursor: u64) {
        self.cursors.close(cursor);
    }

    /// The next answer; `None` while nothing is being worked on.
    pub(crate) async fn next(&mut self) -> Option<(u32, Answer)> {
        let (number, answer) = self.running.next().await?;
        self.tokens.remove(&number);
        Some((number, answer))
    }
}

fn refusal(error: &StepError) -> Vec<u8> {
    json!({"error": {"kind": error.kind.as_str(), "message": error.message}}).to_string().into_bytes()
}
