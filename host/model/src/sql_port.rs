//! The port of databases: named connectors, sessions on them, cursors of their queries.
//!
//! Rows travel by column in a [`Batch`]. Whoever finds rows easier may speak rows: of `next_columns` and `next_batch`, and
//! of `insert_columns` and `insert_rows`, each is made of the other, so an implementation writes one of each pair (and
//! never none: the two would ask each other for ever).

use async_trait::async_trait;

use crate::batch::{Batch, BatchLimit};
use crate::cancel::CancelToken;
use crate::value::{Binds, Column, Row};
use crate::{StepError, StepErrorKind};

/// How a session may use a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Statements that only read.
    Read,
    /// Anything.
    ReadWrite,
}

/// Connections that several connectors and every step share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPool {
    /// The pool's name; connectors with the same one share it.
    pub name: String,
    /// Most connections at once, at least 1.
    pub connections: u32,
}

/// Named connectors as guests and callables use them. Credentials never leave the implementation.
#[async_trait]
pub trait Connectors: Send + Sync + 'static {
    /// Opens a session on `name`.
    ///
    /// # Errors
    /// `definition` for an unknown name (with the nearest known one), `remote` when it cannot be reached.
    async fn open(&self, name: &str, access: Access, cancel: &CancelToken) -> Result<Box<dyn SqlSession>, StepError>;

    /// The pool that sessions on `name` come from; `None` for an unknown name and where nothing is shared.
    fn find_pool(&self, _name: &str) -> Option<SharedPool> {
        None
    }
}

/// One database connection, used by one step. Dropping it rolls an open transaction back and gives the connection
/// back. All calls stop on the session's cancel token, on the server too.
#[async_trait]
pub trait SqlSession: Send + Sync {
    /// `sqlite`, `postgres`, …
    fn dialect(&self) -> &'static str;
    /// Runs one SELECT; rows are fetched as the cursor is read.
    async fn query(&self, statement: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError>;
    /// Runs one statement and counts the rows it changed.
    async fn execute(&self, statement: &str, binds: Binds) -> Result<u64, StepError>;
    /// Inserts rows by the fastest means of the dialect, all or none; the batch is as wide as `columns`.
    async fn insert_columns(&self, table: &str, columns: &[String], batch: Batch) -> Result<u64, StepError> {
        self.insert_rows(table, columns, batch.to_rows()).await
    }
    /// The same by row; every row has as many cells as `columns`.
    async fn insert_rows(&self, table: &str, columns: &[String], rows: Vec<Row>) -> Result<u64, StepError> {
        let width = columns.len();
        if let Some(odd) = rows.iter().find(|row| row.len() != width) {
            let text = format!("a row has {} cells for {width} columns of `{table}`", odd.len());
            return Err(StepError::new(StepErrorKind::Definition, text));
        }
        self.insert_columns(table, columns, Batch::from_rows(width, &rows)).await
    }
    /// Begins a transaction.
    async fn begin(&self) -> Result<(), StepError>;
    /// Commits it.
    async fn commit(&self) -> Result<(), StepError>;
    /// Rolls it back.
    async fn rollback(&self) -> Result<(), StepError>;
}

/// Rows of a running SELECT, in batches.
#[async_trait]
pub trait SqlCursor: Send {
    /// The columns, known before the first row.
    fn columns(&self) -> &[Column];
    /// The next rows: at least one and as many as there are within `limit`, empty at the end.
    async fn next_columns(&mut self, limit: BatchLimit) -> Result<Batch, StepError> {
        let mut batch = Batch::new(self.columns().len());
        while !limit.is_reached(&batch) {
            let asked = limit.fitting(&batch, 0);
            let rows = self.next_batch(asked).await?;
            rows.iter().for_each(|row| batch.push_row(row));
            if rows.len() < asked {
                break;
            }
        }
        Ok(batch)
    }
    /// The next rows, at most `max`, fewer where they are wide; empty at the end.
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        Ok(self.next_columns(BatchLimit::rows(max)).await?.to_rows())
    }
}

#[cfg(test)]
mod tests;
