//! Why a step failed, in the one form every runner uses. The text is for the operator at 3 a.m.; `detail` is for the
//! author of the step (a traceback, a wasm backtrace, the server's message).

use std::time::Duration;

/// What sort of failure it was; decides whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepErrorKind {
    /// The job says something impossible: unknown connector, missing callable, bad template.
    Definition,
    /// The step asked for something it was not granted.
    Denied,
    /// The other side failed: database, HTTP server, network.
    Remote,
    /// The callable or component reported a failure of its own.
    Failed,
    /// The attempt passed its `timeout_seconds`.
    Timeout,
    /// The run was cancelled while the step was running.
    Canceled,
    /// The step broke instead of answering: panic, trap, limit, dead worker.
    Crashed,
}

impl StepErrorKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Definition, Self::Denied, Self::Remote, Self::Failed, Self::Timeout, Self::Canceled, Self::Crashed];

    /// The only spelling in the store and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Denied => "denied",
            Self::Remote => "remote",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Crashed => "crashed",
        }
    }

    /// Reads the spelling of [`StepErrorKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == text)
    }

    /// Whether trying again may give another answer. A wrong definition or a missing grant stays wrong; a cancel
    /// is an order.
    pub fn retryable(self) -> bool {
        match self {
            Self::Remote | Self::Failed | Self::Timeout | Self::Crashed => true,
            Self::Definition | Self::Denied | Self::Canceled => false,
        }
    }
}

/// What a database has against a statement, where it says so. The text of the message stays its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Objection {
    /// A unique key, a foreign key or another constraint refuses the rows.
    Constraint,
    /// It knows no such table or column.
    UnknownName,
    /// The statement is malformed, or a value does not fit its column.
    Statement,
}

impl Objection {
    /// What a SQLSTATE of the standard says; `None` for what is nobody's mistake in a statement.
    pub fn of_sqlstate(state: &str) -> Option<Self> {
        match (state, state.get(..2)) {
            // Missing privileges.
            ("42501", _) => None,
            ("42P01" | "42703" | "3F000" | "42S02" | "42S22", _) => Some(Self::UnknownName),
            (_, Some("23")) => Some(Self::Constraint),
            (_, Some("22" | "42")) => Some(Self::Statement),
            _ => None,
        }
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What sort of failure.
    pub kind: StepErrorKind,
    /// One sentence for the operator: what failed, on which name, why.
    pub message: String,
    /// Many lines for the author; empty when there is nothing to add.
    pub detail: String,
    /// How long the other side asks to be left alone; a retry waits at least so long.
    pub retry_after: Option<Duration>,
    /// False when the runner knows that a retry cannot help although its kind says it may.
    pub may_retry: bool,
    /// What a database has against the statement, if that is why.
    pub objection: Option<Objection>,
}

impl StepError {
    /// An error of `kind` with an operator's sentence.
    pub fn new(kind: StepErrorKind, message: impl Into<String>) -> Self {
        let (message, may_retry) = (message.into(), kind.retryable());
        Self { kind, message, detail: String::new(), retry_after: None, may_retry, objection: None }
    }

    /// The job says something impossible.
    pub fn definition(message: impl Into<String>) -> Self {
        Self::new(StepErrorKind::Definition, message)
    }

    /// The other side failed.
    pub fn remote(message: impl Into<String>) -> Self {
        Self::new(StepErrorKind::Remote, message)
    }

    /// Adds the author's detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}
