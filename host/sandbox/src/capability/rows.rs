//! Cells of the model and cells of the contract, by row and by column.
//!
//! Invariant: a columnar batch that a guest sends is believed only after its lengths, offsets and texts were checked.

use host_model::value::{Binds, Column, Row, Value};

use crate::bindings::nomaflow::step::types;
use crate::bindings::nomaflow::step::types::{ColumnBatch, ColumnData, ColumnValues, Error, Packed};
use crate::capability::host_error;

/// A cell for the guest.
pub(crate) fn to_guest(value: Value) -> types::Value {
    match value {
        Value::Null => types::Value::Null,
        Value::Bool(b) => types::Value::Boolean(b),
        Value::Int(i) => types::Value::Integer(i),
        Value::Float(f) => types::Value::Float(f),
        Value::Decimal(t) => types::Value::Decimal(t),
        Value::Text(t) => types::Value::Text(t),
        Value::Bytes(b) => types::Value::Bytes(b),
        Value::Date(t) => types::Value::Date(t),
        Value::Timestamp(t) => types::Value::Timestamp(t),
        Value::Other(kind, text) => types::Value::Other((kind, text)),
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

/// Roughly the bytes a batch takes in the guest: 16 per cell and its text.
pub(crate) fn estimate_bytes(rows: &[Row]) -> usize {
    let cell = |value: &Value| {
        16 + match value {
            Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Timestamp(t) => t.len(),
            Value::Bytes(b) => b.len(),
            Value::Other(kind, text) => kind.len() + text.len(),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        }
    };
    rows.iter().flatten().map(cell).sum()
}

/// Rows by column. `columns` say what a column without any cell holds.
pub(crate) fn to_column_batch(rows: Vec<Row>, columns: &[Column]) -> ColumnBatch {
    let n_rows = rows.len();
    let mut cells: Vec<Vec<Value>> = columns.iter().map(|_| Vec::with_capacity(n_rows)).collect();
    for row in rows {
        for (column, cell) in cells.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    let columns = cells.into_iter().zip(columns).map(|(cells, column)| pack_column(cells, column)).collect();
    ColumnBatch { rows: u32::try_from(n_rows).unwrap_or(u32::MAX), columns }
}

fn pack_column(cells: Vec<Value>, column: &Column) -> ColumnValues {
    let kind = common_kind(&cells, column);
    let mut nulls = Vec::new();
    for (row, _) in cells.iter().enumerate().filter(|(_, cell)| matches!(cell, Value::Null)) {
        nulls.resize(nulls.len().max(row / 8 + 1), 0);
        nulls[row / 8] |= 1 << (row % 8);
    }
    let data = match kind.as_str() {
        "boolean" => ColumnData::Booleans(cells.iter().map(|c| matches!(c, Value::Bool(true))).collect()),
        "integer" => ColumnData::Integers(cells.iter().map(|c| if let Value::Int(i) = c { *i } else { 0 }).collect()),
        "float" => ColumnData::Floats(cells.iter().map(|c| if let Value::Float(f) = c { *f } else { 0.0 }).collect()),
        _ => ColumnData::Packed(pack(cells)),
    };
    ColumnValues { kind, nulls, data }
}

/// The one kind all cells have, `text` when they have several.
fn common_kind(cells: &[Value], column: &Column) -> String {
    let mut kinds = cells.iter().filter(|cell| !matches!(cell, Value::Null)).map(kind_of);
    match kinds.next() {
        Some(first) if kinds.all(|kind| kind == first) => first.to_owned(),
        Some(_) => "text".to_owned(),
        None => case_of_type(&column.kind).to_owned(),
    }
}

fn kind_of(value: &Value) -> &str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(_) => "float",
        Value::Decimal(_) => "decimal",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Date(_) => "date",
        Value::Timestamp(_) => "timestamp",
        Value::Other(kind, _) => kind,
    }
}

/// Texts end to end; numbers among texts become text, bytes among texts hexadecimal.
fn pack(cells: Vec<Value>) -> Packed {
    let only_bytes = cells.iter().all(|cell| matches!(cell, Value::Bytes(_) | Value::Null));
    let mut packed = Packed { offsets: Vec::with_capacity(cells.len() + 1), data: Vec::new() };
    packed.offsets.push(0);
    for cell in cells {
        match cell {
            Value::Null => {}
            Value::Bytes(bytes) if only_bytes => packed.data.extend_from_slice(&bytes),
            Value::Bytes(bytes) => packed.data.extend_from_slice(hex::encode(bytes).as_bytes()),
            Value::Bool(b) => packed.data.extend_from_slice(if b { b"true" } else { b"false" }),
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

/// A columnar batch as rows of `n_columns` cells, which may take `most_bytes`: a cell of one byte becomes one of fifty.
///
/// # Errors
/// `invalid` when it is not what it says it is, `limit` when it is too much.
pub(crate) fn from_column_batch(batch: ColumnBatch, n_columns: usize, most_bytes: u64) -> Result<Vec<Row>, Error> {
    let n_rows = batch.rows as usize;
    let n_cells: usize = batch.columns.iter().map(|column| count_cells(&column.data)).sum();
    // Each cell is there twice for a moment, by column and by row.
    let bytes = (2 * size_of::<Value>()).saturating_mul(n_cells);
    if bytes as u64 > most_bytes {
        let message = format!("a batch of {n_cells} cells takes {bytes} bytes, the memory limit is {most_bytes}");
        return Err(host_error("limit", message));
    }
    if batch.columns.len() != n_columns {
        let found = batch.columns.len();
        return Err(host_error("invalid", format!("the batch has {found} columns, {n_columns} are named")));
    }
    // No room is reserved for rows that are only claimed: a guest may claim four billion.
    let mut rows: Vec<Row> = Vec::new();
    for (index, column) in batch.columns.into_iter().enumerate() {
        let cells = unpack_column(column, n_rows).map_err(|why| {
            host_error("invalid", format!("column {index} of the batch of {n_rows} rows is malformed: {why}"))
        })?;
        if index == 0 {
            rows = cells.into_iter().map(|cell| vec![cell]).collect();
        } else {
            for (row, cell) in rows.iter_mut().zip(cells) {
                row.push(cell);
            }
        }
    }
    Ok(rows)
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

fn unpack_column(column: ColumnValues, n_rows: usize) -> Result<Vec<Value>, String> {
    let ColumnValues { kind, nulls, data } = column;
    let mut cells: Vec<Value> = match data {
        ColumnData::Booleans(cells) => cells.into_iter().map(Value::Bool).collect(),
        ColumnData::Integers(cells) => cells.into_iter().map(Value::Int).collect(),
        ColumnData::Floats(cells) => cells.into_iter().map(Value::Float).collect(),
        ColumnData::Texts(cells) => cells.into_iter().map(|text| value_of_kind(&kind, text)).collect(),
        ColumnData::Packed(packed) => unpack(&kind, &packed)?,
    };
    if cells.len() != n_rows {
        return Err(format!("it has {} cells", cells.len()));
    }
    for (row, cell) in cells.iter_mut().enumerate() {
        if nulls.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1) {
            *cell = Value::Null;
        }
    }
    Ok(cells)
}

fn unpack(kind: &str, packed: &Packed) -> Result<Vec<Value>, String> {
    if packed.offsets.first() != Some(&0) {
        return Err("its offsets do not begin with 0".to_owned());
    }
    if packed.offsets.last().map(|last| *last as usize) != Some(packed.data.len()) {
        return Err("its offsets do not end at the end of the data".to_owned());
    }
    let cell = |pair: &[u32]| {
        let bytes = packed.data.get(pair[0] as usize..pair[1] as usize).ok_or("its offsets descend")?;
        if kind == "bytes" {
            return Ok(Value::Bytes(bytes.to_vec()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")?;
        Ok(value_of_kind(kind, text.to_owned()))
    };
    packed.offsets.windows(2).map(cell).collect::<Result<_, &str>>().map_err(str::to_owned)
}

fn value_of_kind(kind: &str, text: String) -> Value {
    match kind {
        "text" => Value::Text(text),
        "decimal" => Value::Decimal(text),
        "date" => Value::Date(text),
        "timestamp" => Value::Timestamp(text),
        other => Value::Other(other.to_owned(), text),
    }
}

#[cfg(test)]
mod tests;
