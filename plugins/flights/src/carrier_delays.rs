//! The callable `flights:carrier_delays`: streams the flights of a table, sketches the arrival delays of each carrier, and
//! replaces the rows of a summary table in one transaction.
//!
//! The statements are the common ground of SQLite and PostgreSQL. Reading ends before writing begins, so one session
//! serves both and a failed run leaves the old summary untouched.

use std::collections::BTreeMap;

use nomaflow_guest::{Error, context, log, sql::Connection};
use serde::{Deserialize, Serialize};

use crate::sketch::{ACCURACIES, Sketch};
use crate::summary::{COLUMNS, Summary};
use crate::table_name::TableName;

/// Measured: larger batches are not faster, only larger.
const BATCH_ROWS: u32 = 1000;
/// A report per this many rows moves a progress bar often enough.
const REPORT_EVERY: u64 = 10_000;

pub(crate) const DOC: &str = "Reads `carrier` and `arr_delay` of every row of `source_table` and replaces the rows of \
`target_table` (made if it is missing) with one per carrier: `flights`, `with_delay` (flights that have an arrival \
delay), and of those delays, in minutes, `mean_delay`, `p50_delay`, `p90_delay`, `p99_delay` and `max_delay`. The quantiles come \
from a streaming sketch; each is within `accuracy` of the exact one, relatively.";

pub(crate) const PARAMS_SCHEMA: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["connector", "source_table", "target_table"],
  "properties": {
    "connector": {"type": "string", "description": "the connector to read from and write to; needs the grant read-write"},
    "source_table": {"type": "string", "description": "the table of flights, with the columns carrier and arr_delay"},
    "target_table": {"type": "string", "description": "the summary table"},
    "accuracy": {"type": "number", "minimum": 0.0001, "maximum": 0.25, "default": 0.01, "description": "relative error of the quantiles"}
  }
}"#;

pub(crate) const OUTPUT_SCHEMA: &str = r#"{
  "type": "object",
  "required": ["carriers", "rows_read", "rows_affected"],
  "properties": {
    "carriers": {"type": "integer", "minimum": 0},
    "rows_read": {"type": "integer", "minimum": 0},
    "rows_affected": {"type": "integer", "minimum": 0}
  }
}"#;

/// The params of `carrier_delays`.
#[derive(Debug, Clone, Deserialize)]
pub struct Params {
    /// The connector to read from and write to.
    pub connector: String,
    /// The table of flights.
    pub source_table: String,
    /// The summary table; its rows are replaced.
    pub target_table: String,
    /// Relative error of the quantiles.
    #[serde(default = "default_accuracy")]
    pub accuracy: f64,
}

fn default_accuracy() -> f64 {
    0.01
}

/// What `carrier_delays` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Carriers found, each a row of the summary.
    pub carriers: u64,
    /// Flights read.
    pub rows_read: u64,
    /// Rows written to the summary.
    pub rows_affected: u64,
}

/// Summarizes arrival delays per carrier. Errors: `invalid.param` for a table name or an accuracy that makes no sense,
/// else those of the database; nothing has been written then.
pub fn carrier_delays(params: Params) -> Result<Outcome, Error> {
    let source = TableName::parse("source_table", &params.source_table)?;
    let target = TableName::parse("target_table", &params.target_table)?;
    if source == target {
        let message = format!("`source_table` and `target_table` are both `{}`", source.as_str());
        return Err(Error::new("invalid.param", message));
    }
    let empty = Sketch::new(params.accuracy).ok_or_else(|| {
        let (least, most) = (ACCURACIES.start(), ACCURACIES.end());
        Error::new("invalid.param", format!("`accuracy` is {}, which is not within {least} to {most}", params.accuracy))
    })?;

    let mut database = Connection::open(&params.connector)?;
    let (summaries, rows_read) = read_flights(&mut database, &source, &empty)?;
    let rows_affected = write_summary(&mut database, &target, &summaries)?;
    log::info!("{rows_read} flights of {} carriers summarized in `{}`", summaries.len(), target.as_str());
    Ok(Outcome { carriers: summaries.len() as u64, rows_read, rows_affected })
}

fn read_flights(
    database: &mut Connection,
    source: &TableName,
    empty: &Sketch,
) -> Result<(BTreeMap<String, Summary>, u64), Error> {
    let total = count_rows(database, source)?;
    let statement = format!("select carrier, arr_delay from {}", source.quoted());
    let mut rows = database.query(&statement, &[])?.batch_size(BATCH_ROWS);
    let mut summaries: BTreeMap<String, Summary> = BTreeMap::new();
    let (mut n_read, mut n_without_carrier, mut next_report) = (0, 0u64, 0);
    loop {
        let batch = rows.next_batch()?;
        if n_read >= next_report || batch.is_empty() {
            context::report(n_read, Some(total.max(n_read)), "flights read");
            next_report = n_read + REPORT_EVERY;
        }
        if batch.is_empty() {
            break;
        }
        for row in batch {
            n_read += 1;
            let Some(carrier) = row.at::<Option<String>>(0)? else {
                n_without_carrier += 1;
                continue;
            };
            let delay = row.at::<Option<f64>>(1)?;
            summaries.entry(carrier).or_insert_with(|| Summary::new(empty.clone())).add(delay);
        }
    }
    if n_without_carrier > 0 {
        log::warn!("{n_without_carrier} flights name no carrier and are in no row of the summary");
    }
    Ok((summaries, n_read))
}

/// The number of rows to expect, for the progress only: the table may change until it is read.
fn count_rows(database: &mut Connection, source: &TableName) -> Result<u64, Error> {
    let mut rows = database.query(&format!("select count(*) as n from {}", source.quoted()), &[])?;
    rows.next().map_or(Ok(0), |row| row?.get("n"))
}

fn write_summary(
    database: &mut Connection,
    target: &TableName,
    summaries: &BTreeMap<String, Summary>,
) -> Result<u64, Error> {
    let mut transaction = database.transaction()?;
    transaction.execute(&create_statement(target), &[])?;
    transaction.execute(&format!("delete from {}", target.quoted()), &[])?;
    let rows = summaries.iter().map(|(carrier, summary)| summary.to_row(carrier)).collect();
    let n_written = transaction.insert_rows(target.as_str(), COLUMNS, rows)?;
    transaction.commit()?;
    Ok(n_written)
}

fn create_statement(target: &TableName) -> String {
    format!(
        "create table if not exists {} (
            carrier varchar(100) not null primary key,
            flights bigint not null,
            with_delay bigint not null,
            mean_delay double precision,
            p50_delay double precision,
            p90_delay double precision,
            p99_delay double precision,
            max_delay double precision
        )",
        target.quoted()
    )
}

#[cfg(test)]
mod tests;
