//! The imports of a native build: the stand-ins installed by `testing::Host`, behaving as `wit/step` says.
//!
//! What the contract promises of sessions lives here (one cursor at a time, one transaction, rollback on drop, batches
//! that end empty), so that a stand-in of a database only has to answer statements.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::bindings::nomaflow::step::{log::Level, types};
use crate::testing::{Database, Table, with_host};
use crate::{Column, ColumnBatch, ColumnValues, Error, Value};

type Binds<'a> = &'a [(String, Value)];
type Wire<T> = Result<T, types::Error>;

pub(crate) fn log(level: Level, message: &str, fields: &[(String, String)]) {
    with_host(|host| host.add_line(level, message, fields));
}

pub(crate) fn context_get(key: &str) -> Option<String> {
    with_host(|host| host.fact(key)).flatten()
}

pub(crate) fn context_report(done: u64, total: Option<u64>, note: &str) {
    with_host(|host| host.add_progress(done, total, note));
}

pub(crate) fn context_canceled() -> bool {
    with_host(|host| host.is_canceled()).unwrap_or(false)
}

pub(super) fn check_canceled() -> Wire<()> {
    if context_canceled() { Err(Error::canceled().into()) } else { Ok(()) }
}

pub(crate) struct Connection {
    database: Rc<RefCell<dyn Database>>,
    is_in_transaction: Cell<bool>,
    has_cursor: Rc<Cell<bool>>,
}

impl Connection {
    pub(crate) fn open(name: &str) -> Wire<Self> {
        check_canceled()?;
        let database = with_host(|host| host.database(name)).flatten().ok_or_else(|| {
            Error::new("denied", format!("the connector `{name}` is not granted: the test installed none of that name"))
        })?;
        Ok(Self { database, is_in_transaction: Cell::new(false), has_cursor: Rc::default() })
    }

    /// The database, unless the run is canceled or a cursor is open.
    fn ready(&self) -> Wire<std::cell::RefMut<'_, dyn Database + 'static>> {
        check_canceled()?;
        if self.has_cursor.get() {
            return Err(Error::new("busy", "another cursor of this connection is still open").into());
        }
        Ok(self.database.borrow_mut())
    }

    pub(crate) fn dialect(&self) -> String {
        self.database.borrow().dialect().to_owned()
    }

    pub(crate) fn execute(&self, statement: &str, binds: Binds<'_>) -> Wire<u64> {
        Ok(self.ready()?.execute(statement, binds)?)
    }

    pub(crate) fn query(&self, statement: &str, binds: Binds<'_>) -> Wire<Cursor> {
        let Table { columns, rows } = self.ready()?.query(statement, binds)?;
        self.has_cursor.set(true);
        Ok(Cursor { columns, rows: RefCell::new(rows.into_iter()), is_open: Rc::clone(&self.has_cursor) })
    }

    pub(crate) fn insert_rows(&self, table: &str, columns: &[String], rows: &types::RowBatch) -> Wire<u64> {
        if let Some(row) = rows.rows.iter().find(|row| row.len() != columns.len()) {
            return Err(Error::invalid(format!("a row has {} cells for {} columns", row.len(), columns.len())).into());
        }
        Ok(self.ready()?.insert(table, columns, &rows.rows)?)
    }

    pub(crate) fn insert_columns(&self, table: &str, columns: &[String], batch: &ColumnBatch) -> Wire<u64> {
        let cells_of_row = |row| batch.columns.iter().map(|column| column.value(row)).collect();
        let rows = (0..batch.rows as usize).map(cells_of_row).collect::<Result<_, Error>>()?;
        self.insert_rows(table, columns, &types::RowBatch { rows })
    }

    pub(crate) fn begin(&self) -> Wire<()> {
        if self.is_in_transaction.get() {
            return Err(Error::invalid("a transaction is open already").into());
        }
        self.ready()?.begin()?;
        self.is_in_transaction.set(true);
        Ok(())
    }

    pub(crate) fn commit(&self) -> Wire<()> {
        self.end(|database| database.commit())
    }

    pub(crate) fn rollback(&self) -> Wire<()> {
        self.end(|database| database.rollback())
    }

    fn end(&self, how: impl FnOnce(&mut dyn Database) -> Result<(), Error>) -> Wire<()> {
        if !self.is_in_transaction.get() {
            return Err(Error::invalid("no transaction is open").into());
        }
        how(&mut *self.ready()?)?;
        self.is_in_transaction.set(false);
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_in_transaction.get() {
            // Nobody is left to tell; a database that cannot roll back will say so at its next statement.
            let _ = self.database.borrow_mut().rollback();
        }
    }
}

pub(crate) struct Cursor {
    columns: Vec<Column>,
    rows: RefCell<std::vec::IntoIter<Vec<Value>>>,
    is_open: Rc<Cell<bool>>,
}

impl Cursor {
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.columns.clone()
    }

    pub(crate) fn fetch(&self, max: u32) -> Wire<types::RowBatch> {
        check_canceled()?;
        let max = if max == 0 { 1000 } else { max as usize };
        Ok(types::RowBatch { rows: self.rows.borrow_mut().by_ref().take(max).collect() })
    }

    pub(crate) fn fetch_columns(&self, max: u32) -> Wire<ColumnBatch> {
        let rows = self.fetch(max)?.rows;
        let column_at = |at: usize| column_of(rows.iter().map(|row| row[at].clone()).collect());
        Ok(ColumnBatch { rows: rows.len() as u32, columns: (0..self.columns.len()).map(column_at).collect() })
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.is_open.set(false);
    }
}

/// Cells of one kind become a column of that kind, mixed ones a column of texts, as the contract says.
fn column_of(cells: Vec<Value>) -> ColumnValues {
    let mut kinds: Vec<String> =
        cells.iter().map(|cell| cell.kind().to_owned()).filter(|kind| kind != "null").collect();
    kinds.dedup();
    match kinds.as_slice() {
        [kind] if kind == "boolean" => ColumnValues::booleans(cells.iter().map(|cell| match cell {
            Value::Boolean(cell) => Some(*cell),
            _ => None,
        })),
        [kind] if kind == "integer" => ColumnValues::integers(cells.iter().map(|cell| match cell {
            Value::Integer(cell) => Some(*cell),
            _ => None,
        })),
        [kind] if kind == "float" => ColumnValues::floats(cells.iter().map(|cell| match cell {
            Value::Float(cell) => Some(*cell),
            _ => None,
        })),
        [kind] if kind == "bytes" => ColumnValues::bytes(cells.iter().map(|cell| match cell {
            Value::Bytes(cell) => Some(cell),
            _ => None,
        })),
        [kind] => ColumnValues::written(kind, cells.iter().map(text_of)),
        _ => ColumnValues::texts(cells.iter().map(text_of)),
    }
}

fn text_of(cell: &Value) -> Option<String> {
    match cell {
        Value::Null => None,
        Value::Boolean(cell) => Some(cell.to_string()),
        Value::Integer(cell) => Some(cell.to_string()),
        Value::Float(cell) => Some(cell.to_string()),
        Value::Bytes(cell) => Some(String::from_utf8_lossy(cell).into_owned()),
        Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => Some(text.clone()),
        Value::Other((_, text)) => Some(text.clone()),
    }
}
