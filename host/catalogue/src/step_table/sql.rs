//! Readers of `sql_query` and `sql_copy` steps.

use std::collections::BTreeMap;

use host_model::StepSpec;
use host_model::job::spec::{
    CopyMode, CopySource, CopyTarget, DataDictionary, DecimalMode, OnBadRow, SourceTable, SqlCopySpec, SqlQuerySpec,
    TypeCoercion, Verify,
};

use crate::draft::{ClaimKind, Draft, TablePlace};
use crate::finding::Findings;
use crate::job_table::values;
use crate::reader::{Entry, Table, Text, entries, whole_of, wrong_type};

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
    let mode = table.word("mode", &words(CopyMode::ALL, CopyMode::as_str), CopyMode::parse, out);
    // A word that is wrong may have been any of them.
    let may_upsert = mode.as_ref().map_or(table.take("mode").is_some(), |(mode, _)| *mode == CopyMode::Upsert);
    let mode = mode.map_or(CopyMode::Overwrite, |(mode, _)| mode);
    let coercion =
        table.word("type_coercion", &words(TypeCoercion::ALL, TypeCoercion::as_str), TypeCoercion::parse, out);
    let may_coerce = coercion.as_ref().map_or(table.take("type_coercion").is_some(), |(c, _)| *c == TypeCoercion::Jde);
    let coercion = coercion.map_or(TypeCoercion::None, |(coercion, _)| coercion);
    let decimal_mode =
        table.word("decimal_mode", &words(DecimalMode::ALL, DecimalMode::as_str), DecimalMode::parse, out);
    let batch_size = table.whole("batch_size", 1..=1_000_000, out).unwrap_or(DEFAULT_BATCH_SIZE);
    let parallel = table.whole("parallel", 1..=64, out).unwrap_or(1);
    let on_bad_row = table.word("on_bad_row", &words(OnBadRow::ALL, OnBadRow::as_str), OnBadRow::parse, out);
    let may_skip =
        on_bad_row.as_ref().map_or(table.take("on_bad_row").is_some(), |(what, _)| *what == OnBadRow::SkipTo);
    let on_bad_row = on_bad_row.map_or(OnBadRow::Fail, |(what, _)| what);
    let verify = table.word("verify", &words(Verify::ALL, Verify::as_str), Verify::parse, out);
    if let (CopyMode::Append, Some((Verify::Checksum, text))) = (mode, &verify) {
        let message = "`verify = \"checksum\"` cannot tell the rows of an `append` from those that were there";
        let hint = "`overwrite` and `upsert` can be verified so; rows are counted in any case";
        out.error("conflict", text.span.clone(), message.to_owned(), Some(hint.to_owned()));
    }
    if !may_coerce {
        for key in ["decimal_mode", "julian_columns", "decimal_columns", "data_dictionary"] {
            only_with(table, key, "type_coercion = \"jde\"", out);
        }
    }
    if !may_upsert {
        only_with(table, "key_columns", "mode = \"upsert\"", out);
    }
    if !may_skip {
        only_with(table, "bad_row_table", "on_bad_row = \"skip_to\"", out);
    }
    let strip_both_columns = columns(table, "strip_both_columns", out);
    let key_columns = columns(table, "key_columns", out);
    let julian_columns = columns(table, "julian_columns", out);
    let decimal_columns = read_decimal_columns(table, out);
    let data_dictionary = read_dictionary(table, draft, out);
    let bad_row_table = plain(table.filled_text("bad_row_table", out));
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
        mode,
        type_coercion: coercion,
        decimal_mode: decimal_mode.map_or(DecimalMode::Preserve, |(mode, _)| mode),
        strip_both_columns,
        batch_size,
        parallel,
        key_columns,
        julian_columns,
        decimal_columns,
        data_dictionary,
        on_bad_row,
        bad_row_table,
        verify: verify.map_or(Verify::Counts, |(verify, _)| verify),
    };
    Some(StepSpec::SqlCopy(spec))
}

pub(super) fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

/// A key that says something only beside another one.
pub(super) fn only_with(table: &mut Table<'_, '_>, key: &'static str, other: &str, out: &mut Findings) {
    if let Some(entry) = table.take(key) {
        let message = format!("`{key}` means nothing without `{other}`");
        out.error("conflict", entry.key_range(), message, Some(format!("add `{other}`, or leave `{key}` out")));
    }
}

/// A list of column names, each with something in it.
fn columns(table: &mut Table<'_, '_>, key: &'static str, out: &mut Findings) -> Vec<String> {
    let list = table.texts(key, out);
    for name in list.iter().filter(|name| name.value.trim().is_empty()) {
        out.error("empty-value", name.span.clone(), format!("a name in `{key}` is empty"), None);
    }
    values(list)
}

fn read_decimal_columns(step: &mut Table<'_, '_>, out: &mut Findings) -> BTreeMap<String, u32> {
    let Some(entry) = step.take("decimal_columns") else { return BTreeMap::new() };
    let Some(table) = entry.value.get_ref().as_table() else {
        wrong_type("decimal_columns", "a table of columns and their implied decimals", entry.value, out);
        return BTreeMap::new();
    };
    let digits = |entry: Entry<'_, '_>| Some((entry.key.to_owned(), whole_of(entry.key, 0..=15, entry.value, out)?));
    entries(table).into_iter().filter_map(digits).collect()
}

fn read_dictionary(step: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<Box<DataDictionary>> {
    let mut table = step.table("data_dictionary", out)?;
    let connector = table.filled_text("connector", out);
    draft.claim(connector.as_ref(), ClaimKind::Connector);
    let schema = plain(table.filled_text("schema", out));
    let name = plain(table.filled_text("table", out)).unwrap_or_else(|| "F9210".to_owned());
    table.finish(out);
    Some(Box::new(DataDictionary { connector: plain(connector), schema, table: name }))
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
