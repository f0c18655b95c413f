//! What a step of each type says; `http` and `ldap_sync` have files of their own. Adding a type touches four places: a
//! variant here, a reader in the catalogue, a runner, one line in `host::assemble`. Strings may hold templates;
//! [`crate::template::resolve_spec`] fills them in before a runner sees them.

mod http;
mod ldap;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::JobId;
use crate::JsonMap;
use crate::job::word_enum;

pub use http::{
    DEFAULT_MAX_PAGES, DEFAULT_MAX_REDIRECTS, DEFAULT_MAX_RESPONSE_BYTES, HttpAuth, HttpSpec, PageBy, Pagination,
};
pub use ldap::{
    DEFAULT_LDAP_PAGE, DEFAULT_MAX_DELETE_PERCENT, DEFAULT_SEPARATOR, DeleteMode, LdapScope, LdapSyncSpec, MultiValues,
    Referrals,
};

/// Versions of components by the name of the component: how the digest of each begins, in lower case.
pub type Pins = BTreeMap<String, String>;

/// The type-specific part of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepSpec {
    /// A named query or SQL text on one connector.
    SqlQuery(SqlQuerySpec),
    /// Rows from one connector into a table of another.
    SqlCopy(SqlCopySpec),
    /// A Python callable in a worker process.
    Python {
        /// `pkg.module:function`.
        callable: String,
    },
    /// A function of a WebAssembly component.
    Wasm {
        /// `plugin.module:function` or `plugin:function`; the first segment names the component.
        callable: String,
        /// The versions its job calls, whatever is in force: by component, how the digest begins.
        #[serde(default, skip_serializing_if = "Pins::is_empty")]
        pins: Pins,
    },
    /// One HTTP request, or several pages.
    Http(HttpSpec),
    /// A directory subtree into a connector.
    LdapSync(Box<LdapSyncSpec>),
    /// Another job, waited for.
    CallJob {
        /// The job to run.
        job: JobId,
        /// Parameters of its run, over those the caller's run was fired with.
        #[serde(default)]
        params: JsonMap,
    },
    /// Removes history older than the retention window. Only the built-in job has it; files cannot say it.
    PruneRuns,
}

impl StepSpec {
    /// Every `type` word that files may say, in the order of the documentation.
    pub const TYPES: [&'static str; 7] = ["sql_query", "sql_copy", "python", "wasm", "http", "ldap_sync", "call_job"];

    /// The word in the step's `type` key.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::SqlQuery(_) => "sql_query",
            Self::SqlCopy(_) => "sql_copy",
            Self::Python { .. } => "python",
            Self::Wasm { .. } => "wasm",
            Self::Http(_) => "http",
            Self::LdapSync(_) => "ldap_sync",
            Self::CallJob { .. } => "call_job",
            Self::PruneRuns => "prune_runs",
        }
    }

    /// One line that says what the step does, for lists: `ops.flights → reporting.flights`.
    pub fn summary(&self) -> String {
        match self {
            Self::SqlQuery(q) => {
                let text = q.query.split_whitespace().collect::<Vec<_>>().join(" ");
                let short: String = text.chars().take(60).collect();
                let dots = if short.len() < text.len() { "…" } else { "" };
                format!("{}: {short}{dots}", q.connector)
            }
            Self::SqlCopy(c) => {
                let from = match &c.source.table {
                    SourceTable::Table { schema, table } => dotted(&c.source.connector, schema.as_deref(), table),
                    SourceTable::Query(_) => format!("{} (query)", c.source.connector),
                };
                format!("{from} → {}", dotted(&c.target.connector, c.target.schema.as_deref(), &c.target.table))
            }
            Self::Python { callable } | Self::Wasm { callable, .. } => callable.clone(),
            Self::Http(h) => format!("{} {}", h.method, h.url),
            Self::LdapSync(l) => {
                let from = if l.directory.is_empty() { &l.server } else { &l.directory };
                let to = match l.target_table.as_str() {
                    "" => l.target_connector.clone(),
                    table => dotted(&l.target_connector, l.target_schema.as_deref(), table),
                };
                [from.as_str(), &l.search_base, "→", &to]
                    .iter()
                    .filter(|t| !t.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            Self::CallJob { job, .. } => job.to_string(),
            Self::PruneRuns => "logs, steps, runs and slots older than the retention window".to_owned(),
        }
    }
}

fn dotted(connector: &str, schema: Option<&str>, table: &str) -> String {
    match schema {
        Some(schema) => format!("{connector}.{schema}.{table}"),
        None => format!("{connector}.{table}"),
    }
}

/// `sql_query`: `query` is the name of a query declared on the connector (`name` or `name:write`), else SQL text.
/// Several statements are one transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlQuerySpec {
    /// Connector name.
    pub connector: String,
    /// Query name or SQL text.
    pub query: String,
    /// Values bound to `:name`.
    pub params: JsonMap,
}

/// `sql_copy`: stream rows into a table of another connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlCopySpec {
    /// Where rows come from.
    pub source: CopySource,
    /// Where they go.
    pub target: CopyTarget,
    /// How they get there.
    pub mode: CopyMode,
    /// `jde` = the rules of the fact sheet C.2; `none` = types as they are.
    pub type_coercion: TypeCoercion,
    /// Only with `jde`.
    pub decimal_mode: DecimalMode,
    /// Source columns stripped on both sides, by name in any case.
    pub strip_both_columns: Vec<String>,
    /// Rows per batch, at least 1.
    pub batch_size: u32,
    /// Key-range readers at once, at least 1.
    pub parallel: u32,
    /// Columns that identify a row for `upsert`; empty = the primary key.
    pub key_columns: Vec<String>,
    /// With `jde`: columns that hold a date as `CYYDDD`, by name in any case.
    #[serde(default)]
    pub julian_columns: Vec<String>,
    /// With `jde`: columns with implied decimals, by name in any case, and how many.
    #[serde(default)]
    pub decimal_columns: BTreeMap<String, u32>,
    /// With `jde`: where dates and implied decimals are looked up, if anywhere.
    #[serde(default)]
    pub data_dictionary: Option<Box<DataDictionary>>,
    /// What becomes of a row that the target does not take.
    #[serde(default)]
    pub on_bad_row: OnBadRow,
    /// The table of `skip_to`, in the target's schema; `None` = the target's name and `_bad_rows`.
    #[serde(default)]
    pub bad_row_table: Option<String>,
    /// What is compared before the rows become visible.
    #[serde(default)]
    pub verify: Verify,
}

/// The table of JD Edwards' data dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDictionary {
    /// Connector name; `None` = the source's.
    pub connector: Option<String>,
    /// Schema; `None` = the connection's default.
    pub schema: Option<String>,
    /// Table name, usually `F9210`.
    pub table: String,
}

/// The source of a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopySource {
    /// Connector name.
    pub connector: String,
    /// A table or a query.
    pub table: SourceTable,
    /// Columns to take; empty = all.
    pub columns: Vec<String>,
    /// A condition for a table source, with `:name` parameters.
    pub filter: Option<String>,
    /// Values bound to `:name` in the query or the condition.
    pub params: JsonMap,
}

/// What a copy reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceTable {
    /// A whole table.
    Table {
        /// Schema; `None` = the connection's default.
        schema: Option<String>,
        /// Table name.
        table: String,
    },
    /// The result of a SELECT.
    Query(String),
}

/// The target of a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyTarget {
    /// Connector name.
    pub connector: String,
    /// Schema; `None` = the connection's default.
    pub schema: Option<String>,
    /// Table name.
    pub table: String,
}

word_enum!(
    /// How copied rows reach the target.
    CopyMode {
        /// Staging table, then a swap that readers never notice.
        Overwrite = "overwrite",
        /// Added, in one transaction.
        Append = "append",
        /// New rows inserted, known ones updated.
        Upsert = "upsert",
    }
);
word_enum!(
    /// What becomes of a row that the target does not take.
    #[derive(Default)]
    OnBadRow {
        /// It ends the copy, and is named.
        #[default]
        Fail = "fail",
        /// It goes to a side table, with the reason.
        SkipTo = "skip_to",
    }
);
word_enum!(
    /// What is compared on both sides before copied rows become visible.
    #[derive(Default)]
    Verify {
        /// How many rows there are.
        #[default]
        Counts = "counts",
        /// A checksum of all cells, too.
        Checksum = "checksum",
    }
);
word_enum!(
    /// Conversion of source types.
    TypeCoercion {
        /// None.
        None = "none",
        /// The JD Edwards rules.
        Jde = "jde",
    }
);
word_enum!(
    /// What JDE coercion does with decimals.
    DecimalMode {
        /// Cut toward zero to a whole number.
        Truncate = "truncate",
        /// Kept as they are.
        Preserve = "preserve",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_was_stored_before_its_newer_keys_can_still_be_read() {
        let stored = r#"{"source": {"connector": "a", "table": {"query": "select 1"}, "columns": [], "filter": null, "params": {}},
            "target": {"connector": "b", "schema": null, "table": "t"}, "mode": "overwrite", "type_coercion": "none",
            "decimal_mode": "preserve", "strip_both_columns": [], "batch_size": 10000, "parallel": 1, "key_columns": []}"#;
        let spec: SqlCopySpec = serde_json::from_str(stored).unwrap();
        assert_eq!((spec.on_bad_row, spec.verify), (OnBadRow::Fail, Verify::Counts));
        assert!(spec.julian_columns.is_empty() && spec.decimal_columns.is_empty() && spec.data_dictionary.is_none());
        let again = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<SqlCopySpec>(&again).unwrap(), spec);
    }

    #[test]
    fn a_request_that_was_stored_before_its_newer_keys_can_still_be_read() {
        let stored = r#"{"http": {"url": "http://h/", "method": "GET", "headers": {}, "body": null, "expected_statuses": [], "auth": null}}"#;
        let spec: StepSpec = serde_json::from_str(stored).unwrap();
        assert_eq!(spec, StepSpec::Http(HttpSpec::get("http://h/")));
        let call: StepSpec = serde_json::from_str(r#"{"call_job": {"job": "other"}}"#).unwrap();
        assert_eq!(call, StepSpec::CallJob { job: JobId::new("other").unwrap(), params: JsonMap::new() });
    }
}
