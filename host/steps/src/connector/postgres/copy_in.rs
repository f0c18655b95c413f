//! Rows in the two formats of `COPY … FROM STDIN`: binary when every column has an encoder of ours (the fast one),
//! else text, which the server parses. Only bytes are made here; who sends them owns the connection.

use host_model::Json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, Statement as _};

use super::copy_out;
use super::kind::{self, Kind};
use super::statement::Decoder;
use crate::connector::cell::Cell;
use crate::connector::vet::quote;

/// What a binary COPY begins with: signature, no flags, no extension.
pub(crate) const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// And ends with.
const BINARY_TRAILER: &[u8] = &[0xff, 0xff];

/// The columns of a table that receive a COPY.
#[derive(Debug, Clone)]
pub(crate) struct CopyColumns {
    names: Vec<String>,
    kinds: Vec<Kind>,
    type_names: Vec<String>,
    is_binary: bool,
}

/// Rows being encoded.
pub(crate) struct CopyBuffer {
    columns: CopyColumns,
    bytes: Vec<u8>,
    at: usize,
}

impl CopyColumns {
    /// Asks the server for the types of `names` in `table` (already quoted).
    pub(crate) async fn describe(conn: &mut PgConnection, table: &str, names: &[String]) -> Result<Self, sqlx::Error> {
        let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        let described = conn.prepare(AssertSqlSafe(format!("select {list} from {table}")).into_sql_str()).await?;
        let Decoder { columns, kinds } = Decoder::of(described.columns());
        Ok(Self::new(names.to_vec(), kinds, columns.into_iter().map(|c| c.kind).collect()))
    }

    pub(crate) fn new(names: Vec<String>, kinds: Vec<Kind>, type_names: Vec<String>) -> Self {
        let is_binary = !kinds.iter().any(|k| matches!(k, Kind::Other | Kind::Void));
        Self { names, kinds, type_names, is_binary }
    }

    /// The `COPY` statement for `table` (already quoted).
    pub(crate) fn statement(&self, table: &str) -> String {
        let list = self.names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        format!("copy {table} ({list}) from stdin (format {})", self.format())
    }

    /// [`Self::statement`] for a table that this transaction has made, outside any savepoint. Its rows arrive frozen, so
    /// nobody has to write the pages again to say that everybody sees them: neither ANALYZE nor the first vacuum.
    pub(crate) fn statement_for_new(&self, table: &str) -> String {
        let list = self.names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
        format!("copy {table} ({list}) from stdin (format {}, freeze)", self.format())
    }

    fn format(&self) -> &'static str {
        if self.is_binary { "binary" } else { "text" }
    }

    /// What goes before the first row.
    pub(crate) fn header(&self) -> &'static [u8] {
        if self.is_binary { BINARY_HEADER } else { b"" }
    }

    /// What goes after the last row.
    pub(crate) fn trailer(&self) -> &'static [u8] {
        if self.is_binary { BINARY_TRAILER } else { b"" }
    }

    /// Whether cells of column `n` that come as wire bytes of `kind` may be passed on as they are.
    pub(crate) fn takes_wire_bytes(&self, n: usize, kind: Kind) -> bool {
        self.is_binary && self.kinds[n] == kind
    }

    /// The columns, as the table calls them.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// What the columns hold.
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The cells of one encoded row by name, for people: those of a row that the server refused.
    pub(crate) fn show_row(&self, row: &[u8]) -> Json {
        let cells: Vec<Json> = if self.is_binary { self.binary_cells(row) } else { text_cells(row) };
        Json::Object(self.names.iter().cloned().zip(cells).collect())
    }

    fn binary_cells(&self, row: &[u8]) -> Vec<Json> {
        let columns = self.kinds.iter().zip(&self.type_names).zip(copy_out::cells(row));
        let read = |(kind, name): (&Kind, &String), cell: Option<&[u8]>| {
            cell.and_then(|cell| kind::read(*kind, name, cell)).map_or(Json::Null, |value| value.to_json())
        };
        columns.map(|(column, cell)| read(column, cell)).collect()
    }

    /// Name and type of a column, for messages.
    pub(crate) fn show(&self, n: usize) -> (&str, &str) {
        (&self.names[n], &self.type_names[n])
    }
}

impl CopyBuffer {
    pub(crate) fn new(columns: CopyColumns) -> Self {
        Self { columns, bytes: Vec::new(), at: 0 }
    }

    pub(crate) fn columns(&self) -> &CopyColumns {
        &self.columns
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The rows so far; the buffer is then empty and as large as before, `most` at most.
    pub(crate) fn take(&mut self, most: usize) -> Vec<u8> {
        let capacity = self.bytes.capacity().min(most);
        std::mem::replace(&mut self.bytes, Vec::with_capacity(capacity))
    }

    /// Takes back everything behind `end`.
    pub(crate) fn truncate(&mut self, end: usize) {
        self.bytes.truncate(end);
    }

    /// Adds a whole row in the binary format.
    pub(crate) fn raw_row(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Opens a row.
    pub(crate) fn begin_row(&mut self) {
        self.at = 0;
        if self.columns.is_binary {
            self.bytes.extend((self.columns.kinds.len() as u16).to_be_bytes());
        }
    }

    /// Adds the next cell. False when it cannot take the type of its column.
    pub(crate) fn cell(&mut self, cell: Cell<'_>) -> bool {
        let n = self.at;
        self.at += 1;
        if !self.columns.is_binary {
            return self.text_cell(n, cell);
        }
        if cell == Cell::Null {
            self.bytes.extend((-1_i32).to_be_bytes());
            return true;
        }
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        if !kind::write(self.columns.kinds[n], cell, &mut self.bytes) {
            return false;
        }
        let length = (self.bytes.len() - start - 4) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
        true
    }

    /// Adds the next cell as bytes that already are in the column's wire form.
    pub(crate) fn wire(&mut self, bytes: &[u8]) {
        self.at += 1;
        self.bytes.extend((bytes.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// Closes a row.
    pub(crate) fn end_row(&mut self) {
        if !self.columns.is_binary {
            self.bytes.push(b'\n');
        }
    }

    fn text_cell(&mut self, n: usize, cell: Cell<'_>) -> bool {
        use std::io::Write as _;
        if n > 0 {
            self.bytes.push(b'\t');
        }
        let out = &mut self.bytes;
        match cell {
            Cell::Null => out.extend(b"\\N"),
            Cell::Bool(b) => out.push(if b { b't' } else { b'f' }),
            // Writing to a Vec cannot fail.
            Cell::Int(number) => drop(write!(out, "{number}")),
            Cell::Float(number) => drop(write!(out, "{number}")),
            Cell::Bytes(bytes) => {
                // Only a bytea column: anywhere else this text would not be the bytes.
                if self.columns.kinds[n] != Kind::Bytea {
                    return false;
                }
                out.extend(b"\\\\x");
                bytes.iter().for_each(|b| drop(write!(out, "{b:02x}")));
            }
            Cell::Text(text) => {
                for byte in text.bytes() {
                    match byte {
                        0 => return false,
                        b'\\' => out.extend(b"\\\\"),
                        b'\n' => out.extend(b"\\n"),
                        b'\r' => out.extend(b"\\r"),
                        b'\t' => out.extend(b"\\t"),
                        other => out.push(other),
                    }
                }
            }
        }
        true
    }
}

/// The cells of a row in the text format.
fn text_cells(row: &[u8]) -> Vec<Json> {
    let line = row.strip_suffix(b"\n").unwrap_or(row);
    line.split(|b| *b == b'\t').map(text_cell).collect()
}

fn text_cell(cell: &[u8]) -> Json {
    if cell == b"\\N" {
        return Json::Null;
    }
    let mut plain = Vec::with_capacity(cell.len());
    let mut bytes = cell.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(&other) => other,
                None => byte,
            },
            other => other,
        });
    }
    Json::String(String::from_utf8_lossy(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_without_encoder_makes_the_whole_copy_text() {
        let columns = CopyColumns::new(
            vec!["a".into(), "b c".into()],
            vec![Kind::Int4, Kind::Other],
            vec!["int4".into(), "inet".into()],
        );
        assert_eq!(columns.statement("\"t\""), "copy \"t\" (\"a\", \"b c\") from stdin (format text)");
        let mut buffer = CopyBuffer::new(columns);
        buffer.begin_row();
        assert!(buffer.cell(Cell::Null));
        assert!(buffer.cell(Cell::Text("a\\b\tc\nd")));
        buffer.end_row();
        let shown = buffer.columns().show_row(&buffer.bytes);
        assert_eq!(shown.to_string(), r#"{"a":null,"b c":"a\\b\tc\nd"}"#);
        assert_eq!(buffer.take(1), b"\\N\ta\\\\b\\tc\\nd\n");
        buffer.begin_row();
        assert!(!buffer.cell(Cell::Text("\0")));
    }

    #[test]
    fn binary_rows_carry_count_and_lengths() {
        let columns = CopyColumns::new(
            vec!["a".into(), "b".into()],
            vec![Kind::Int2, Kind::Text],
            vec!["int2".into(), "text".into()],
        );
        let mut buffer = CopyBuffer::new(columns);
        buffer.begin_row();
        assert!(buffer.cell(Cell::Int(5)));
        assert!(buffer.cell(Cell::Null));
        buffer.end_row();
        assert_eq!(buffer.columns().show_row(&buffer.bytes).to_string(), r#"{"a":5,"b":null}"#);
        assert_eq!(buffer.take(1), [0, 2, 0, 0, 0, 2, 0, 5, 255, 255, 255, 255]);
    }
}
