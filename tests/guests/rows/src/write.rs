//! Writing: rows of every kind, by row and by column, in one transaction.

use nomaflow_guest::{ColumnBatch, ColumnValues, Error, Value, sql::Connection};
use serde::{Deserialize, Serialize};

use crate::read::default_connector;

const COLUMNS: &[&str] = &["id", "flag", "amount", "price", "name", "raw", "day", "moment", "nothing"];

/// How the transaction ends.
#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    #[default]
    Commit,
    Rollback,
    /// Drops the connection with the transaction open.
    Drop,
    /// Returns an error with the transaction open.
    Fail,
    /// Panics with the transaction open.
    Panic,
}

#[derive(Deserialize)]
pub(crate) struct Params {
    #[serde(default = "default_connector")]
    connector: String,
    table: String,
    /// Rows to insert each way.
    k: i64,
    #[serde(default)]
    end: End,
}

#[derive(Serialize)]
pub(crate) struct Outcome {
    by_row: u64,
    by_column: u64,
    rows_affected: u64,
}

pub(crate) fn write(params: Params) -> Result<Outcome, Error> {
    let Params { connector, table, k, end } = params;
    let mut connection = Connection::open(&connector)?;
    let mut transaction = connection.transaction()?;
    let by_row = transaction.insert_rows(&table, COLUMNS, (1..=k).map(row).collect())?;
    let by_column = transaction.insert_columns(&table, COLUMNS, &columns(k + 1..=2 * k)?)?;
    match end {
        End::Commit => transaction.commit()?,
        End::Rollback => transaction.rollback()?,
        // Forgotten, so that the SDK does not roll back: the host must, with the session.
        End::Drop => std::mem::forget(transaction),
        End::Fail => {
            std::mem::forget(transaction);
            return Err(Error::new("test.fail", "the guest fails with its transaction open"));
        }
        End::Panic => panic!("the guest panics with its transaction open"),
    }
    let rows_affected = if end == End::Commit { by_row + by_column } else { 0 };
    Ok(Outcome { by_row, by_column, rows_affected })
}

/// The cells of the row `id`, in the order of `COLUMNS`.
fn row(id: i64) -> Vec<Value> {
    vec![
        Value::Integer(id),
        Value::Boolean(is_odd(id)),
        Value::Float(amount(id)),
        Value::Decimal(price(id)),
        Value::Text(name(id)),
        Value::Bytes(raw(id)),
        Value::Date(day(id)),
        Value::Timestamp(moment(id)),
        Value::Null,
    ]
}

/// The same cells for several rows, by column.
fn columns(ids: std::ops::RangeInclusive<i64>) -> Result<ColumnBatch, Error> {
    let each = || ids.clone();
    ColumnBatch::new(vec![
        ColumnValues::integers(each().map(Some)),
        ColumnValues::booleans(each().map(|id| Some(is_odd(id)))),
        ColumnValues::floats(each().map(|id| Some(amount(id)))),
        ColumnValues::written("decimal", each().map(|id| Some(price(id)))),
        ColumnValues::texts(each().map(|id| Some(name(id)))),
        ColumnValues::bytes(each().map(|id| Some(raw(id)))),
        ColumnValues::written("date", each().map(|id| Some(day(id)))),
        ColumnValues::written("timestamp", each().map(|id| Some(moment(id)))),
        ColumnValues::texts(each().map(|_| None::<&str>)),
    ])
}

fn is_odd(id: i64) -> bool {
    id % 2 == 1
}

fn amount(id: i64) -> f64 {
    id as f64 * 0.5
}

fn price(id: i64) -> String {
    format!("{id}.25")
}

/// Not ASCII, and with both quotes: nothing on the way may touch it.
fn name(id: i64) -> String {
    format!("näme '{id}\" — :x")
}

fn raw(id: i64) -> Vec<u8> {
    vec![0, 0xff, (id % 256) as u8]
}

fn day(id: i64) -> String {
    format!("2013-01-{:02}", 1 + (id - 1) % 28)
}

fn moment(id: i64) -> String {
    format!("2013-01-{:02}T05:00:00", 1 + (id - 1) % 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_its_columns_hold_the_same_cells() {
        let batch = columns(1..=40).expect("fits");
        for id in 1..=40 {
            let cells: Vec<Value> =
                batch.columns.iter().map(|column| column.value(id as usize - 1).expect("reads")).collect();
            assert_eq!(cells, row(id));
        }
    }
}
