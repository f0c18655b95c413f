//! Columnar batches: making them from Rust values, and reading single cells of them.
//!
//! Texts travel packed, which is what makes columns fast. A null cell has a place holder in the data and a bit in `nulls`.

use crate::{ColumnBatch, ColumnData, ColumnValues, Error, Packed, Value};

impl ColumnBatch {
    /// Puts columns together. Error `invalid` when they are not of one length.
    pub fn new(columns: Vec<ColumnValues>) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, ColumnValues::len);
        match columns.iter().position(|column| column.len() != rows) {
            None => Ok(Self { rows: rows as u32, columns }),
            Some(at) => {
                Err(Error::invalid(format!("column {at} has {} cells, the first has {rows}", columns[at].len())))
            }
        }
    }
}

impl ColumnValues {
    /// A column of booleans.
    pub fn booleans(cells: impl IntoIterator<Item = Option<bool>>) -> Self {
        let (cells, nulls) = split(cells);
        Self { kind: "boolean".into(), nulls, data: ColumnData::Booleans(cells) }
    }

    /// A column of integers.
    pub fn integers(cells: impl IntoIterator<Item = Option<i64>>) -> Self {
        let (cells, nulls) = split(cells);
        Self { kind: "integer".into(), nulls, data: ColumnData::Integers(cells) }
    }

    /// A column of floats.
    pub fn floats(cells: impl IntoIterator<Item = Option<f64>>) -> Self {
        let (cells, nulls) = split(cells);
        Self { kind: "float".into(), nulls, data: ColumnData::Floats(cells) }
    }

    /// A column of texts.
    pub fn texts<T: AsRef<str>>(cells: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::written("text", cells)
    }

    /// A column whose kind is written as text: `decimal`, `date`, `timestamp`, or a type of the database.
    pub fn written<T: AsRef<str>>(kind: &str, cells: impl IntoIterator<Item = Option<T>>) -> Self {
        packed(kind, cells, |cell| cell.as_ref().as_bytes())
    }

    /// A column of byte strings.
    pub fn bytes<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = Option<T>>) -> Self {
        packed("bytes", cells, AsRef::as_ref)
    }

    /// The number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.data {
            ColumnData::Booleans(cells) => cells.len(),
            ColumnData::Integers(cells) => cells.len(),
            ColumnData::Floats(cells) => cells.len(),
            ColumnData::Texts(cells) => cells.len(),
            ColumnData::Packed(packed) => packed.offsets.len().saturating_sub(1),
        }
    }

    /// True without any cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One cell. Error `invalid` when there is no such cell, or the column is malformed there.
    pub fn value(&self, row: usize) -> Result<Value, Error> {
        if self.nulls.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1) {
            return Ok(Value::Null);
        }
        let value = match &self.data {
            ColumnData::Booleans(cells) => cells.get(row).map(|cell| Value::Boolean(*cell)),
            ColumnData::Integers(cells) => cells.get(row).map(|cell| Value::Integer(*cell)),
            ColumnData::Floats(cells) => cells.get(row).map(|cell| Value::Float(*cell)),
            ColumnData::Texts(cells) => cells.get(row).map(|cell| of_kind(&self.kind, cell.clone())),
            ColumnData::Packed(packed) => self.packed_value(packed, row),
        };
        value.ok_or_else(|| {
            Error::invalid(format!("a column of {} cells has no cell {row} that can be read", self.len()))
        })
    }

    fn packed_value(&self, packed: &Packed, row: usize) -> Option<Value> {
        let (start, end) = (*packed.offsets.get(row)?, *packed.offsets.get(row + 1)?);
        let cell = packed.data.get(start as usize..end as usize)?.to_vec();
        if self.kind == "bytes" {
            return Some(Value::Bytes(cell));
        }
        Some(of_kind(&self.kind, String::from_utf8(cell).ok()?))
    }
}

fn of_kind(kind: &str, text: String) -> Value {
    match kind {
        "text" => Value::Text(text),
        "decimal" => Value::Decimal(text),
        "date" => Value::Date(text),
        "timestamp" => Value::Timestamp(text),
        other => Value::Other((other.to_owned(), text)),
    }
}

/// Cells with place holders, and the bitmap of nulls.
fn split<T: Default>(cells: impl IntoIterator<Item = Option<T>>) -> (Vec<T>, Vec<u8>) {
    let mut nulls = Nulls::default();
    let cells: Vec<T> = cells.into_iter().map(|cell| nulls.note(cell).unwrap_or_default()).collect();
    (cells, nulls.finish())
}

fn packed<T>(kind: &str, cells: impl IntoIterator<Item = Option<T>>, bytes_of: impl Fn(&T) -> &[u8]) -> ColumnValues {
    let mut nulls = Nulls::default();
    let mut packed = Packed { offsets: vec![0], data: Vec::new() };
    for cell in cells {
        if let Some(cell) = nulls.note(cell) {
            packed.data.extend_from_slice(bytes_of(&cell));
        }
        packed.offsets.push(packed.data.len() as u32);
    }
    ColumnValues { kind: kind.to_owned(), nulls: nulls.finish(), data: ColumnData::Packed(packed) }
}

/// The bitmap of nulls while it is made.
#[derive(Default)]
struct Nulls {
    bits: Vec<u8>,
    rows: usize,
    has_null: bool,
}

impl Nulls {
    fn note<T>(&mut self, cell: Option<T>) -> Option<T> {
        if self.rows.is_multiple_of(8) {
            self.bits.push(0);
        }
        if let (None, Some(byte)) = (&cell, self.bits.last_mut()) {
            *byte |= 1 << (self.rows % 8);
            self.has_null = true;
        }
        self.rows += 1;
        cell
    }

    /// The bitmap over all rows; empty when no cell was null.
    fn finish(self) -> Vec<u8> {
        if self.has_null { self.bits } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_reads_back_as_it_was_given_nulls_included() {
        let cells: Vec<Option<i64>> = (0..20).map(|i| (i % 3 != 0).then_some(i)).collect();
        let column = ColumnValues::integers(cells.clone());
        let back: Vec<Value> = (0..20).map(|row| column.value(row).expect("reads")).collect();
        assert_eq!(back, cells.into_iter().map(Value::from).collect::<Vec<_>>());
        let words = ColumnValues::written("date", [Some("2013-01-01"), None, Some("")]);
        assert_eq!(words.value(0), Ok(Value::Date("2013-01-01".into())));
        assert_eq!(words.value(1), Ok(Value::Null));
        assert_eq!(words.value(2), Ok(Value::Date(String::new())));
        assert!(words.value(3).is_err());
    }

    #[test]
    fn columns_without_nulls_carry_no_bitmap() {
        assert!(ColumnValues::floats([Some(1.0), Some(2.0)]).nulls.is_empty());
        let one_null = ColumnValues::floats((0..10).map(|i| (i != 1).then_some(1.0)));
        assert_eq!(one_null.nulls, [0b10, 0], "a bitmap covers all rows");
    }

    #[test]
    fn columns_of_unlike_length_make_no_batch() {
        let error = ColumnBatch::new(vec![ColumnValues::integers([Some(1)]), ColumnValues::texts([None::<&str>; 2])]);
        assert!(error.is_err_and(|error| error.is("invalid")));
    }
}
