//! Guests that say too much.

use nomaflow_guest::{Error, log};
use serde_json::Value;

/// Lines for ever.
pub(crate) fn flood(_: Value) -> Result<Value, Error> {
    let mut n = 0u64;
    loop {
        log::info!("line {n}");
        n += 1;
    }
}

/// Lines for ever, to both streams.
pub(crate) fn print(_: Value) -> Result<Value, Error> {
    loop {
        println!("out");
        eprintln!("err");
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct Size {
    bytes: usize,
}

/// One line of so many bytes, logged and printed.
pub(crate) fn line(params: Size) -> Result<Value, Error> {
    let text = "x".repeat(params.bytes);
    log::info!("{text}");
    println!("{text}");
    Ok(Value::Null)
}

/// One line with so many fields.
pub(crate) fn fields(params: Size) -> Result<Value, Error> {
    use nomaflow_guest::bindings::nomaflow::step::log as raw;
    let fields = vec![("k".to_owned(), "v\n\u{1b}[2J\r".to_owned()); params.bytes];
    raw::write(raw::Level::Info, "many", &fields);
    Ok(Value::Null)
}

/// A result of so many bytes.
pub(crate) fn result(params: Size) -> Result<Value, Error> {
    Ok(Value::String("x".repeat(params.bytes)))
}
