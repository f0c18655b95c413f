//! Rows by the hundred thousand, with as little done to each as can be: what is measured is the way across the boundary.

use nomaflow_guest::{ColumnBatch, ColumnData, ColumnValues, Error, Value, sql::Connection};
use serde::{Deserialize, Serialize};

const COLUMNS: &[&str] = &["id", "name", "amount", "price", "moment", "nothing"];

#[derive(Deserialize)]
pub(crate) struct Params {
    /// Rows to insert.
    #[serde(default)]
    n: i64,
    batch: u32,
    #[serde(default)]
    by_column: bool,
    /// What to read.
    #[serde(default)]
    statement: String,
}

#[derive(Serialize)]
pub(crate) struct Outcome {
    rows: u64,
    /// Of all cells: numbers and lengths of texts.
    sum: u64,
}

/// Reads the rows of a statement on the connector `c` and looks at every cell.
pub(crate) fn take(params: Params) -> Result<Outcome, Error> {
    let mut connection = Connection::open("c")?;
    let mut rows = connection.query(&params.statement, &[])?.batch_size(params.batch);
    let mut outcome = Outcome { rows: 0, sum: 0 };
    loop {
        let (n, sum) = if params.by_column {
            let batch = rows.next_columns()?;
            (u64::from(batch.rows), batch.columns.iter().map(|column| weigh_column(&column.data)).sum())
        } else {
            let batch = rows.next_batch()?;
            let n = batch.len() as u64;
            (n, batch.into_iter().flat_map(|row| row.into_cells()).map(|cell| weigh(&cell)).sum::<u64>())
        };
        if n == 0 {
            return Ok(outcome);
        }
        outcome.rows += n;
        outcome.sum += sum;
    }
}

fn weigh(cell: &Value) -> u64 {
    match cell {
        Value::Integer(number) => *number as u64,
        Value::Float(number) => *number as u64,
        Value::Decimal(text) | Value::Text(text) | Value::Timestamp(text) => text.len() as u64,
        _ => 0,
    }
}

fn weigh_column(data: &ColumnData) -> u64 {
    match data {
        ColumnData::Integers(cells) => cells.iter().map(|number| *number as u64).sum(),
        ColumnData::Floats(cells) => cells.iter().map(|number| *number as u64).sum(),
        ColumnData::Packed(packed) => {
            let text = |ends: &[u32]| std::str::from_utf8(&packed.data[ends[0] as usize..ends[1] as usize]);
            packed.offsets.windows(2).map(|ends| text(ends).map_or(0, |text| text.len() as u64)).sum()
        }
        _ => 0,
    }
}

/// Inserts `n` rows into `t` of the connector `c`.
pub(crate) fn emit(params: Params) -> Result<Outcome, Error> {
    let mut connection = Connection::open("c")?;
    let mut outcome = Outcome { rows: 0, sum: 0 };
    let mut first = 0;
    while first < params.n {
        let end = (first + i64::from(params.batch)).min(params.n);
        outcome.rows += if params.by_column {
            connection.insert_columns("t", COLUMNS, &columns(first..end)?)?
        } else {
            connection.insert_rows("t", COLUMNS, (first..end).map(row).collect())?
        };
        first = end;
    }
    Ok(outcome)
}

fn row(id: i64) -> Vec<Value> {
    vec![
        Value::Integer(id),
        Value::Text(format!("carrier {id}")),
        Value::Float(id as f64 * 0.5),
        Value::Decimal(format!("{id}.25")),
        Value::Timestamp("2013-01-31T05:00:00Z".to_owned()),
        Value::Null,
    ]
}

fn columns(ids: std::ops::Range<i64>) -> Result<ColumnBatch, Error> {
    let each = || ids.clone();
    ColumnBatch::new(vec![
        ColumnValues::integers(each().map(Some)),
        ColumnValues::texts(each().map(|id| Some(format!("carrier {id}")))),
        ColumnValues::floats(each().map(|id| Some(id as f64 * 0.5))),
        ColumnValues::written("decimal", each().map(|id| Some(format!("{id}.25")))),
        ColumnValues::written("timestamp", each().map(|_| Some("2013-01-31T05:00:00Z"))),
        ColumnValues::texts(each().map(|_| None::<&str>)),
    ])
}
