//! Rows of values to bind, their texts and bytes one after another in one piece of memory: a million rows of ten texts would
//! otherwise be ten million small pieces, made by one thread and freed by another.

use std::ops::Range;

use host_model::value::CellRef;
use rusqlite::types::ValueRef;

use crate::connector::cell::Cell;

/// Row after row of cells.
#[derive(Debug, Default)]
pub(super) struct Cells {
    cells: Vec<Packed>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Packed {
    Null,
    Integer(i64),
    Real(f64),
    Text { start: usize, end: usize },
    Blob { start: usize, end: usize },
}

/// What a cell weighs beside its text.
const CELL_BYTES: usize = size_of::<Packed>();

impl Cells {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// What they weigh.
    pub(super) fn weight(&self) -> usize {
        self.cells.len() * CELL_BYTES + self.bytes.len()
    }

    pub(super) fn push(&mut self, cell: Cell<'_>) {
        let packed = match cell {
            Cell::Null => Packed::Null,
            Cell::Bool(b) => Packed::Integer(b.into()),
            Cell::Int(n) => Packed::Integer(n),
            // SQLite stores a bound NaN as NULL.
            Cell::Float(f) if f.is_nan() => return self.push(Cell::Text("NaN")),
            Cell::Float(f) => Packed::Real(f),
            Cell::Text(text) => {
                let Range { start, end } = self.keep(text.as_bytes());
                Packed::Text { start, end }
            }
            Cell::Bytes(bytes) => {
                let Range { start, end } = self.keep(bytes);
                Packed::Blob { start, end }
            }
        };
        self.cells.push(packed);
    }

    /// The same for a cell that may be a time: SQLite's own functions write a blank where others have a `T`.
    pub(super) fn push_read(&mut self, cell: CellRef<'_>) {
        self.push(cell.into());
        if let (CellRef::Timestamp(_), Some(Packed::Text { start, .. })) = (cell, self.cells.last())
            && let Some(t) = self.bytes[*start..].iter_mut().find(|byte| **byte == b'T')
        {
            *t = b' ';
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Adds a copy of some of the cells of another.
    pub(super) fn extend(&mut self, other: &Self, range: Range<usize>) {
        for n in range {
            let packed = match other.cells[n] {
                Packed::Text { start, end } => {
                    let Range { start, end } = self.keep(&other.bytes[start..end]);
                    Packed::Text { start, end }
                }
                Packed::Blob { start, end } => {
                    let Range { start, end } = self.keep(&other.bytes[start..end]);
                    Packed::Blob { start, end }
                }
                plain => plain,
            };
            self.cells.push(packed);
        }
    }

    pub(super) fn get(&self, n: usize) -> ValueRef<'_> {
        match self.cells[n] {
            Packed::Null => ValueRef::Null,
            Packed::Integer(n) => ValueRef::Integer(n),
            Packed::Real(f) => ValueRef::Real(f),
            Packed::Text { start, end } => ValueRef::Text(&self.bytes[start..end]),
            Packed::Blob { start, end } => ValueRef::Blob(&self.bytes[start..end]),
        }
    }

    pub(super) fn range(&self, range: Range<usize>) -> impl Iterator<Item = ValueRef<'_>> {
        range.map(|n| self.get(n))
    }

    /// Keeps the first `len` cells.
    pub(super) fn truncate(&mut self, len: usize) {
        let first_gone = self.cells.get(len..).unwrap_or_default().iter().find_map(|cell| match cell {
            Packed::Text { start, .. } | Packed::Blob { start, .. } => Some(*start),
            _ => None,
        });
        if let Some(start) = first_gone {
            self.bytes.truncate(start);
        }
        self.cells.truncate(len);
    }

    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// What is there, leaving as much room for what comes.
    pub(super) fn take(&mut self) -> Self {
        let room = Self { cells: Vec::with_capacity(self.cells.len()), bytes: Vec::with_capacity(self.bytes.len()) };
        std::mem::replace(self, room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Cells {
        let mut cells = Cells::default();
        for cell in
            [Cell::Null, Cell::Text("ab"), Cell::Int(7), Cell::Bytes(&[1, 0]), Cell::Float(f64::NAN), Cell::Bool(true)]
        {
            cells.push(cell);
        }
        cells
    }

    #[test]
    fn cells_come_out_as_they_went_in() {
        let cells = some();
        let want = [
            ValueRef::Null,
            ValueRef::Text(b"ab"),
            ValueRef::Integer(7),
            ValueRef::Blob(&[1, 0]),
            ValueRef::Text(b"NaN"),
            ValueRef::Integer(1),
        ];
        assert_eq!(cells.range(0..cells.len()).collect::<Vec<_>>(), want);
        assert_eq!(cells.weight(), 6 * CELL_BYTES + 7);
    }

    #[test]
    fn a_row_that_is_taken_back_leaves_nothing() {
        let mut cells = some();
        cells.truncate(3);
        assert_eq!((cells.len(), cells.weight()), (3, 3 * CELL_BYTES + 2));
        cells.push(Cell::Text("c"));
        assert_eq!((cells.get(1), cells.get(3)), (ValueRef::Text(b"ab"), ValueRef::Text(b"c")));
        cells.truncate(9);
        assert_eq!(cells.len(), 4);
        cells.clear();
        assert_eq!((cells.len(), cells.weight()), (0, 0));
    }

    #[test]
    fn rows_move_from_one_to_another() {
        let (mut to, mut from) = (some(), some());
        to.extend(&from, 1..4);
        assert_eq!(to.range(6..9).collect::<Vec<_>>(), from.range(1..4).collect::<Vec<_>>());
        let taken = from.take();
        assert_eq!((taken.len(), from.len()), (6, 0));
    }

    #[test]
    fn a_time_is_written_as_sqlite_writes_it_and_a_text_stays() {
        let mut cells = Cells::default();
        cells.push(Cell::Text("before"));
        cells.push_read(CellRef::Timestamp("2026-01-01T10:00:00Z"));
        cells.push_read(CellRef::Timestamp("infinity"));
        cells.push_read(CellRef::Text("2026-01-01T10:00:00"));
        let texts: Vec<_> = cells.range(1..4).map(|cell| cell.as_str().unwrap().to_owned()).collect();
        assert_eq!(texts, ["2026-01-01 10:00:00Z", "infinity", "2026-01-01T10:00:00"]);
    }
}
