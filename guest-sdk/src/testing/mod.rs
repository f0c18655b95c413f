//! Stand-ins for the host, so that a step is tested as a plain function, natively.
//!
//! Install a `Host` with a `Database` for each connector the step uses, call the step, look at what it logged. With the
//! feature `sqlite` a real SQLite database is at hand (`Sqlite`). The rules of sessions are the host's own, see
//! `imports`; limits and grants of `read` are not stood in for: they are tested with the component.

mod cases;
mod host;
mod services;
#[cfg(feature = "sqlite")]
mod sqlite;

use crate::{Column, Error, Value};

pub use cases::check_cases;
pub(crate) use host::with_host;
pub use host::{Host, Installed, Line, Progress};
pub(crate) use services::Services;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

/// The result of a query of a stand-in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The rows, each with one cell per column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table of columns that may be null, of the kinds their first cells that are not null have.
    pub fn new(columns: &[&str], rows: Vec<Vec<Value>>) -> Self {
        let kind_at = |at: usize| {
            let first = rows.iter().map(|row| &row[at]).find(|cell| **cell != Value::Null);
            first.map_or("text", Value::kind).to_owned()
        };
        let column =
            |(at, name): (usize, &&str)| Column { name: (*name).to_owned(), kind: kind_at(at), nullable: true };
        Self { columns: columns.iter().enumerate().map(column).collect(), rows }
    }
}

/// A stand-in for the database behind one connector.
pub trait Database {
    /// Answers `Connection::dialect`.
    fn dialect(&self) -> &str {
        "sqlite"
    }

    /// Answers `Connection::execute`.
    fn execute(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<u64, Error>;

    /// Answers `Connection::query`, with all rows; the cursor hands them out in batches.
    fn query(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<Table, Error>;

    /// Answers `Connection::insert_rows` and `insert_columns`. Every row has one cell per column.
    fn insert(&mut self, table: &str, columns: &[String], rows: &[Vec<Value>]) -> Result<u64, Error>;

    /// Begins a transaction. Never called while one is open.
    fn begin(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Commits the open transaction.
    fn commit(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Rolls the open transaction back.
    fn rollback(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
