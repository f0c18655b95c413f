//! Databases, through the connectors granted to this plugin.
//!
//! Binds are named in every dialect: `:name` in the statement. Reading borrows the connection, so the rule "one cursor
//! at a time" is kept by the compiler; a transaction borrows it too and rolls back unless it is committed.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::vec;

use crate::bindings::nomaflow::step::types::RowBatch;
use crate::{Column, ColumnBatch, Error, FromValue, Value, imports};

/// One session with a database.
pub struct Connection {
    session: imports::Connection,
}

impl Connection {
    /// Opens a session on the connector called `name`. Errors: `denied` when it is not granted, `not-found` when it is
    /// granted but not configured, `unavailable` when the database cannot be reached.
    pub fn open(name: &str) -> Result<Self, Error> {
        Ok(Self { session: imports::Connection::open(name)? })
    }

    /// The kind of database, for statements that differ: `sqlite`, `postgres`.
    #[must_use]
    pub fn dialect(&self) -> String {
        self.session.dialect()
    }

    /// Runs one statement and tells how many rows it changed. Errors: `invalid`, `denied` under a grant of `read`,
    /// `conflict`, `remote`.
    pub fn execute(&mut self, statement: &str, binds: &[(&str, Value)]) -> Result<u64, Error> {
        Ok(self.session.execute(statement, &owned(binds))?)
    }

    /// Runs one statement and gives its rows, fetched in batches as they are taken. Errors: as `execute`.
    pub fn query(&mut self, statement: &str, binds: &[(&str, Value)]) -> Result<Rows<'_>, Error> {
        let cursor = self.session.query(statement, &owned(binds))?;
        let columns = cursor.columns().into();
        Ok(Rows { cursor, columns, batch: Vec::new().into_iter(), batch_size: 0, is_done: false, connection: self })
    }

    /// Inserts rows, each with one cell per column (`row!` builds them). All or none. Errors: `invalid`, `not-found`
    /// for an unknown table or column, `conflict`.
    pub fn insert_rows(&mut self, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<u64, Error> {
        Ok(self.session.insert_rows(table, &names(columns), &RowBatch { rows })?)
    }

    /// Inserts rows given by column: several times faster for bulk data. Errors: as `insert_rows`.
    pub fn insert_columns(&mut self, table: &str, columns: &[&str], batch: &ColumnBatch) -> Result<u64, Error> {
        Ok(self.session.insert_columns(table, &names(columns), batch)?)
    }

    /// Begins a transaction, which ends with `Transaction::commit` or is undone. Error `invalid` when one is open.
    pub fn transaction(&mut self) -> Result<Transaction<'_>, Error> {
        self.session.begin()?;
        Ok(Transaction { connection: self, is_over: false })
    }
}

fn owned(binds: &[(&str, Value)]) -> Vec<(String, Value)> {
    binds.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

/// An open transaction; use it as the connection it is on. Dropping it rolls back.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Transaction<'a> {
    connection: &'a mut Connection,
    is_over: bool,
}

impl Transaction<'_> {
    /// Makes the changes last.
    pub fn commit(mut self) -> Result<(), Error> {
        self.connection.session.commit()?;
        self.is_over = true;
        Ok(())
    }

    /// Undoes the changes, and says so if that fails.
    pub fn rollback(mut self) -> Result<(), Error> {
        self.is_over = true;
        Ok(self.connection.session.rollback()?)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // The error that made us drop matters more; the host rolls back with the session in any case.
            let _ = self.connection.session.rollback();
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

/// The rows of a query, read forward. An iterator of rows; `next_batch` and `next_columns` take many at a time.
pub struct Rows<'a> {
    cursor: imports::Cursor,
    columns: Rc<[Column]>,
    batch: vec::IntoIter<Vec<Value>>,
    batch_size: u32,
    is_done: bool,
    /// Held so that nothing else runs on the connection while the cursor is open.
    #[allow(dead_code, reason = "the borrow is the point")]
    connection: &'a mut Connection,
}

impl Rows<'_> {
    /// Fetches so many rows at a time; without it the host decides (1000).
    #[must_use]
    pub fn batch_size(mut self, rows: u32) -> Self {
        self.batch_size = rows;
        self
    }

    /// The columns of the result, in order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows; empty at the end. Errors: as the host gives them; the result is at its end then.
    pub fn next_batch(&mut self) -> Result<Vec<Row>, Error> {
        if self.batch.len() == 0 {
            self.fetch()?;
        }
        let rows: Vec<Vec<Value>> = self.batch.by_ref().collect();
        Ok(rows.into_iter().map(|cells| self.row(cells)).collect())
    }

    /// The next rows by column; no rows at the end. Rows of a batch that the iterator has begun are not part of it.
    pub fn next_columns(&mut self) -> Result<ColumnBatch, Error> {
        Ok(self.cursor.fetch_columns(self.batch_size)?)
    }

    fn fetch(&mut self) -> Result<(), Error> {
        if self.is_done {
            return Ok(());
        }
        let fetched = self.cursor.fetch(self.batch_size);
        self.is_done = fetched.as_ref().map_or(true, |batch| batch.rows.is_empty());
        self.batch = fetched?.rows.into_iter();
        Ok(())
    }

    fn row(&self, cells: Vec<Value>) -> Row {
        Row { columns: Rc::clone(&self.columns), cells }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batch.len() == 0
            && let Err(error) = self.fetch()
        {
            return Some(Err(error));
        }
        let cells = self.batch.next()?;
        Some(Ok(self.row(cells)))
    }
}

/// One row of a result.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Rc<[Column]>,
    cells: Vec<Value>,
}

impl Row {
    /// The cell of the column called `name`, letter case aside. Error `invalid` when there is no such column or the
    /// cell cannot be read as `T`.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, Error> {
        let at = self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        self.at(at.ok_or_else(|| Error::invalid(format!("the result has no column `{name}`")))?)
    }

    /// The cell of the column at `index`, from 0. Errors: as `get`.
    pub fn at<T: FromValue>(&self, index: usize) -> Result<T, Error> {
        let missing = || Error::invalid(format!("the result has {} columns, none at {index}", self.cells.len()));
        let cell = self.cells.get(index).ok_or_else(missing)?;
        T::from_value(cell.clone()).map_err(|mut error| {
            if let Some(column) = self.columns.get(index) {
                error.message = format!("column `{}`: {}", column.name, error.message);
            }
            error
        })
    }

    /// All cells, in order.
    #[must_use]
    pub fn into_cells(self) -> Vec<Value> {
        self.cells
    }
}

#[cfg(test)]
mod tests;
