//! Rows between reader and writer. The reader encodes each row for its target at once (COPY bytes for PostgreSQL,
//! bound values for SQLite) and sends chunks over a short channel, so memory stays bounded whatever the table's size,
//! and reading, encoding and writing overlap.
//!
//! Invariant: a stream is complete only with its [`Message::End`]; a channel that closes without one means the source
//! failed, and the writer must not commit.

use rusqlite::types::{Value as SqliteCell, ValueRef};

use crate::connector::cell::Cell;
use crate::connector::postgres::copy_in::{CopyBuffer, CopyColumns};
use crate::connector::postgres::kind::{self, Kind};
use crate::connector::sqlite::value::into_cell;

/// Chunks of COPY bytes in flight are about this large; 64 to 128 KiB measured best.
const CHUNK_BYTES: usize = 96 * 1024;
/// Chunks between reader and writer.
pub(super) const CHUNKS_IN_FLIGHT: usize = 4;

/// What travels over the channel.
pub(super) enum Message {
    /// Some rows.
    Chunk { rows: u64, data: Data },
    /// The source has been read to its end.
    End,
}

/// Encoded rows.
pub(super) enum Data {
    /// For `COPY … FROM STDIN`.
    Copy(Vec<u8>),
    /// Row after row.
    Cells(Vec<SqliteCell>),
}

/// Encodes rows for one target.
pub(super) struct Sink {
    form: Form,
    rows: u64,
    most_rows: u64,
}

enum Form {
    Copy(Box<CopyBuffer>),
    Cells { cells: Vec<SqliteCell>, bytes: usize },
}

impl Sink {
    /// For a PostgreSQL table.
    pub(super) fn copy(columns: CopyColumns, batch_size: u32) -> Self {
        Self { form: Form::Copy(Box::new(CopyBuffer::new(columns))), rows: 0, most_rows: batch_size.into() }
    }

    /// For a SQLite table.
    pub(super) fn cells(batch_size: u32) -> Self {
        Self { form: Form::Cells { cells: Vec::new(), bytes: 0 }, rows: 0, most_rows: batch_size.into() }
    }

    pub(super) fn begin_row(&mut self) {
        if let Form::Copy(buffer) = &mut self.form {
            buffer.begin_row();
        }
    }

    pub(super) fn end_row(&mut self) {
        self.rows += 1;
        if let Form::Copy(buffer) = &mut self.form {
            buffer.end_row();
        }
    }

    /// Adds the next cell of a row read from SQLite. False when the target's column cannot take it.
    pub(super) fn sqlite_cell(&mut self, cell: ValueRef<'_>) -> bool {
        match &mut self.form {
            Form::Copy(buffer) => match sqlite_cell(cell) {
                Some(cell) => buffer.cell(cell),
                None => false,
            },
            Form::Cells { cells, bytes } => {
                *bytes += size_of(cell);
                cells.push(owned(cell));
                true
            }
        }
    }

    /// Adds the next cell (column `n`) of a row read from PostgreSQL, `None` being NULL.
    pub(super) fn wire_cell(&mut self, n: usize, kind: Kind, type_name: &str, wire: Option<&[u8]>) -> bool {
        match (&mut self.form, wire) {
            (Form::Copy(buffer), None) => buffer.cell(Cell::Null),
            (Form::Copy(buffer), Some(wire)) if buffer.columns().takes_wire_bytes(n, kind) => {
                buffer.wire(wire);
                true
            }
            (Form::Copy(buffer), Some(wire)) => match kind::read(kind, type_name, wire) {
                Some(value) => buffer.cell(Cell::from(&value)),
                None => false,
            },
            (Form::Cells { cells, .. }, None) => {
                cells.push(SqliteCell::Null);
                true
            }
            (Form::Cells { cells, bytes }, Some(wire)) => {
                *bytes += wire.len();
                let Some(value) = kind::read(kind, type_name, wire) else { return false };
                cells.push(into_cell(value));
                true
            }
        }
    }

    /// Whether it is time to send.
    pub(super) fn is_full(&self) -> bool {
        let bytes = match &self.form {
            Form::Copy(buffer) => buffer.len(),
            Form::Cells { bytes, .. } => *bytes,
        };
        bytes >= CHUNK_BYTES || self.rows >= self.most_rows
    }

    /// The rows so far, if there are any.
    pub(super) fn take(&mut self) -> Option<Message> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        let data = match &mut self.form {
            Form::Copy(buffer) => Data::Copy(buffer.take()),
            Form::Cells { cells, bytes } => {
                *bytes = 0;
                let capacity = cells.capacity();
                Data::Cells(std::mem::replace(cells, Vec::with_capacity(capacity)))
            }
        };
        Some(Message::Chunk { rows, data })
    }

    /// The type of target column `n`, for messages; `None` where the target takes any cell.
    pub(super) fn target_type(&self, n: usize) -> Option<(&str, &str)> {
        match &self.form {
            Form::Copy(buffer) => Some(buffer.columns().show(n)),
            Form::Cells { .. } => None,
        }
    }
}

fn size_of(cell: ValueRef<'_>) -> usize {
    match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 8,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 8,
    }
}

fn owned(cell: ValueRef<'_>) -> SqliteCell {
    match cell {
        ValueRef::Null => SqliteCell::Null,
        ValueRef::Integer(n) => SqliteCell::Integer(n),
        ValueRef::Real(f) => SqliteCell::Real(f),
        ValueRef::Blob(bytes) => SqliteCell::Blob(bytes.to_vec()),
        // Text that is not UTF-8 keeps its bytes rather than its class.
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => SqliteCell::Text(text.to_owned()),
            Err(_) => SqliteCell::Blob(bytes.to_vec()),
        },
    }
}

/// `None` for text that is not UTF-8, which SQLite stores without a look.
pub(super) fn sqlite_cell(cell: ValueRef<'_>) -> Option<Cell<'_>> {
    Some(match cell {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Int(n),
        ValueRef::Real(f) => Cell::Float(f),
        ValueRef::Text(text) => Cell::Text(std::str::from_utf8(text).ok()?),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes),
    })
}
