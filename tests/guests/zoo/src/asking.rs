//! Guests that ask the host for what they may not have, or for too much of what they may.

use nomaflow_guest::bindings::nomaflow::step::{sql as raw, types};
use nomaflow_guest::{Error, sql::Connection, state};
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
pub(crate) struct Open {
    path: String,
    /// Writes, else reads.
    #[serde(default)]
    write: bool,
}

fn outcome<T>(result: std::io::Result<T>) -> Result<Value, Error> {
    Ok(match result {
        Ok(_) => json!({"ok": true}),
        Err(error) => json!({"error": error.to_string()}),
    })
}

pub(crate) fn open(params: Open) -> Result<Value, Error> {
    match params.write {
        true => outcome(std::fs::write(&params.path, "written by the zoo")),
        false => outcome(std::fs::read(&params.path)),
    }
}

/// Opens the file again and again and keeps every handle.
pub(crate) fn handles(params: Open) -> Result<Value, Error> {
    let mut kept = Vec::new();
    for _ in 0..100_000 {
        kept.push(std::fs::File::open(&params.path).map_err(|error| Error::new("io", error.to_string()))?);
    }
    Ok(kept.len().into())
}

/// Reads a query to its end again and again, and keeps every cursor.
pub(crate) fn cursors(_: Value) -> Result<Value, Error> {
    let connection = raw::Connection::open("c")?;
    let mut kept = Vec::new();
    for _ in 0..100_000 {
        let cursor = connection.query("select 1 as one", &[])?;
        while !cursor.fetch(0)?.rows.is_empty() {}
        kept.push(cursor);
    }
    Ok(kept.len().into())
}

/// Keeps every session.
pub(crate) fn sessions(_: Value) -> Result<Value, Error> {
    let mut kept = Vec::new();
    loop {
        kept.push(Connection::open("c")?);
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct Count {
    n: usize,
}

/// A batch of one column of so many booleans: a byte each here, fifty there.
pub(crate) fn booleans(params: Count) -> Result<Value, Error> {
    let connection = raw::Connection::open("c")?;
    let data = types::ColumnData::Booleans(vec![true; params.n]);
    let column = types::ColumnValues { kind: "boolean".to_owned(), nulls: Vec::new(), data };
    let batch = types::ColumnBatch { rows: params.n as u32, columns: vec![column] };
    Ok(connection.insert_columns("t", &["flag".to_owned()], &batch)?.into())
}

#[derive(serde::Deserialize)]
pub(crate) struct Query {
    statement: String,
    max: u32,
}

/// The rows of each batch of a query.
pub(crate) fn rows(params: Query) -> Result<Value, Error> {
    let connection = raw::Connection::open("c")?;
    let cursor = connection.query(&params.statement, &[])?;
    let mut sizes = Vec::new();
    loop {
        let batch = cursor.fetch(params.max)?;
        if batch.rows.is_empty() {
            return Ok(json!({"sizes": sizes}));
        }
        sizes.push(batch.rows.len());
    }
}

/// Fills the state until it is refused; returns how many keys fitted, and the code.
pub(crate) fn fill(_: Value) -> Result<Value, Error> {
    let mut n = 0u64;
    loop {
        match state::set(&format!("key-{n}"), "v") {
            Ok(()) => n += 1,
            Err(error) => return Ok(json!({"keys": n, "code": error.code})),
        }
    }
}

/// Odd texts for every import that takes one; returns the codes.
pub(crate) fn odd(_: Value) -> Result<Value, Error> {
    use nomaflow_guest::{context, http, ldap, log, secrets};
    let long = "\u{10ffff}".repeat(100_000);
    let texts =
        ["", "\0", "a\0b", "\n\r\u{1b}[31m", "../../etc/passwd", "'; drop table t; --", "\u{202e}", "%s%n", &long];
    let mut codes = Vec::new();
    for text in texts {
        log::info!("{text}");
        assert_eq!(context::get(text), None);
        context::report(u64::MAX, Some(0), text);
        codes.push(Connection::open(text).map(drop));
        codes.push(secrets::get(text).map(drop));
        codes.push(state::get(text).map(drop));
        codes.push(state::set(text, text));
        codes.push(state::scan(text).map(drop));
        codes.push(http::Request::new(text, text).send().map(drop));
        codes.push(http::Request::new("GET", "http://a.test/").header(text, text).send().map(drop));
        codes.push(ldap::Query::new(text).base(text).search(text).map(drop));
    }
    Ok(codes.into_iter().map(|done| done.err().map_or_else(|| "ok".to_owned(), |error| error.code)).collect())
}
