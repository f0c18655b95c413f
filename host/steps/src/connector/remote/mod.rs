//! Servers reached through drivers of their own kind (SQL Server, Oracle): what the rest of this crate sees of them.
//!
//! A [`Server`] opens connections; a [`Link`] is one of them in the hands of a step, served by a worker that owns it and
//! answers one [`Call`] after the other. Invariants: a connection belongs to one step from its making to its end, so
//! nothing (settings, temporary tables, transactions) leaks into the next; a permit is held until the connection is
//! really gone; what is not committed is rolled back.

#![cfg_attr(
    not(all(feature = "oracle", feature = "sqlserver", feature = "odbc")),
    allow(dead_code, reason = "each driver uses a part, and a binary may not have all of them")
)]

pub(crate) mod address;
pub(crate) mod odbc;
pub(crate) mod oracle;
mod running;
pub(crate) mod session;
pub(crate) mod thread;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::port::Access;
use host_model::value::{Column, Row, Value};
use host_model::{CancelToken, StepError};
use tokio::sync::{mpsc, oneshot};

use super::fault::{Place, canceled};
use super::scan::Statement;
use super::terms::Terms;

pub(crate) use running::{Output, Running};

/// How long a canceled statement may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// One database of a server.
#[async_trait]
pub(crate) trait Server: Send + Sync {
    /// Which kind.
    fn dialect(&self) -> Dialect;

    /// `sqlserver://user@host:port/database`, without credentials.
    fn label(&self) -> String;

    /// What was declared for the pool.
    fn terms(&self) -> &Terms;

    /// A new connection. `longest` is the time the step itself is allowed, if that is known.
    ///
    /// # Errors
    /// `denied` for writing through a `read_only` pool, `remote` when there is no connection to be had.
    async fn link(
        &self,
        place: &Place,
        access: Access,
        longest: Option<Duration>,
        cancel: &CancelToken,
    ) -> Result<Link, StepError>;
}

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StepError>>;

/// What a worker is asked to do.
pub(crate) enum Call {
    /// One statement.
    Run(Request, Reply<Running>),
    /// The columns a statement would return, with the full names of their types.
    Describe(Request, Reply<Vec<Column>>),
    /// Rows into a table.
    Insert(Insert, Reply<u64>),
    /// The ends of a transaction.
    Control(Control, Reply<()>),
}

/// A statement in the server's own spelling.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    /// Whether rows are expected; the changes of any other statement are counted.
    pub(crate) has_rows: bool,
}

/// Rows for a table.
pub(crate) struct Insert {
    /// Quoted already.
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The ends of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Begin,
    Commit,
    Rollback,
}

/// How a driver's statements write their parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// `@P1`.
    At,
    /// `:p1`.
    Named,
    /// `:1`.
    Numeric,
    /// `?`, one for each value in order of appearance.
    Question,
}

impl Marks {
    /// The mark of the n-th value, from 1.
    pub(crate) fn place(self, n: usize) -> String {
        match self {
            Self::At => format!("@P{n}"),
            Self::Named => format!(":p{n}"),
            Self::Numeric => format!(":{n}"),
            Self::Question => "?".to_owned(),
        }
    }
}

/// A connection in the hands of one step. When the last clone is dropped the worker rolls back and closes it.
#[derive(Clone)]
pub(crate) struct Link {
    calls: mpsc::Sender<Call>,
    /// Closed with the last clone.
    _held: Arc<oneshot::Sender<()>>,
    marks: Marks,
    pub(crate) place: Place,
    pub(crate) cancel: CancelToken,
}

/// A worker's side of a [`Link`].
pub(crate) struct Inbox {
    /// What it is asked to do; `None` when nobody can ask any more.
    pub(crate) calls: mpsc::Receiver<Call>,
    /// The same for whoever has to know it while the worker is in a call: resolves, with an error, when the link is gone.
    pub(crate) gone: oneshot::Receiver<()>,
}

impl Link {
    /// A link, and what its worker listens to.
    pub(crate) fn new(marks: Marks, place: &Place, cancel: &CancelToken) -> (Self, Inbox) {
        let (calls, called) = mpsc::channel(1);
        let (held, gone) = oneshot::channel();
        let link = Self { calls, _held: Arc::new(held), marks, place: place.clone(), cancel: cancel.clone() };
        (link, Inbox { calls: called, gone })
    }

    /// Begins a statement.
    pub(crate) async fn run(&self, statement: &Statement, values: &[Value]) -> Result<Running, StepError> {
        let request = self.request(statement, values);
        self.ask(|reply| Call::Run(request, reply)).await
    }

    /// Runs a statement without parameters to its end and counts.
    pub(crate) async fn execute(&self, sql: &str) -> Result<u64, StepError> {
        let request = Request { sql: sql.to_owned(), values: Vec::new(), has_rows: false };
        let running = self.ask(|reply| Call::Run(request, reply)).await?;
        Ok(running.finish(self).await?.unwrap_or(0))
    }

    /// The first cell of the first row.
    pub(crate) async fn ask_one(&self, sql: &str) -> Result<Value, StepError> {
        let rows = self.ask_all(sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null))
    }

    /// Every row of a short answer.
    pub(crate) async fn ask_all(&self, sql: &str) -> Result<Vec<Row>, StepError> {
        let request = Request { sql: sql.to_owned(), values: Vec::new(), has_rows: true };
        let mut running = self.ask(|reply| Call::Run(request, reply)).await?;
        let mut all = Vec::new();
        while let Ok(rows) = running.next(self).await? {
            all.extend(rows);
        }
        Ok(all)
    }

    /// The columns a SELECT returns, with the full names of their types: `decimal(15,2)`.
    pub(crate) async fn describe(&self, statement: &Statement, values: &[Value]) -> Result<Vec<Column>, StepError> {
        let request = self.request(statement, values);
        self.ask(|reply| Call::Describe(request, reply)).await
    }

    /// Inserts rows.
    pub(crate) async fn insert(&self, insert: Insert) -> Result<u64, StepError> {
        self.ask(|reply| Call::Insert(insert, reply)).await
    }

    /// Begins or ends a transaction.
    pub(crate) async fn control(&self, control: Control) -> Result<(), StepError> {
        self.ask(|reply| Call::Control(control, reply)).await
    }

    /// Whether its worker still takes calls.
    pub(crate) fn is_alive(&self) -> bool {
        !self.calls.is_closed()
    }

    fn request(&self, statement: &Statement, values: &[Value]) -> Request {
        // NULL is spelled out: a parameter without a type of its own would be refused by some columns.
        let mut in_order = Vec::new();
        let sql = statement.render(|n| match values.get(n) {
            Some(Value::Null) => "NULL".to_owned(),
            value => {
                in_order.extend(value.cloned());
                self.marks.place(place_of(values, n))
            }
        });
        let values = match self.marks {
            Marks::Question => in_order,
            _ => values.iter().filter(|v| **v != Value::Null).cloned().collect(),
        };
        Request { sql, values, has_rows: statement.returns_rows() }
    }

    async fn ask<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<T, StepError> {
        let (reply, answer) = oneshot::channel();
        if self.calls.send(call(reply)).await.is_err() {
            return Err(self.gone());
        }
        self.unless_canceled(answer).await.unwrap_or_else(|| Err(self.gone()))
    }

    /// What a worker answers. Once the step is canceled its answer no longer matters, but the statement is given a moment
    /// to end; a worker that cannot stop (its driver does not) is left behind.
    async fn unless_canceled<T, E>(&self, answer: impl Future<Output = Result<T, E>>) -> Option<T> {
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer.ok(),
            () = self.cancel.canceled() => {
                // However it ended.
                let _ = tokio::time::timeout(STOP_WITHIN, answer).await;
                None
            }
        }
    }

    fn gone(&self) -> StepError {
        if self.cancel.is_canceled() {
            canceled(&self.cancel)
        } else {
            self.place.unreachable("the connection has ended")
        }
    }
}

/// The number of the n-th value among those that are no NULL, from 1.
fn place_of(values: &[Value], n: usize) -> usize {
    1 + values.iter().take(n).filter(|v| **v != Value::Null).count()
}
