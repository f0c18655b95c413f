//! Rows by column, the form in which they travel between databases, guests and callables: a number costs eight bytes and
//! no allocation, texts of a column lie end to end in one buffer.
//!
//! Here: batches and how large they may be; `cells` holds what one column is made of. Which bits mean NULL and how
//! offsets count is the contract of plugins (`wit/step/types.wit`), so that columns cross into a guest as they are.
//! Invariant: every column of a batch has as many cells as the batch has rows.

mod cells;

use crate::value::{CellRef, Row, Value};

pub use cells::{Cells, Data, Packed, PackedError, TextKind};

/// While only the rows of one batch are known, it grows by so many times its rows at once: narrow rows in front of wide
/// ones must not mislead far.
const GROWTH: usize = 7;

/// How many rows a batch may have, and how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// Most rows.
    pub rows: usize,
    /// A batch ends with the row that reaches this many [`Batch::bytes`], so a row wider than that comes alone.
    pub bytes: usize,
}

impl BatchLimit {
    /// Bytes of a batch unless somebody wants fewer: 8 MiB. Large enough that the way through the host costs nothing
    /// against the rows, small enough for a hundred steps at once.
    pub const BYTES: usize = 8 * 1024 * 1024;

    /// At most `rows` rows, and the usual bytes.
    pub fn rows(rows: usize) -> Self {
        Self { rows, bytes: Self::BYTES }
    }

    /// Whether nothing more belongs into `batch`.
    pub fn is_reached(&self, batch: &Batch) -> bool {
        batch.rows() >= self.rows || !batch.is_empty() && batch.bytes() >= self.bytes
    }

    /// How many rows to ask for after those of `batch`, for a database that has to be told before it sends them: as many
    /// as fit when they are like those before, one when nothing is known. `row_bytes` is the width of the rows of earlier
    /// batches, 0 when there were none.
    pub fn fitting(&self, batch: &Batch, row_bytes: usize) -> usize {
        let usual = if row_bytes > 0 { usize::MAX } else { batch.rows().saturating_mul(GROWTH) };
        let row_bytes = row_bytes.max(batch.bytes().checked_div(batch.rows()).unwrap_or(0)).max(1);
        let fitting = self.bytes.saturating_sub(batch.bytes()) / row_bytes;
        fitting.min(usual).min(self.rows.saturating_sub(batch.rows())).max(1)
    }
}

/// Some rows, by column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    rows: usize,
    columns: Vec<Cells>,
    bytes: usize,
    /// The column that gets the next cell.
    at: usize,
}

impl Batch {
    /// No rows yet, of `width` cells.
    pub fn new(width: usize) -> Self {
        Self { columns: vec![Cells::default(); width], ..Self::default() }
    }

    /// Of whole columns; `None` when one of them has not `rows` cells. Without a column there are no rows.
    pub fn of_columns(rows: usize, columns: Vec<Cells>) -> Option<Self> {
        let rows = if columns.is_empty() { 0 } else { rows };
        let bytes = columns.iter().map(Cells::bytes).sum();
        columns.iter().all(|cells| cells.len() == rows).then_some(Self { rows, columns, bytes, at: 0 })
    }

    /// Of rows of `width` cells. A row too short ends in NULLs, what a row has too many is left out.
    pub fn from_rows(width: usize, rows: &[Row]) -> Self {
        let mut batch = Self::new(width);
        rows.iter().for_each(|row| batch.push_row(row));
        batch
    }

    /// Adds the next cell, from left to right; the last one of a row makes it a row of the batch.
    pub fn push(&mut self, cell: CellRef<'_>) {
        let Some(cells) = self.columns.get_mut(self.at) else { return };
        self.bytes += cells::weight(cell);
        cells.push(cell);
        self.at += 1;
        if self.at == self.columns.len() {
            self.at = 0;
            self.rows += 1;
        }
    }

    /// Adds a row; see [`Batch::from_rows`] for one of another width.
    pub fn push_row(&mut self, row: &[Value]) {
        for n in 0..self.columns.len() {
            self.push(row.get(n).map_or(CellRef::Null, CellRef::from));
        }
    }

    /// Adds a row of another batch as wide as this one.
    pub fn push_row_of(&mut self, other: &Self, row: usize) {
        other.row(row).for_each(|cell| self.push(cell));
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// About what the rows take in a guest, in whatever form it asks for them: 16 bytes a cell, and its text.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// One cell; NULL where there is none.
    pub fn cell(&self, row: usize, column: usize) -> CellRef<'_> {
        self.columns.get(column).map_or(CellRef::Null, |cells| cells.get(row))
    }

    /// The cells of a row, from left to right.
    pub fn row(&self, row: usize) -> impl Iterator<Item = CellRef<'_>> {
        self.columns.iter().map(move |cells| cells.get(row))
    }

    /// The rows, each cell with its own text.
    pub fn to_rows(&self) -> Vec<Row> {
        (0..self.rows).map(|row| self.row(row).map(CellRef::to_value).collect()).collect()
    }

    /// The columns.
    pub fn columns(&self) -> &[Cells] {
        &self.columns
    }

    /// The columns, to take apart.
    pub fn into_columns(self) -> Vec<Cells> {
        self.columns
    }
}

#[cfg(test)]
mod tests;
