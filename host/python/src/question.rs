//! What a callable asks the host while it runs. Every question is answered once, in any order, so that several threads or
//! tasks of a callable work side by side. Sessions and cursors live here and end with the step; credentials never cross.

mod service;
mod sql;
mod transfer;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use host_model::port::StepContext;
use host_model::{CancelToken, StepError};
use serde::Deserialize;
use serde_json::json;

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

/// The questions of one step.
pub(crate) struct Questions<'a> {
    ctx: &'a StepContext,
    services: &'a PythonServices,
    hidden: &'a Hidden,
    cursors: Arc<Cursors>,
    tokens: HashMap<u32, CancelToken>,
    running: FuturesUnordered<BoxFuture<'a, (u32, Vec<u8>)>>,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(ctx: &'a StepContext, services: &'a PythonServices, hidden: &'a Hidden) -> Self {
        let (cursors, running) = (Arc::default(), FuturesUnordered::new());
        Self { ctx, services, hidden, cursors, tokens: HashMap::new(), running }
    }

    /// Begins to work on a question.
    pub(crate) fn ask(&mut self, number: u32, question: Question) {
        let token = self.ctx.cancel.child();
        self.tokens.insert(number, token.clone());
        let (ctx, services, hidden, cursors) = (self.ctx, self.services, self.hidden, Arc::clone(&self.cursors));
        self.running.push(Box::pin(async move {
            let answer = match question {
                Question::Sql(statement) => sql::run(ctx, &cursors, statement, &token).await,
                Question::Next { cursor } => cursors.next_batch(cursor).await,
                Question::Copy(copy) => transfer::copy(ctx, copy, &token).await,
                Question::Insert(insert) => transfer::insert(ctx, insert, &token).await,
                Question::Secret { name } => service::find_secret(services, hidden, &name),
                Question::State(call) => service::use_state(services, ctx, call).await,
            };
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
        self.cursors.close(cursor);
    }

    /// The next answer; `None` while nothing is being worked on.
    pub(crate) async fn next(&mut self) -> Option<(u32, Vec<u8>)> {
        let (number, answer) = self.running.next().await?;
        self.tokens.remove(&number);
        Some((number, answer))
    }
}

fn refusal(error: &StepError) -> Vec<u8> {
    json!({"error": {"kind": error.kind.as_str(), "message": error.message}}).to_string().into_bytes()
}
