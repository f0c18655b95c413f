//! Reads `driver` and `driver_module` of a pool: which program speaks to the database. Only kinds of database that have a
//! second one may say it.

use host_model::connector::{Dialect, PoolAddress, PoolDriver};

use crate::finding::Findings;
use crate::reader::Table;

/// The two keys.
pub(crate) fn read_driver(table: &mut Table<'_, '_>, address: Option<&PoolAddress>, out: &mut Findings) -> PoolDriver {
    let parse = |text: &str| matches!(text, "native" | "python").then(|| text == "python");
    let driver = table.word("driver", &["native", "python"], parse, out);
    let module = table.filled_text("driver_module", out);
    let is_python = driver.as_ref().is_some_and(|(is_python, _)| *is_python);
    if let Some(text) = module.as_ref().filter(|_| !is_python) {
        let message = format!("{} has a `driver_module`, which only `driver = \"python\"` uses", table.what);
        out.error("conflict", text.span.clone(), message, None);
    }
    if let Some(text) = module.as_ref().filter(|text| !is_module(&text.value)) {
        let message = format!("`driver_module` of {} is no name of a Python module", table.what);
        out.error("not-allowed", text.span.clone(), message, None);
    }
    let Some((true, place)) = driver else { return PoolDriver::Native };
    let usual = match address.map(PoolAddress::dialect) {
        Some(Dialect::Oracle) | None => "oracledb",
        Some(Dialect::Odbc) => "pyodbc",
        Some(other) => {
            let message = format!("{} has `driver = \"python\"`, but its database is `{}`", table.what, other.as_str());
            let hint = "Oracle and ODBC have a driver in Python; leave the key out".to_owned();
            out.error("conflict", place.span, message, Some(hint));
            return PoolDriver::Native;
        }
    };
    PoolDriver::Python { module: module.map_or_else(|| usual.to_owned(), |text| text.value) }
}

fn is_module(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.split('.').all(is_word)
}
