//! Exit codes of every command (product §9) and the error that carries one to `main`.

use std::fmt;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Fine.
    Fine = 0,
    /// The run did not succeed.
    RunFailed = 1,
    /// Wrong use of the command line.
    Usage = 2,
    /// Invalid configuration.
    Invalid = 3,
    /// No such thing.
    NotFound = 4,
    /// The server cannot be reached.
    Unreachable = 5,
    /// The server refused.
    Denied = 6,
}

/// An error for the operator, with the code to end with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}"), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Anything unforeseen: the command did not do its work.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::RunFailed, error, hint: None }
    }
}

impl fmt::Display for Failure {
    /// The chain of causes, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.error)?;
        for cause in self.error.chain().skip(1) {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  help: {hint}")?;
        }
        Ok(())
    }
}

/// What every command returns.
pub(crate) type Outcome = Result<Exit, Failure>;
