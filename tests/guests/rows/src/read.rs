//! Reading: counts, kinds and the checksum of a query.

use std::collections::BTreeMap;

use nomaflow_guest::{Error, Value, context, sql::Connection};
use serde::{Deserialize, Serialize};

use crate::checksum::Checksum;

/// Numbers 1 to `:n` with a text and a null, in any database that has recursive queries.
const NUMBERS: &str = "with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < :n) \
    select i, 'row ' || i as name, null as \"nothing\" from numbers";

#[derive(Deserialize)]
pub(crate) struct Params {
    #[serde(default = "default_connector")]
    connector: String,
    /// A statement without binds; without it `n` numbers are read.
    #[serde(default)]
    statement: Option<String>,
    #[serde(default)]
    n: i64,
    #[serde(default)]
    batch: u32,
    #[serde(default)]
    by_column: bool,
}

pub(crate) fn default_connector() -> String {
    "c".to_owned()
}

#[derive(Serialize)]
pub(crate) struct Outcome {
    rows: u64,
    /// Batches that were not empty.
    batches: u64,
    /// Names of the columns.
    columns: Vec<String>,
    /// Cells by kind.
    kinds: BTreeMap<String, u64>,
    checksum: String,
}

pub(crate) fn read(params: Params) -> Result<Outcome, Error> {
    let mut connection = Connection::open(&params.connector)?;
    let mut rows = match &params.statement {
        Some(statement) => connection.query(statement, &[])?,
        None => connection.query(NUMBERS, &[("n", params.n.into())])?,
    }
    .batch_size(params.batch);
    let columns = rows.columns().iter().map(|column| column.name.clone()).collect();
    let mut outcome = Outcome { rows: 0, batches: 0, columns, kinds: BTreeMap::new(), checksum: String::new() };
    let mut checksum = Checksum::new();
    loop {
        let batch: Vec<Vec<Value>> = if params.by_column {
            let batch = rows.next_columns()?;
            let row = |at| batch.columns.iter().map(|column| column.value(at)).collect();
            (0..batch.rows as usize).map(row).collect::<Result<_, Error>>()?
        } else {
            rows.next_batch()?.into_iter().map(|row| row.into_cells()).collect()
        };
        if batch.is_empty() {
            break;
        }
        outcome.batches += 1;
        outcome.rows += batch.len() as u64;
        for cell in batch.iter().flatten() {
            *outcome.kinds.entry(cell.kind().to_owned()).or_default() += 1;
            checksum.add(cell);
        }
        context::report(outcome.rows, None, "rows read");
    }
    outcome.checksum = checksum.to_hex();
    Ok(outcome)
}
