//! What is known about JD Edwards data items: dates of the tables everybody copies, by name, and the data dictionary
//! itself (F9210) when the step says where it is. A column is an item's alias behind a prefix of two characters.

use std::collections::HashMap;

use host_model::job::spec::SqlCopySpec;
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use host_model::{CancelToken, StepError};

use super::super::plan::SourceColumn;
use crate::connector::ConnectorPools;

/// What a number of the source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql_copy) enum Item {
    /// A date as `CYYDDD`.
    Date,
    /// A number with this many implied decimals.
    Decimals(u32),
}

/// Items by alias.
#[derive(Debug, Default)]
pub(in crate::sql_copy) struct Dictionary(HashMap<String, Item>);

/// Date columns of the tables that the bundled jobs read. Prefixes are not unique, so the table counts.
const DATES: [(&str, &[&str]); 15] = [
    ("F0004", &["DTUPMJ"]),
    ("F0005", &["DRUPMJ"]),
    ("F9200", &["FRUPMJ"]),
    ("F9210", &["FRUPMJ"]),
    ("F9860", &["SIUPMJ"]),
    ("F9865", &["SWUPMJ"]),
    ("F00926", &["AUUPMJ"]),
    ("F95921", &["RLEFFDATE", "RLEXPIRDATE"]),
    ("F98OWSEC", &["SCSECLST", "SCUPMJ"]),
    ("F9312", &["SHUPMJ"]),
    ("F00950", &["FSUPMJ"]),
    ("F983051", &["VRUPMJ"]),
    ("F060116", &["YADST", "YADT"]),
    ("F0618", &["YTDWK"]),
    ("F986110", &["JCSBMDATE", "JCACTDATE"]),
];

/// Rows of the dictionary asked for at once.
const BATCH: usize = 1_000;

impl Dictionary {
    /// What is known about a column. The tables in [`DATES`] first, then the data dictionary.
    pub(in crate::sql_copy) fn item(&self, table: Option<&str>, column: &str) -> Option<Item> {
        let upper = column.to_ascii_uppercase();
        let is_date = |table: &str| {
            let known = DATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(table));
            known.is_some_and(|(_, columns)| columns.contains(&upper.as_str()))
        };
        if table.is_some_and(is_date) {
            return Some(Item::Date);
        }
        self.0.get(upper.get(2..)?).copied()
    }

    /// Asks the data dictionary about `columns`; empty when the step names none.
    pub(in crate::sql_copy) async fn read(
        spec: &SqlCopySpec,
        columns: &[SourceColumn],
        pools: &ConnectorPools,
        cancel: &CancelToken,
    ) -> Result<Self, StepError> {
        let Some(place) = &spec.data_dictionary else { return Ok(Self::default()) };
        let connector = place.connector.as_deref().unwrap_or(&spec.source.connector);
        let path = match &place.schema {
            Some(schema) => format!("{schema}.{}", place.table),
            None => place.table.clone(),
        };
        if !path.split('.').all(is_name) {
            return Err(StepError::definition(format!("`data_dictionary` names `{path}`, which is no table name")));
        }
        // Unquoted, so that every database folds them its own way. Padded too, because a `char` may be text elsewhere.
        let aliases = columns.iter().filter_map(|c| Some(c.name.get(2..)?.to_ascii_uppercase()));
        let aliases = aliases.filter(|alias| !alias.is_empty() && alias.bytes().all(|b| b.is_ascii_alphanumeric()));
        let list: Vec<String> = aliases.map(|alias| format!("'{alias}', '{alias:<10}'")).collect();
        if list.is_empty() {
            return Ok(Self::default());
        }
        let sql = format!("select FRDTAI, FROWTP, FRCDEC from {path} where FRDTAI in ({})", list.join(", "));
        let session = pools.open(connector, Access::Read, cancel).await?;
        let mut cursor = session.query(&sql, Vec::new()).await?;
        let mut items = HashMap::new();
        loop {
            let rows = cursor.next_batch(BATCH).await?;
            if rows.is_empty() {
                return Ok(Self(items));
            }
            for row in rows {
                let [alias, kind, decimals] = row.as_slice() else { continue };
                let item = match (text(kind).as_str(), text(decimals).parse()) {
                    ("11", _) => Item::Date,
                    ("9", Ok(digits @ 1..=15)) => Item::Decimals(digits),
                    _ => continue,
                };
                items.insert(text(alias), item);
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Other(_, text) => text.trim().to_ascii_uppercase(),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}

fn is_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'#');
    name.len() <= 128 && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && name.bytes().all(rest)
}
