//! Cells of the model and cells of the contract, by row and by column. By column both have the same buffers, so that
//! they move and Wasmtime's copy from one memory into the other is the only one.
//!
//! Invariant: a columnar batch that a guest sends is believed only after its lengths, offsets and texts were checked.

use host_model::batch::{self as model, Batch, Cells, Data, TextKind};
use host_model::value::{Binds, CellRef, Column, Value};

use crate::bindings::nomaflow::step::types;
use crate::bindings::nomaflow::step::types::{ColumnBatch, ColumnData, ColumnValues, Error, Packed, RowBatch};
use crate::capability::host_error;

/// A cell for the guest.
pub(crate) fn to_guest(cell: CellRef<'_>) -> types::Value {
    match cell {
        CellRef::Null => types::Value::Null,
        CellRef::Bool(b) => types::Value::Boolean(b),
        CellRef::Int(i) => types::Value::Integer(i),
        CellRef::Float(f) => types::Value::Float(f),
        CellRef::Decimal(t) => types::Value::Decimal(t.to_owned()),
        CellRef::Text(t) => types::Value::Text(t.to_owned()),
        CellRef::Bytes(b) => types::Value::Bytes(b.to_vec()),
        CellRef::Date(t) => types::Value::Date(t.to_owned()),
        CellRef::Timestamp(t) => types::Value::Timestamp(t.to_owned()),
        CellRef::Other(kind, text) => types::Value::Other((kind.to_owned(), text.to_owned())),
    }
}

/// A cell of the guest.
pub(crate) fn from_guest(value: types::Value) -> Value {
    match value {
        types::Value::Null => Value::Null,
        types::Value::Boolean(b) => Value::Bool(b),
        types::Value::Integer(i) => Value::Int(i),
        types::Value::Float(f) => Value::Float(f),
        types::Value::Decimal(t) => Value::Decimal(t),
        types::Value::Text(t) => Value::Text(t),
        types::Value::Bytes(b) => Value::Bytes(b),
        types::Value::Date(t) => Value::Date(t),
        types::Value::Timestamp(t) => Value::Timestamp(t),
        types::Value::Other((kind, text)) => Value::Other(kind, text),
    }
}

/// A cell of the guest, where it lies.
fn borrow(value: &types::Value) -> CellRef<'_> {
    match value {
        types::Value::Null => CellRef::Null,
        types::Value::Boolean(b) => CellRef::Bool(*b),
        types::Value::Integer(i) => CellRef::Int(*i),
        types::Value::Float(f) => CellRef::Float(*f),
        types::Value::Decimal(t) => CellRef::Decimal(t),
        types::Value::Text(t) => CellRef::Text(t),
        types::Value::Bytes(b) => CellRef::Bytes(b),
        types::Value::Date(t) => CellRef::Date(t),
        types::Value::Timestamp(t) => CellRef::Timestamp(t),
        types::Value::Other((kind, text)) => CellRef::Other(kind, text),
    }
}

pub(crate) fn binds_from_guest(binds: Vec<(String, types::Value)>) -> Binds {
    binds.into_iter().map(|(name, value)| (name, from_guest(value))).collect()
}

pub(crate) fn columns_to_guest(columns: &[Column]) -> Vec<types::Column> {
    let column = |c: &Column| types::Column {
        name: c.name.clone(),
        kind: case_of_type(&c.kind).to_owned(),
        nullable: c.nullable,
    };
    columns.iter().map(column).collect()
}

/// The case of `value` a database type arrives in; a type that no case is made for keeps its own name.
fn case_of_type(database_type: &str) -> &str {
    // `varchar(20)`, `double precision`, `timestamp with time zone`: the first word decides.
    let word = database_type.split([' ', '(']).next().unwrap_or_default();
    match word {
        "boolean" | "bool" => "boolean",
        "integer" | "int" | "int2" | "int4" | "int8" | "smallint" | "bigint" | "tinyint" | "mediumint" => "integer",
        "float" | "float4" | "float8" | "real" | "double" => "float",
        "decimal" | "numeric" => "decimal",
        "text" | "varchar" | "char" | "character" | "bpchar" | "name" | "clob" | "nvarchar" | "nchar" => "text",
        "bytes" | "blob" | "bytea" => "bytes",
        "date" => "date",
        "timestamp" | "timestamptz" | "datetime" => "timestamp",
        _ => database_type,
    }
}

/// Rows for the guest.
pub(crate) fn to_row_batch(batch: &Batch) -> RowBatch {
    RowBatch { rows: (0..batch.rows()).map(|row| batch.row(row).map(to_guest).collect()).collect() }
}

/// Rows of the guest.
///
/// # Errors
/// `invalid` when a row has not `width` cells.
pub(crate) fn from_row_batch(rows: &RowBatch, width: usize) -> Result<Batch, Error> {
    let mut batch = Batch::new(width);
    for (at, row) in rows.rows.iter().enumerate() {
        if row.len() != width {
            let message = format!("row {at} has {} cells, {width} columns are named", row.len());
            return Err(host_error("invalid", message));
        }
        row.iter().for_each(|cell| batch.push(borrow(cell)));
    }
    Ok(batch)
}

/// Columns for the guest; the buffers cross as they are. `columns` say what a column without any cell holds.
pub(crate) fn to_column_batch(batch: Batch, columns: &[Column]) -> ColumnBatch {
    let rows = u32::try_from(batch.rows()).unwrap_or(u32::MAX);
    let columns = batch.into_columns().into_iter().zip(columns).map(|(cells, column)| to_column(cells, column));
    ColumnBatch { rows, columns: columns.collect() }
}

fn to_column(cells: Cells, column: &Column) -> ColumnValues {
    let (len, nulls, data) = cells.into_parts();
    let (kind, data) = match data {
        Data::Nothing => places(case_of_type(&column.kind), len),
        Data::Bools(cells) => ("boolean".to_owned(), ColumnData::Booleans(cells)),
        Data::Ints(cells) => ("integer".to_owned(), ColumnData::Integers(cells)),
        Data::Floats(cells) => ("float".to_owned(), ColumnData::Floats(cells)),
        Data::Texts(kind, texts) => {
            let (offsets, text) = texts.into_parts();
            (name_of(kind), ColumnData::Packed(Packed { offsets, data: text.into_bytes() }))
        }
        Data::Bytes(items) => {
            let (offsets, data) = items.into_parts();
            ("bytes".to_owned(), ColumnData::Packed(Packed { offsets, data }))
        }
        Data::Mixed(cells) => ("text".to_owned(), ColumnData::Packed(print(&cells))),
    };
    ColumnValues { kind, nulls, data }
}

/// A column of nothing but place holders.
fn places(kind: &str, len: usize) -> (String, ColumnData) {
    let data = match kind {
        "boolean" => ColumnData::Booleans(vec![false; len]),
        "integer" => ColumnData::Integers(vec![0; len]),
        "float" => ColumnData::Floats(vec![0.0; len]),
        _ => ColumnData::Packed(Packed { offsets: vec![0; len + 1], data: Vec::new() }),
    };
    (kind.to_owned(), data)
}

fn name_of(kind: TextKind) -> String {
    match kind {
        TextKind::Decimal => "decimal".to_owned(),
        TextKind::Text => "text".to_owned(),
        TextKind::Date => "date".to_owned(),
        TextKind::Timestamp => "timestamp".to_owned(),
        TextKind::Other(name) => name,
    }
}

fn kind_of(name: String) -> TextKind {
    match name.as_str() {
        "decimal" => TextKind::Decimal,
        "text" => TextKind::Text,
        "date" => TextKind::Date,
        "timestamp" => TextKind::Timestamp,
        _ => TextKind::Other(name),
    }
}

/// Cells of several kinds as texts: numbers print, bytes are hexadecimal.
fn print(cells: &[Value]) -> Packed {
    let mut packed = Packed { offsets: Vec::with_capacity(cells.len() + 1), data: Vec::new() };
    packed.offsets.push(0);
    for cell in cells {
        match cell {
            Value::Null => {}
            Value::Bytes(bytes) => packed.data.extend_from_slice(hex::encode(bytes).as_bytes()),
            Value::Bool(b) => packed.data.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Int(i) => packed.data.extend_from_slice(i.to_string().as_bytes()),
            Value::Float(f) => packed.data.extend_from_slice(f.to_string().as_bytes()),
            Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Timestamp(t) | Value::Other(_, t) => {
                packed.data.extend_from_slice(t.as_bytes());
            }
        }
        // A batch is kept far below 4 GiB by the memory limit.
        packed.offsets.push(u32::try_from(packed.data.len()).unwrap_or(u32::MAX));
    }
    packed
}

/// A columnar batch of the guest, of `width` columns. A database that takes it row by row makes a [`Value`] of each cell,
/// of a single byte too, so those count against `most_bytes`.
///
/// # Errors
/// `invalid` when it is not what it says it is, `limit` when it is too much.
pub(crate) fn from_column_batch(batch: ColumnBatch, width: usize, most_bytes: u64) -> Result<Batch, Error> {
    let n_rows = batch.rows as usize;
    let n_cells: usize = batch.columns.iter().map(|column| count_cells(&column.data)).sum();
    let bytes = size_of::<Value>().saturating_mul(n_cells);
    if bytes as u64 > most_bytes {
        let message = format!("a batch of {n_cells} cells takes {bytes} bytes, the memory limit is {most_bytes}");
        return Err(host_error("limit", message));
    }
    if batch.columns.len() != width {
        let found = batch.columns.len();
        return Err(host_error("invalid", format!("the batch has {found} columns, {width} are named")));
    }
    let malformed = |index: usize, why: String| {
        host_error("invalid", format!("column {index} of the batch of {n_rows} rows is malformed: {why}"))
    };
    let mut columns = Vec::with_capacity(width);
    for (index, column) in batch.columns.into_iter().enumerate() {
        let cells = from_column(column).map_err(|why| malformed(index, why))?;
        if cells.len() != n_rows {
            return Err(malformed(index, format!("it has {} cells", cells.len())));
        }
        columns.push(cells);
    }
    // All of one length, as was looked at.
    Ok(Batch::of_columns(n_rows, columns).unwrap_or_default())
}

fn count_cells(data: &ColumnData) -> usize {
    match data {
        ColumnData::Booleans(cells) => cells.len(),
        ColumnData::Integers(cells) => cells.len(),
        ColumnData::Floats(cells) => cells.len(),
        ColumnData::Texts(cells) => cells.len(),
        ColumnData::Packed(packed) => packed.offsets.len().saturating_sub(1),
    }
}

fn from_column(column: ColumnValues) -> Result<Cells, String> {
    let ColumnValues { kind, nulls, data } = column;
    let data = match data {
        ColumnData::Booleans(cells) => Data::Bools(cells),
        ColumnData::Integers(cells) => Data::Ints(cells),
        ColumnData::Floats(cells) => Data::Floats(cells),
        ColumnData::Texts(cells) => {
            let mut texts = model::Packed::<String>::default();
            if !cells.iter().all(|text| texts.push(text)) {
                return Err("its texts pass 4 GiB".to_owned());
            }
            Data::Texts(kind_of(kind), texts)
        }
        ColumnData::Packed(Packed { offsets, data }) => {
            let packed = model::Packed::new(offsets, data).map_err(|error| error.to_string())?;
            match kind.as_str() {
                "bytes" => Data::Bytes(packed),
                _ => Data::Texts(kind_of(kind), packed.into_texts().map_err(|error| error.to_string())?),
            }
        }
    };
    Ok(Cells::new(nulls, data))
}

#[cfg(test)]
mod tests;
