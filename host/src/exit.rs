//! Exit codes of every command (product §9) and the error that carries one to `main`.

use std::fmt;

use host_model::Json;
use serde_json::json;

use crate::client::Problem;
use crate::watch::visible;

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

impl Failure {
    /// For `--json`: what the text says, in parts, and the problem document of the server when it was the server that refused.
    pub(crate) fn to_json(&self) -> Json {
        let causes: Vec<String> = self.error.chain().skip(1).map(ToString::to_string).collect();
        let problem = self.error.chain().find_map(|cause| cause.downcast_ref::<Problem>()).map(|found| &found.document);
        json!({
            "error": self.error.to_string(),
            "causes": causes,
            "hint": self.hint,
            "exit": self.exit as u8,
            "problem": problem,
        })
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
        // Much of it is the text of plugins, servers and databases.
        write!(f, "error: {}", visible(&self.error.to_string()))?;
        for cause in self.error.chain().skip(1) {
            write!(f, "\n  caused by: {}", visible(&cause.to_string()))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  help: {}", visible(hint))?;
        }
        Ok(())
    }
}

/// Says on standard error why a command failed: as text, or as one line of JSON to those who asked for that.
pub(crate) fn tell(failure: &Failure, as_json: bool) {
    if as_json {
        eprintln!("{}", failure.to_json());
    } else {
        eprintln!("{failure}");
    }
}

/// What every command returns.
pub(crate) type Outcome = Result<Exit, Failure>;
