//! One line of a run's log. Ordering is by `seq`, given by the engine's sink, never by time.

use serde::{Deserialize, Serialize};

use crate::{Instant, RunId, StepName};

/// How much a line matters; `Debug` lines are kept only when the run asked for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Full SQL, verbose internals.
    Debug,
    /// Row counts, progress marks, step boundaries. The default.
    Info,
    /// Something an operator should look at one day.
    Warning,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// Every level, in rising order.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];

    /// The only spelling in the store, API and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }

    /// Reads a level in any case; `WARN` is accepted for `WARNING`.
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        if upper == "WARN" {
            return Some(Self::Warning);
        }
        Self::ALL.into_iter().find(|l| l.as_str() == upper)
    }
}

/// A line as it is stored and streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The run it belongs to.
    pub run_id: RunId,
    /// Position in the run's log: 0, 1, 2 … without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Instant,
    /// Its level.
    pub level: LogLevel,
    /// The step that wrote it; `None` for lines of the run itself.
    pub step: Option<StepName>,
    /// The attempt of that step, from 1; 0 for lines of the run itself.
    pub attempt: u32,
    /// The text, one line, without the final line break.
    pub message: String,
}
