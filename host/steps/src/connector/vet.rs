//! What a session checks before a statement reaches a database: one statement at a time, no writing through a session
//! opened for reading, no transaction ended behind the session's back, every `:name` given.
//!
//! This gives early, clear answers; the database enforces the access once more (query_only, read-only transaction).

use host_model::StepError;
use host_model::batch::Batch;
use host_model::connector::Dialect;
use host_model::port::Access;
use host_model::value::{Binds, Value};

use super::fault::Place;
use super::scan::{self, Statement};

/// Reads `sql` as the single statement of a session call.
pub(crate) fn single(sql: &str, dialect: Dialect, access: Access, place: &Place) -> Result<Statement, StepError> {
    let mut statements = scan::split(sql, dialect).map_err(|e| place.definition(e))?;
    if statements.len() != 1 {
        return Err(place.definition(format!("a call takes one SQL statement, not {}", statements.len())));
    }
    let statement = statements.remove(0);
    if statement.is_transaction_control() {
        let word = statement.keyword();
        return Err(place
            .definition(format!("`{word}` is not a statement for a session; use its own begin, commit and rollback")));
    }
    if access == Access::Read && !statement.is_reading() {
        return Err(refused_write(statement.keyword(), place));
    }
    Ok(statement)
}

/// The answer to a write through a session opened for reading.
pub(crate) fn refused_write(word: &str, place: &Place) -> StepError {
    place.denied(&format!("is open for reading only, so `{word}` is refused"))
}

/// The values of a statement's parameters, in the order of its names. Binds it does not name are left alone.
pub(crate) fn values(statement: &Statement, binds: &Binds, place: &Place) -> Result<Vec<Value>, StepError> {
    let find = |name: &String| {
        let bind = binds.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        bind.ok_or_else(|| {
            place.definition(format!("the statement uses the parameter `:{name}`, and no value was given for it"))
        })
    };
    statement.names().iter().map(find).collect()
}

/// A batch to insert must be as wide as the list of its columns.
pub(crate) fn width(batch: &Batch, table: &str, columns: &[String], place: &Place) -> Result<(), StepError> {
    let (cells, width) = (batch.width(), columns.len());
    if cells == width {
        return Ok(());
    }
    Err(place.definition(format!("the rows have {cells} cells for {width} columns of `{table}`")))
}

/// One identifier as `dialect` quotes it.
pub(crate) fn quote_for(dialect: Dialect, name: &str) -> String {
    match dialect {
        // Whatever `ANSI_QUOTES` says.
        Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        _ => quote(name),
    }
}

/// [`quote_for`] MySQL.
pub(crate) fn mysql_quote(name: &str) -> String {
    quote_for(Dialect::MySql, name)
}

/// `schema.table` or `table`, quoted for MySQL.
pub(crate) fn mysql_quote_path(path: &str) -> String {
    path.split('.').map(mysql_quote).collect::<Vec<_>>().join(".")
}

/// `schema.table` or `table`, quoted by the rule of SQLite and PostgreSQL.
pub(crate) fn quote_path(path: &str) -> String {
    path.split('.').map(quote).collect::<Vec<_>>().join(".")
}

/// One identifier in double quotes, for the same two.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// [`quote_path`] where names are taken as the server takes them: Oracle folds plain names to upper case, and so do people
/// who write them, so only names that need quotes get them there.
pub(crate) fn quote_path_for(dialect: Dialect, path: &str) -> String {
    path.split('.').map(|name| quote_as_written(dialect, name)).collect::<Vec<_>>().join(".")
}

/// `schema.table` by the same rule.
pub(crate) fn quote_table_for(dialect: Dialect, schema: Option<&str>, table: &str) -> String {
    schema.into_iter().chain([table]).map(|name| quote_as_written(dialect, name)).collect::<Vec<_>>().join(".")
}

fn quote_as_written(dialect: Dialect, name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '#'));
    if dialect == Dialect::Oracle && is_plain { name.to_owned() } else { quote_for(dialect, name) }
}
