//! The side table of `on_bad_row = "skip_to"`: rows that the target did not take, each with its reason. It lives in the
//! target's database and is filled in the transaction of the copy, so it tells of rows that are missing from what readers
//! see, and of no others.

use host_model::connector::Dialect;
use host_model::job::spec::{OnBadRow, SqlCopySpec};
use host_model::port::StepContext;

use super::types::MYSQL_TABLE_OPTIONS;
use crate::connector::vet::quote_for;
use crate::connector::vet::quote_table_for;

/// Where rows go that the target does not take.
#[derive(Debug, Clone)]
pub(super) struct SideTable {
    /// Quoted, with its schema.
    pub(super) path: String,
    /// As people know it.
    pub(super) name: String,
    /// Of the run, for its first column.
    pub(super) run: String,
    /// Of the step, for its second.
    pub(super) step: String,
    dialect: Dialect,
}

impl SideTable {
    /// `None` when a row that does not fit ends the copy.
    pub(super) fn of(spec: &SqlCopySpec, dialect: Dialect, ctx: &StepContext) -> Option<Self> {
        if spec.on_bad_row == OnBadRow::Fail {
            return None;
        }
        let name = spec.bad_row_table.clone().unwrap_or_else(|| format!("{}_bad_rows", spec.target.table));
        Some(Self {
            path: quote_table_for(dialect, spec.target.schema.as_deref(), &name),
            name,
            run: ctx.run_id.to_string(),
            step: ctx.step.to_string(),
            dialect,
        })
    }

    /// Makes the table unless it is there.
    pub(super) fn create(&self) -> String {
        // A TEXT of MySQL ends at 64 KiB, and without a character set it may not hold every letter.
        let (text, options) = match self.dialect {
            Dialect::MySql => ("longtext", MYSQL_TABLE_OPTIONS),
            _ => ("text", ""),
        };
        let number = self.number();
        format!(
            "create table if not exists {} (run_id varchar(64) not null, step varchar(200) not null, \
             {number} bigint not null, column_name varchar(200), reason {text} not null, row_data {text} not null, \
             recorded_at timestamp not null default current_timestamp){options}",
            self.path
        )
    }

    /// The name of a function in MySQL, and of a column of ours.
    fn number(&self) -> String {
        quote_for(self.dialect, "row_number")
    }

    /// The statement that adds a row; `place(n)` is the placeholder of its n-th value, from 1.
    pub(super) fn insert(&self, place: impl Fn(usize) -> String) -> String {
        let places: Vec<String> = (1..=6).map(place).collect();
        format!(
            "insert into {} (run_id, step, {}, column_name, reason, row_data) values ({})",
            self.path,
            self.number(),
            places.join(", ")
        )
    }
}
