//! Rows on standard output: a table for people, CSV or JSON lines for programs. Values are exact: decimals, dates and whatever
//! the database has beyond them are printed as it writes them.

use std::collections::HashMap;
use std::fmt::Write as _;

use host_model::value::{Column, Row, Value};
use host_model::{Json, JsonMap};

use crate::cli::Format;
use crate::command::table;
use crate::exit::Failure;
use crate::say;

/// Prints the rows of one answer.
pub(super) struct Printer {
    format: Format,
    names: Vec<String>,
    /// Of a table, which is as wide as its widest row.
    kept: Vec<Vec<String>>,
}

impl Printer {
    pub(super) fn new(format: Format) -> Self {
        Self { format, names: Vec::new(), kept: Vec::new() }
    }

    /// The columns, before any row.
    pub(super) fn begin(&mut self, columns: &[Column]) -> Result<(), Failure> {
        let names = columns.iter().map(|column| column.name.clone());
        if self.format == Format::Jsonl {
            self.names = distinct(names);
            return Ok(());
        }
        self.names = names.collect();
        match self.format {
            Format::Csv if !self.names.is_empty() => say(&csv_line(self.names.iter().map(|name| Some(name.clone())))),
            _ => Ok(()),
        }
    }

    /// Some rows.
    pub(super) fn rows(&mut self, rows: &[Row]) -> Result<(), Failure> {
        let line = |row: &Row| match self.format {
            Format::Jsonl => {
                let cells = self.names.iter().zip(row).map(|(name, value)| (name.clone(), value.to_json()));
                Json::Object(cells.collect::<JsonMap>()).to_string()
            }
            Format::Csv | Format::Table => csv_line(row.iter().map(text)),
        };
        if self.format == Format::Table {
            self.kept.extend(rows.iter().map(|row| row.iter().map(cell).collect()));
            return Ok(());
        }
        if rows.is_empty() {
            return Ok(());
        }
        say(&rows.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// After the last row.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.format != Format::Table {
            return Ok(());
        }
        if !self.names.is_empty() {
            let header: Vec<String> = self.names.iter().map(|name| one_line(name)).collect();
            say(&table::render(&header.iter().map(String::as_str).collect::<Vec<_>>(), &self.kept))?;
        }
        say(&format!("({})", counted(self.kept.len() as u64)))
    }
}

/// `1 row`, `2 rows`.
pub(super) fn counted(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Names that an object can have: the second `id` is `id_2`.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut list: Vec<String> = Vec::new();
    for name in names {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        let mut unique = if *count == 1 { name.clone() } else { format!("{name}_{count}") };
        while list.contains(&unique) {
            *count += 1;
            unique = format!("{name}_{count}");
        }
        list.push(unique);
    }
    list
}

/// The value as its database writes it; `None` for NULL.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) if f.is_infinite() => if *f > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Value::Float(f) => f.to_string(),
        Value::Bytes(bytes) => bytes.iter().fold("\\x".to_owned(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
        Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Timestamp(t) | Value::Other(_, t) => t.clone(),
    })
}

fn cell(value: &Value) -> String {
    text(value).map_or_else(|| "NULL".to_owned(), |text| one_line(&text))
}

/// A cell of a table must not break it, nor speak to the terminal.
fn one_line(text: &str) -> String {
    crate::watch::visible(text).replace('\n', "\u{240a}").replace('\t', "\u{2409}")
}

/// RFC 4180, where NULL is empty and an empty text is quoted.
fn csv_line(cells: impl Iterator<Item = Option<String>>) -> String {
    let quoted = |cell: Option<String>| match cell {
        None => String::new(),
        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => text,
    };
    cells.map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_tells_null_from_an_empty_text_and_quotes_what_it_must() {
        let cells = [None, Some(""), Some("a,b"), Some("say \"x\""), Some("two\nlines"), Some(" plain ")];
        let line = csv_line(cells.into_iter().map(|cell| cell.map(str::to_owned)));
        assert_eq!(line, ",\"\",\"a,b\",\"say \"\"x\"\"\",\"two\nlines\", plain ");
    }

    #[test]
    fn columns_of_one_name_stay_apart() {
        let names = ["id", "id", "id_2", "id"].map(str::to_owned);
        assert_eq!(distinct(names.into_iter()), ["id", "id_2", "id_2_2", "id_3"]);
    }

    #[test]
    fn a_table_cell_is_one_line_without_control_characters() {
        assert_eq!(cell(&Value::Text("a\nb\t\u{1b}[31m".into())), "a\u{240a}b\u{2409}\u{241b}[31m");
        assert_eq!(cell(&Value::Null), "NULL");
        assert_eq!(cell(&Value::Bytes(vec![0, 255])), "\\x00ff");
        assert_eq!(cell(&Value::Float(f64::NEG_INFINITY)), "-Infinity");
    }
}
