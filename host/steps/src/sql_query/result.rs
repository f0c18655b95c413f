//! What a query leaves: exact counts, and the first rows as JSON.

use host_model::port::StepOutcome;
use host_model::value::{Row, Value};
use host_model::{Json, JsonMap};

/// Rows kept for the output.
const KEPT_ROWS: usize = 100;
/// And how large they may be together; the output is stored with every attempt.
const KEPT_BYTES: usize = 256 * 1024;

/// Counts and rows of a step.
#[derive(Default)]
pub(super) struct Outcome {
    /// The last statement that returned rows.
    set: Option<RowSet>,
    /// Of all statements that wrote.
    affected: Option<u64>,
    statements: usize,
}

/// The rows of one statement.
pub(super) struct RowSet {
    columns: Vec<String>,
    count: u64,
    kept: Vec<Json>,
    kept_bytes: usize,
    is_full: bool,
}

impl RowSet {
    pub(super) fn new(columns: Vec<String>) -> Self {
        Self { columns, count: 0, kept: Vec::new(), kept_bytes: 0, is_full: false }
    }

    /// Whether the next row will be kept; the others need not be decoded.
    pub(super) fn keeps_next(&self) -> bool {
        !self.is_full && self.kept.len() < KEPT_ROWS
    }

    /// Counts a row nobody will see.
    pub(super) fn count_row(&mut self) {
        self.count += 1;
    }

    /// Counts a row and keeps it.
    pub(super) fn keep_row(&mut self, row: &Row) {
        self.count += 1;
        let bytes: usize = row.iter().map(size).sum();
        // The first row is kept whatever its size: a later step may want it.
        if !self.kept.is_empty() && self.kept_bytes + bytes > KEPT_BYTES {
            self.is_full = true;
            return;
        }
        self.kept_bytes += bytes;
        let cells = self.columns.iter().zip(row).map(|(name, value)| (name.clone(), value.to_json()));
        self.kept.push(Json::Object(cells.collect()));
    }

    /// Rows so far.
    pub(super) fn len(&self) -> u64 {
        self.count
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Timestamp(t) | Value::Other(_, t) => t.len(),
        Value::Bytes(bytes) => bytes.len() * 2,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 8,
    }
}

impl Outcome {
    /// A statement has ended: the rows it returned, the rows it changed.
    pub(super) fn add(&mut self, set: Option<RowSet>, affected: Option<u64>) {
        self.statements += 1;
        if set.is_some() {
            self.set = set;
        }
        if let Some(affected) = affected {
            self.affected = Some(self.affected.unwrap_or(0) + affected);
        }
    }

    /// One line for the log.
    pub(super) fn summary(&self) -> String {
        let mut parts = Vec::new();
        if self.statements > 1 {
            parts.push(format!("{} statements", self.statements));
        }
        if let Some(set) = &self.set {
            parts.push(format!("{} rows returned", set.count));
        }
        if let Some(affected) = self.affected {
            parts.push(format!("{affected} rows affected"));
        }
        if parts.is_empty() { "done".to_owned() } else { parts.join(", ") }
    }

    /// The step's output. A step that only reads counts the rows it read, one that writes those it changed.
    pub(super) fn into_step_outcome(self) -> StepOutcome {
        let mut output = JsonMap::new();
        let count = self.set.as_ref().map_or(0, |s| s.count);
        output.insert("row_count".to_owned(), count.into());
        if let Some(set) = self.set {
            output.insert("columns".to_owned(), set.columns.into());
            if let Some(first) = set.kept.first() {
                output.insert("first_row".to_owned(), first.clone());
            }
            output.insert("rows".to_owned(), Json::Array(set.kept));
        }
        let affected = self.affected.unwrap_or(0);
        output.insert("rows_affected".to_owned(), affected.into());
        let rows = self.affected.unwrap_or(count);
        StepOutcome { output, rows_affected: i64::try_from(rows).ok(), usage: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted_and_a_hundred_are_kept() {
        let mut set = RowSet::new(vec!["n".into()]);
        for n in 0..250 {
            if set.keeps_next() { set.keep_row(&vec![Value::Int(n)]) } else { set.count_row() }
        }
        let mut outcome = Outcome::default();
        outcome.add(Some(set), None);
        let done = outcome.into_step_outcome();
        assert_eq!(done.output["row_count"], 250);
        assert_eq!(done.output["rows"].as_array().unwrap().len(), 100);
        assert_eq!(done.output["first_row"]["n"], 0);
        assert_eq!(done.rows_affected, Some(250));
    }

    #[test]
    fn wide_rows_stop_being_kept_before_they_fill_the_store() {
        let mut set = RowSet::new(vec!["t".into()]);
        for _ in 0..10 {
            if set.keeps_next() { set.keep_row(&vec![Value::Text("x".repeat(100_000))]) } else { set.count_row() }
        }
        assert_eq!((set.len(), set.kept.len()), (10, 2));
    }
}
