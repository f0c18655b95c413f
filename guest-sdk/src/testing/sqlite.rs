//! A real SQLite database as the stand-in of a connector.
//!
//! Cells come as SQLite has them: whole numbers, floats, texts and bytes. `invalid` is told from `conflict` and
//! `remote` by SQLite's own result codes.

use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{ErrorCode, ToSql};

use super::{Database, Table};
use crate::{Error, Value};

/// A SQLite database for tests.
pub struct Sqlite(rusqlite::Connection);

impl Sqlite {
    /// An empty database in memory, filled by `script` (any number of statements). Error `invalid` when the script
    /// is refused.
    pub fn in_memory(script: &str) -> Result<Self, Error> {
        let connection = rusqlite::Connection::open_in_memory().map_err(error_of)?;
        connection.execute_batch(script).map_err(error_of)?;
        Ok(Self(connection))
    }
}

impl Database for Sqlite {
    fn execute(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<u64, Error> {
        let mut statement = self.0.prepare(statement).map_err(error_of)?;
        bind(&mut statement, binds)?;
        Ok(statement.raw_execute().map_err(error_of)? as u64)
    }

    fn query(&mut self, statement: &str, binds: &[(String, Value)]) -> Result<Table, Error> {
        let mut statement = self.0.prepare(statement).map_err(error_of)?;
        bind(&mut statement, binds)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.raw_query();
        let mut cells = Vec::new();
        while let Some(row) = rows.next().map_err(error_of)? {
            let cell = |at| row.get_ref(at).map(value_of).map_err(error_of);
            cells.push((0..names.len()).map(cell).collect::<Result<_, _>>()?);
        }
        Ok(Table::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), cells))
    }

    fn insert(&mut self, table: &str, columns: &[String], rows: &[Vec<Value>]) -> Result<u64, Error> {
        let table: Vec<String> = table.split('.').map(quote).collect();
        let names: Vec<String> = columns.iter().map(|name| quote(name)).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let statement = format!("insert into {} ({}) values ({places})", table.join("."), names.join(", "));
        let savepoint = self.0.savepoint().map_err(error_of)?;
        {
            let mut statement = savepoint.prepare(&statement).map_err(unknown_name)?;
            for row in rows {
                statement.execute(rusqlite::params_from_iter(row.iter().map(cell_of))).map_err(error_of)?;
            }
        }
        savepoint.commit().map_err(error_of)?;
        Ok(rows.len() as u64)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.0.execute_batch("begin").map_err(error_of)
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.0.execute_batch("commit").map_err(error_of)
    }

    fn rollback(&mut self) -> Result<(), Error> {
        self.0.execute_batch("rollback").map_err(error_of)
    }
}

/// Binds by name, and refuses what the contract refuses: a name without a bind, a bind without a name.
fn bind(statement: &mut rusqlite::Statement<'_>, binds: &[(String, Value)]) -> Result<(), Error> {
    for (name, value) in binds {
        let missing = || Error::new("invalid.bind", format!("the statement has no `:{name}`"));
        let at = statement.parameter_index(&format!(":{name}")).map_err(error_of)?.ok_or_else(missing)?;
        statement.raw_bind_parameter(at, cell_of(value)).map_err(error_of)?;
    }
    for at in 1..=statement.parameter_count() {
        let name = statement.parameter_name(at).unwrap_or("?").trim_start_matches(':');
        if !binds.iter().any(|(bound, _)| bound == name) {
            return Err(Error::new("invalid.bind", format!("there is no bind for `:{name}`")));
        }
    }
    Ok(())
}

fn cell_of(value: &Value) -> impl ToSql + use<> {
    match value {
        Value::Null => Cell::Null,
        Value::Boolean(value) => Cell::Integer(i64::from(*value)),
        Value::Integer(value) => Cell::Integer(*value),
        Value::Float(value) => Cell::Real(*value),
        Value::Bytes(value) => Cell::Blob(value.clone()),
        Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => {
            Cell::Text(text.clone())
        }
        Value::Other((_, text)) => Cell::Text(text.clone()),
    }
}

fn value_of(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Float(value),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn error_of(error: rusqlite::Error) -> Error {
    let code = match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => "conflict",
        Some(ErrorCode::Unknown) => "invalid",
        _ => "remote",
    };
    Error::new(code, error.to_string())
}

/// A statement made here cannot be malformed: what SQLite does not know are the names in it.
fn unknown_name(error: rusqlite::Error) -> Error {
    let error = error_of(error);
    if error.is("invalid") { Error::new("not-found", error.message) } else { error }
}
