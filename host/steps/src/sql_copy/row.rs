//! Rows between reader and writer. The reader encodes each row for its target at once (COPY bytes for PostgreSQL,
//! bound values for SQLite) and sends chunks over a short channel, so memory stays bounded whatever the table's size,
//! and reading, encoding and writing overlap.
//!
//! Invariant: a stream is complete only with its [`Message::End`]; a channel that closes without one means the source
//! failed, and the writer must not commit.

use std::sync::Arc;

use host_model::{StepError, StepErrorKind};
use rusqlite::types::ValueRef;
use tokio::sync::OwnedSemaphorePermit;

use super::cells::Cells;
use super::checksum::RowHash;
use super::coerce::{Rule, Rules};
use crate::connector::cell::Cell;
use crate::connector::postgres::copy_in::{CopyBuffer, CopyColumns};
use crate::connector::postgres::kind::{self, Kind};
use crate::connector::postgres::numeric;

/// Chunks in flight are about this large; 64 to 128 KiB measured best.
pub(super) const CHUNK_BYTES: usize = 96 * 1024;
/// Chunks between reader and writer, at most.
pub(super) const CHUNKS_IN_FLIGHT: usize = 4;

/// What travels over the channel.
pub(super) enum Message {
    /// Some rows.
    Chunk(Box<Chunk>),
    /// The source has been read to its end.
    End,
}

/// Some rows.
pub(super) struct Chunk {
    pub(super) data: Data,
    /// One for each row in `data`.
    pub(super) marks: Vec<Mark>,
    /// Rows that could not be encoded.
    pub(super) bad: Vec<BadRow>,
    /// The reader they come from; 0 when there is only one.
    pub(super) lane: u32,
    /// Held until the rows are in the target's hands.
    pub(super) weight: Option<OwnedSemaphorePermit>,
}

/// Encoded rows.
pub(super) enum Data {
    /// For `COPY … FROM STDIN`.
    Copy(Vec<u8>),
    /// Row after row.
    Cells(Cells),
}

/// One row of a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Its number in the order of reading, from 1.
    pub(super) number: u64,
    /// Where its bytes end.
    pub(super) end: usize,
    /// Of its cells; 0 when nobody asked.
    pub(super) hash: u64,
}

/// A row that the target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadRow {
    pub(super) number: u64,
    pub(super) column: Option<String>,
    pub(super) reason: String,
    /// Its cells, as a JSON object or array.
    pub(super) data: String,
}

/// How a destination wants its rows.
#[derive(Clone)]
pub(super) enum Encoding {
    /// As bytes of a COPY.
    Copy(CopyColumns),
    /// As values to bind.
    Cells,
}

/// What a copy asks of its encoders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Rows in a chunk, at most.
    pub(super) batch_size: u32,
    /// A row that does not fit is set aside and does not end the copy.
    pub(super) skips: bool,
    /// Rows are hashed.
    pub(super) hashes: bool,
}

/// Encodes rows for one target.
pub(super) struct Sink {
    form: Form,
    rules: Arc<Rules>,
    policy: Policy,
    connector: String,
    names: Vec<String>,
    lane: u32,
    marks: Vec<Mark>,
    bad: Vec<BadRow>,
    bad_bytes: usize,
    number: u64,
    /// The column whose cell comes next.
    at: usize,
    hash: RowHash,
    scratch: String,
}

enum Form {
    Copy(Box<CopyBuffer>),
    Cells(Cells),
}

impl Chunk {
    /// What it weighs.
    pub(super) fn bytes(&self) -> usize {
        let bad: usize = self.bad.iter().map(|b| b.data.len() + b.reason.len()).sum();
        bad + self.marks.last().map_or(0, |m| m.end)
    }
}

impl Sink {
    pub(super) fn new(
        encoding: Encoding,
        rules: Arc<Rules>,
        policy: Policy,
        connector: String,
        names: Vec<String>,
        lane: u32,
    ) -> Self {
        let form = match encoding {
            Encoding::Copy(columns) => Form::Copy(Box::new(CopyBuffer::new(columns))),
            Encoding::Cells => Form::Cells(Cells::default()),
        };
        Self {
            form,
            rules,
            policy,
            connector,
            names,
            lane,
            marks: Vec::new(),
            bad: Vec::new(),
            bad_bytes: 0,
            number: 0,
            at: 0,
            hash: RowHash::default(),
            scratch: String::new(),
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.number += 1;
        self.at = 0;
        if let Form::Copy(buffer) = &mut self.form {
            buffer.begin_row();
        }
    }

    pub(super) fn end_row(&mut self) {
        let end = match &mut self.form {
            Form::Copy(buffer) => {
                buffer.end_row();
                buffer.len()
            }
            Form::Cells(cells) => cells.weight(),
        };
        let hash = if self.policy.hashes { self.hash.finish() } else { 0 };
        self.marks.push(Mark { number: self.number, end, hash });
    }

    /// Whether rows of these types may be passed on as the server sends them, by [`Sink::raw_row`].
    pub(super) fn takes_raw_rows(&self, kinds: &[Kind]) -> bool {
        let Form::Copy(buffer) = &self.form else { return false };
        let fits = |(n, kind): (usize, &Kind)| buffer.columns().takes_wire_bytes(n, *kind) && self.rules.keeps(n);
        !self.policy.hashes && kinds.iter().enumerate().all(fits)
    }

    /// A whole row in the binary format of COPY.
    pub(super) fn raw_row(&mut self, bytes: &[u8]) {
        self.number += 1;
        if let Form::Copy(buffer) = &mut self.form {
            buffer.raw_row(bytes);
        }
        self.end_row();
    }

    /// Adds the next cell of a row. False when the target's column cannot take it.
    pub(super) fn cell(&mut self, cell: Cell<'_>) -> bool {
        let n = self.at;
        self.at += 1;
        let cell = self.rules.apply(n, cell, &mut self.scratch);
        if self.policy.hashes {
            self.hash.cell(cell);
        }
        match &mut self.form {
            Form::Copy(buffer) => buffer.cell(cell),
            Form::Cells(cells) => {
                cells.push(cell);
                true
            }
        }
    }

    /// The same for a row read from SQLite. Text that is not UTF-8, which SQLite stores without a look, keeps its bytes
    /// rather than its class on the way to SQLite, and fits nowhere else.
    pub(super) fn sqlite_cell(&mut self, cell: ValueRef<'_>) -> bool {
        match (sqlite_cell(cell), &self.form) {
            (Some(cell), _) => self.cell(cell),
            (None, Form::Cells(_)) => self.cell(Cell::Bytes(cell.as_bytes().unwrap_or_default())),
            (None, Form::Copy(_)) => self.unfit(),
        }
    }

    /// The same for a row read from PostgreSQL, `None` being NULL.
    pub(super) fn wire_cell(&mut self, kind: Kind, type_name: &str, wire: Option<&[u8]>) -> bool {
        let n = self.at;
        let Some(wire) = wire else { return self.cell(Cell::Null) };
        let keeps = self.rules.keeps(n);
        if keeps && !self.policy.hashes {
            match &mut self.form {
                Form::Copy(buffer) if buffer.columns().takes_wire_bytes(n, kind) => {
                    buffer.wire(wire);
                    self.at += 1;
                    return true;
                }
                Form::Copy(_) => {}
                Form::Cells(cells) => {
                    self.at += 1;
                    let Some(cell) = kind::read_cell(kind, type_name, wire, &mut self.scratch) else { return false };
                    cells.push_read(cell);
                    return true;
                }
            }
        }
        // Most of what JD Edwards has: no detour over a text of its own.
        match (self.rules.rule(n), kind) {
            (Rule::Trim { .. }, Kind::Text) => {
                let Ok(text) = std::str::from_utf8(wire) else { return self.unfit() };
                return self.cell(Cell::Text(text));
            }
            (Rule::Whole, Kind::Numeric) => {
                if let Some(whole) = numeric::whole(wire) {
                    return self.cell(Cell::Int(whole));
                }
            }
            (Rule::Julian, Kind::Numeric) => {
                if let Some(whole) = numeric::whole(wire).filter(|_| numeric::is_whole(wire)) {
                    return self.cell(Cell::Int(whole));
                }
            }
            _ => {}
        }
        if let (Form::Cells(cells), true) = (&mut self.form, keeps) {
            self.at += 1;
            let Some(cell) = kind::read_cell(kind, type_name, wire, &mut self.scratch) else { return false };
            self.hash.cell(cell.into());
            cells.push_read(cell);
            return true;
        }
        let Some(value) = kind::read(kind, type_name, wire) else { return self.unfit() };
        self.cell(Cell::from(&value))
    }

    /// The next cell cannot even be read; it is the one that [`Sink::refuse`] names.
    fn unfit(&mut self) -> bool {
        self.at += 1;
        false
    }

    /// Takes back the row that is being built, whose latest cell was `shown` and did not fit: an error that names row
    /// and column, or a row set aside with `data`.
    pub(super) fn refuse(&mut self, shown: &str, data: impl FnOnce() -> String) -> Result<(), StepError> {
        let n = self.at.saturating_sub(1);
        let column = self.names.get(n).cloned().unwrap_or_default();
        let into = match &self.form {
            Form::Copy(buffer) => {
                let (name, kind) = buffer.columns().show(n);
                format!(" the target's column `{name}` of type `{kind}`")
            }
            Form::Cells(_) => String::new(),
        };
        let reason = format!("`{shown}` does not fit{into}");
        if !self.policy.skips {
            let text = format!(
                "connector `{}`: {}, column `{column}`: {reason}",
                self.connector,
                row_name(self.number, self.lane)
            );
            let mut error = StepError::new(StepErrorKind::Failed, text);
            error.may_retry = false;
            return Err(error);
        }
        let (rows, end) = (self.marks.len(), self.marks.last().map_or(0, |m| m.end));
        match &mut self.form {
            Form::Copy(buffer) => buffer.truncate(end),
            Form::Cells(cells) => cells.truncate(rows * self.names.len()),
        }
        self.hash = RowHash::default();
        let data = data();
        self.bad_bytes += data.len();
        self.bad.push(BadRow { number: self.number, column: Some(column), reason, data });
        Ok(())
    }

    /// Whether it is time to send.
    pub(super) fn is_full(&self) -> bool {
        let bytes = self.bad_bytes + self.marks.last().map_or(0, |m| m.end);
        bytes >= CHUNK_BYTES || self.marks.len() + self.bad.len() >= self.policy.batch_size as usize
    }

    /// The rows so far, if there are any.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        if self.marks.is_empty() && self.bad.is_empty() {
            return None;
        }
        self.bad_bytes = 0;
        let data = match &mut self.form {
            Form::Copy(buffer) => Data::Copy(buffer.take(2 * CHUNK_BYTES)),
            Form::Cells(cells) => Data::Cells(cells.take()),
        };
        let rows = self.marks.len();
        let marks = std::mem::replace(&mut self.marks, Vec::with_capacity(rows));
        Some(Chunk { data, marks, bad: std::mem::take(&mut self.bad), lane: self.lane, weight: None })
    }
}

/// `row 7`, and of which reader when there are several.
pub(super) fn row_name(number: u64, lane: u32) -> String {
    match lane {
        0 => format!("row {number}"),
        lane => format!("row {number} of reader {lane}"),
    }
}

/// `None` for text that is not UTF-8.
pub(super) fn sqlite_cell(cell: ValueRef<'_>) -> Option<Cell<'_>> {
    Some(match cell {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Int(n),
        ValueRef::Real(f) => Cell::Float(f),
        ValueRef::Text(text) => Cell::Text(std::str::from_utf8(text).ok()?),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes),
    })
}
