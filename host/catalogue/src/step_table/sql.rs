//! Readers of `sql_query` and `sql_copy` steps.

use host_model::StepSpec;
use host_model::job::spec::{
    CopyMode, CopySource, CopyTarget, DecimalMode, SourceTable, SqlCopySpec, SqlQuerySpec, TypeCoercion,
};

use crate::draft::{ClaimKind, Draft, TablePlace};
use crate::finding::Findings;
use crate::job_table::values;
use crate::reader::{Table, Text};

const DEFAULT_BATCH_SIZE: u32 = 10_000;

pub(super) fn read_query(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<StepSpec> {
    let connector = table.need_text("connector", out);
    let query = table.need_text("query", out);
    let params = table.object("params", out);
    draft.claim(connector.as_ref(), ClaimKind::Connector);
    let (connector, query) = (connector?, query?);
    draft.claim(Some(&query), ClaimKind::Query { connector: connector.value.clone() });
    Some(StepSpec::SqlQuery(SqlQuerySpec { connector: connector.value, query: query.value, params }))
}

pub(super) fn read_copy(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<StepSpec> {
    let source = read_source(table, draft, out);
    let target = read_target(table, draft, out);
    let modes: Vec<&str> = CopyMode::ALL.iter().map(|mode| mode.as_str()).collect();
    let mode = table.word("mode", &modes, CopyMode::parse, out);
    if let Some((CopyMode::Upsert, text)) = &mode {
        out.not_yet(text.span.clone(), "`mode = \"upsert\"`", "`overwrite` and `append` work");
    }
    let coercion = table.word("type_coercion", &["none", "jde"], TypeCoercion::parse, out);
    if let Some((TypeCoercion::Jde, text)) = &coercion {
        out.not_yet(text.span.clone(), "`type_coercion = \"jde\"`", "`none` works: types stay as they are");
    }
    let decimal_mode = table.word("decimal_mode", &["truncate", "preserve"], DecimalMode::parse, out);
    if let Some((_, text)) = &decimal_mode {
        out.not_yet(text.span.clone(), "`decimal_mode`", "leave it out: decimals stay as they are");
    }
    let batch_size = table.whole("batch_size", 1..=1_000_000, out).unwrap_or(DEFAULT_BATCH_SIZE);
    let parallel = table.whole("parallel", 1..=64, out).unwrap_or(1);
    if let (true, Some(entry)) = (parallel > 1, table.take("parallel")) {
        out.not_yet(
            entry.value.span(),
            &format!("`parallel = {parallel}`"),
            "leave it out: one reader copies all rows",
        );
    }
    let strip_both_columns = read_later_list(table, "strip_both_columns", out);
    let key_columns = read_later_list(table, "key_columns", out);
    let (source, (target, target_table)) = (source?, target?);
    if let SourceTable::Table { schema, table } = &source.table {
        let from = TablePlace { connector: source.connector.clone(), schema: schema.clone(), table: table.clone() };
        let to = TablePlace {
            connector: target.connector.clone(),
            schema: target.schema.clone(),
            table: target.table.clone(),
        };
        draft.claim(Some(&target_table), ClaimKind::CopyTarget { source: from, target: to });
    }
    let spec = SqlCopySpec {
        source,
        target,
        mode: mode.map_or(CopyMode::Overwrite, |(mode, _)| mode),
        type_coercion: coercion.map_or(TypeCoercion::None, |(coercion, _)| coercion),
        decimal_mode: decimal_mode.map_or(DecimalMode::Preserve, |(mode, _)| mode),
        strip_both_columns,
        batch_size,
        parallel,
        key_columns,
    };
    Some(StepSpec::SqlCopy(spec))
}

/// A list of columns that only matters to modes of a later version.
fn read_later_list(table: &mut Table<'_, '_>, key: &'static str, out: &mut Findings) -> Vec<String> {
    let list = values(table.texts(key, out));
    if let (false, Some(entry)) = (list.is_empty(), table.take(key)) {
        out.not_yet(entry.key_range(), &format!("`{key}`"), "leave it out; columns are copied as they are");
    }
    list
}

fn read_source(step: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<CopySource> {
    step.require("source");
    let mut table = step.table("source", out)?;
    let connector = table.need_text("connector", out);
    draft.claim(connector.as_ref(), ClaimKind::Connector);
    let schema = table.filled_text("schema", out);
    let query = table.filled_text("query", out);
    let columns = table.texts("columns", out);
    let filter = table.filled_text("where", out);
    let params = table.object("params", out);
    let name = match &query {
        None => table.need_text("table", out),
        Some(query) => {
            for key in ["table", "schema", "columns", "where"] {
                if let Some(entry) = table.take(key) {
                    let message = format!("{} has both `query` and `{key}`", table.what);
                    let hint = match key {
                        "table" => "keep one of them",
                        _ => "write it into the query",
                    };
                    out.error("conflict", entry.key_range(), message, Some(hint.to_owned()));
                }
            }
            Some(query.clone())
        }
    };
    table.finish_below("source", step, out);
    let (connector, name) = (connector?.value, name?.value);
    let table = match query {
        Some(query) => SourceTable::Query(query.value),
        None => SourceTable::Table { schema: plain(schema), table: name },
    };
    Some(CopySource { connector, table, columns: values(columns), filter: plain(filter), params })
}

fn read_target(step: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<(CopyTarget, Text)> {
    step.require("target");
    let mut table = step.table("target", out)?;
    let connector = table.need_text("connector", out);
    draft.claim(connector.as_ref(), ClaimKind::Connector);
    let schema = table.filled_text("schema", out);
    let name = table.need_text("table", out);
    table.finish_below("target", step, out);
    let name = name?;
    let target = CopyTarget { connector: connector?.value, schema: plain(schema), table: name.value.clone() };
    Some((target, name))
}

fn plain(text: Option<Text>) -> Option<String> {
    text.map(|text| text.value)
}
