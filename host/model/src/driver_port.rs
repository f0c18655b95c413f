//! The port of database drivers that live in a process of their own: `python` runs modules that follow Python's DB-API,
//! `steps` makes connectors of them. One connection is one process, used by one step; where it ends, what was not
//! committed is rolled back by the database.

use std::time::Duration;

use async_trait::async_trait;

use crate::JsonMap;
use crate::value::{Column, Row, Value};

/// What is to be connected, and how.
#[derive(Clone)]
pub struct DriverOrder {
    /// The module, as it is imported: `oracledb`.
    pub module: String,
    /// Named arguments of its `connect`. Credentials are among them, so this type has no `Debug`.
    pub arguments: JsonMap,
    /// Statements that are run before the connection is lent.
    pub setup: Vec<String>,
    /// How long connecting may take.
    pub wait: Duration,
}

/// Why a driver could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// There is no interpreter, or it has no such module: nothing changes before somebody installs it.
    #[error("{message}")]
    Absent {
        /// What is missing.
        message: String,
        /// How to get it.
        hint: String,
    },
    /// The driver or the database said no.
    #[error("{message}")]
    Refused {
        /// Its words.
        message: String,
        /// Which exception it was, and its code.
        origin: String,
        /// Whether trying again can help.
        may_retry: bool,
        /// Whether the connection is of no more use.
        is_broken: bool,
    },
    /// The process has ended, or says what nobody understands.
    #[error("{0}")]
    Gone(String),
}

/// How the statements of a module write their parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamStyle {
    /// `:p1`, `:p2`, by name.
    Named,
    /// `:1`, `:2`.
    Numeric,
    /// `?`, one for each value, in order of appearance.
    Question,
}

/// What a statement came to.
#[derive(Debug, Clone, PartialEq)]
pub enum DriverAnswer {
    /// It has rows, to be fetched.
    Columns(Vec<Column>),
    /// It has none, and changed so many, where the driver counts them.
    Count(Option<u64>),
}

/// Makes connections.
#[async_trait]
pub trait Drivers: Send + Sync + 'static {
    /// A new connection.
    ///
    /// # Errors
    /// [`DriverError`]; nothing of the arguments is in it.
    async fn connect(&self, order: &DriverOrder) -> Result<Box<dyn DriverConnection>, DriverError>;
}

/// Asks a driver to stop what it does; may be called at any time, also when it does nothing.
pub type DriverStop = std::sync::Arc<dyn Fn() + Send + Sync>;

/// One connection. One call at a time; a call that is given up leaves a connection that is of no more use.
#[async_trait]
pub trait DriverConnection: Send {
    /// How statements write their parameters.
    fn param_style(&self) -> ParamStyle;
    /// Stops the running call, as far as the driver can.
    fn stop(&self) -> DriverStop;
    /// Runs one statement; rows of the one before are forgotten.
    async fn run(&mut self, sql: &str, values: &[Value]) -> Result<DriverAnswer, DriverError>;
    /// The next rows of the statement, at most `most`, fewer where they are wide; none at the end.
    async fn fetch(&mut self, most: usize) -> Result<Vec<Row>, DriverError>;
    /// Runs a statement once for each row of values.
    async fn run_many(&mut self, sql: &str, rows: &[Row]) -> Result<u64, DriverError>;
    /// Commits what was done since the last commit.
    async fn commit(&mut self) -> Result<(), DriverError>;
    /// Undoes it.
    async fn rollback(&mut self) -> Result<(), DriverError>;
}
