//! Reads `connectors.toml`: pools, connectors and their named queries; LDAP ones are read in `directory_table`. Nothing is
//! opened.

use std::collections::BTreeSet;
use std::path::Path;

use host_model::ConnectorName;
use host_model::connector::{
    Connector, ConnectorSet, DEFAULT_ACQUIRE_TIMEOUT_SECONDS, DEFAULT_POOL_SIZE, Dialect, NamedQuery, Pool, QueryRef,
    QueryText, parse_query_ref,
};
use host_model::diagnostic::Severity;
use host_model::job::SourcePlace;
use toml::Spanned;
use toml::de::DeTable;

use crate::address::{Env, read_address};
use crate::directory_table::{is_directory, read_directory};
use crate::finding::{Findings, suggest};
use crate::pool_driver::read_driver;
use crate::pool_tls::read_tls;
use crate::reader::{Entry, Table, entries, wrong_type};

/// What `connectors.toml` came to.
#[derive(Debug, Default)]
pub(crate) struct Connectors {
    /// Everything that could be read.
    pub(crate) set: ConnectorSet,
    /// Names of connectors that are declared but cannot be used.
    pub(crate) broken: BTreeSet<String>,
}

/// Reads the file; `broken_at` are the offsets of its syntax errors, and a table around one of them is not used.
pub(crate) fn read_connectors(
    root: &Spanned<DeTable<'_>>,
    broken_at: &[usize],
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> Connectors {
    let mut table = Table::new("the file", root.get_ref(), 0..0);
    let mut read = Connectors::default();
    let pools = named_tables(&mut table, "pools", "pools", out);
    let connectors = named_tables(&mut table, "connectors", "connectors", out);
    let starts: Vec<usize> = pools.iter().chain(&connectors).map(|(entry, _)| entry.key_span.0).collect();
    let is_whole = |entry: &Entry<'_, '_>| {
        let start = entry.key_span.0;
        let end = starts.iter().copied().filter(|other| *other > start).min().unwrap_or(usize::MAX);
        !broken_at.iter().any(|at| (start..end).contains(at))
    };
    let names: Vec<&str> = pools.iter().map(|(entry, _)| entry.key).collect();
    for (entry, inner) in pools {
        let pool = read_pool(entry, inner, home, env, out).filter(|_| is_whole(&entry));
        read.set.pools.extend(pool.map(|pool| (pool.name.clone(), pool)));
    }
    for (entry, mut inner) in connectors {
        if is_directory(&mut inner) {
            match read_directory(entry, inner, home, env, out).filter(|_| is_whole(&entry)) {
                Some(directory) => drop(read.set.directories.insert(directory.name.clone(), directory)),
                None => drop(read.broken.insert(entry.key.to_owned())),
            }
            continue;
        }
        match read_connector(entry, inner, &names, &read.set, out).filter(|_| is_whole(&entry)) {
            Some(connector) => {
                read.set.connectors.insert(connector.name.clone(), connector);
            }
            None => {
                read.broken.insert(entry.key.to_owned());
            }
        }
    }
    table.finish(out);
    read
}

/// The tables below `key`, each with a name that is a single word.
fn named_tables<'t, 'i>(
    table: &mut Table<'t, 'i>,
    key: &'static str,
    path: &str,
    out: &mut Findings,
) -> Vec<(Entry<'t, 'i>, Table<'t, 'i>)> {
    let Some(parent) = table.take(key).filter(|_| table.table(key, out).is_some()) else { return Vec::new() };
    let mut list = Vec::new();
    for entry in parent.value.get_ref().as_table().map(entries).unwrap_or_default() {
        let what = format!("`[{path}.{}]`", entry.key);
        match entry.value.get_ref().as_table() {
            Some(inner) => list.push((entry, Table::new(what, inner, entry.key_range()))),
            None => wrong_type(&format!("{path}.{}", entry.key), "a table", entry.value, out),
        }
    }
    list
}

fn read_pool(
    entry: Entry<'_, '_>,
    mut table: Table<'_, '_>,
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> Option<Pool> {
    let errors_before = out.count(Severity::Error);
    table.require("url");
    let address = read_address(&mut table, home, env, Dialect::ALL, out);
    let pool_size = table.whole("pool_size", 1..=1000, out).unwrap_or(DEFAULT_POOL_SIZE);
    let acquire = table.whole("acquire_timeout_seconds", 1..=3600, out);
    let read_only = table.boolean("read_only", out).unwrap_or(false);
    let trim_strings = table.boolean("trim_strings", out).unwrap_or(false);
    let coalesce_nulls = table.boolean("coalesce_nulls", out).unwrap_or(false);
    let statement_timeout_seconds = table.whole("statement_timeout_seconds", 1..=86_400, out);
    let tls = read_tls(&mut table, address.as_ref(), home, env, out);
    let driver = read_driver(&mut table, address.as_ref(), out);
    table.finish(out);
    let (line, _) = out.file.place(entry.key_span.0);
    if out.count(Severity::Error) > errors_before {
        return None;
    }
    Some(Pool {
        name: entry.key.to_owned(),
        address: address?,
        pool_size,
        acquire_timeout_seconds: acquire.unwrap_or(DEFAULT_ACQUIRE_TIMEOUT_SECONDS),
        read_only,
        trim_strings,
        coalesce_nulls,
        statement_timeout_seconds,
        tls,
        driver,
        source: SourcePlace { file: out.file.name.clone(), line },
    })
}

fn read_connector(
    entry: Entry<'_, '_>,
    mut table: Table<'_, '_>,
    pools: &[&str],
    set: &ConnectorSet,
    out: &mut Findings,
) -> Option<Connector> {
    let errors_before = out.count(Severity::Error);
    let name = ConnectorName::new(entry.key);
    if let Err(error) = &name {
        out.error("connector-name-invalid", entry.key_range(), error.to_string(), None);
    }
    let kinds = ["sql", "http", "ldap"];
    let kind = table.word("type", &kinds, |text| kinds.into_iter().find(|kind| *kind == text), out);
    if let Some(("http", text)) = kind {
        out.not_yet(text.span, &format!("`type = \"{}\"`", text.value), "`sql` and `ldap` work");
    }
    let pool = table.filled_text("pool", out);
    let (pool, place) = pool.map_or_else(|| (entry.key.to_owned(), entry.key_range()), |text| (text.value, text.span));
    if !pools.contains(&pool.as_str()) {
        let message = format!("{} uses the pool `{pool}`, which does not exist", table.what);
        let hint = suggest(&pool, pools.iter().copied()).or_else(|| Some(format!("add `[pools.{pool}]` with a `url`")));
        out.error("unknown-pool", place, message, hint);
    }
    let mut queries = std::collections::BTreeMap::new();
    for (entry, inner) in named_tables(&mut table, "queries", &format!("connectors.{}.queries", entry.key), out) {
        queries.extend(read_query(entry, inner, out).map(|query| (entry.key.to_owned(), query)));
    }
    table.finish(out);
    let dialect = set.pools.get(&pool)?.address.dialect();
    let (line, _) = out.file.place(entry.key_span.0);
    let source = SourcePlace { file: out.file.name.clone(), line };
    let has_errors = out.count(Severity::Error) > errors_before;
    (!has_errors).then_some(Connector { name: name.ok()?, pool, dialect, queries, source })
}

fn read_query(entry: Entry<'_, '_>, mut table: Table<'_, '_>, out: &mut Findings) -> Option<NamedQuery> {
    if !matches!(parse_query_ref(entry.key), QueryRef::Named { write: false, .. }) {
        let message = format!("query name `{}` contains invalid characters", entry.key);
        let hint = "allowed are letters, digits, `-`, `_` and `.`".to_owned();
        out.error("query-name-invalid", entry.key_range(), message, Some(hint));
    }
    table.require("sql");
    let is_table = table.take("sql").is_some_and(|entry| entry.value.get_ref().as_table().is_some());
    let sql = if is_table {
        table.table("sql", out).and_then(|texts| read_dialects(texts, out))
    } else {
        table.filled_text("sql", out).map(|text| QueryText::Any(text.value))
    };
    let writable = table.boolean("writable", out).unwrap_or(false);
    table.finish(out);
    Some(NamedQuery { sql: sql?, writable })
}

fn read_dialects(mut table: Table<'_, '_>, out: &mut Findings) -> Option<QueryText> {
    let mut texts = Vec::new();
    for dialect in Dialect::ALL {
        texts.extend(table.filled_text(dialect.as_str(), out).map(|text| (*dialect, text.value)));
    }
    if texts.is_empty() {
        let words: Vec<String> = Dialect::ALL.iter().map(|dialect| format!("`{}`", dialect.as_str())).collect();
        let hint = format!("give a text for one of {}", words.join(", "));
        out.error("missing-field", table.place.clone(), format!("{} is empty", table.what), Some(hint));
    }
    table.finish(out);
    (!texts.is_empty()).then_some(QueryText::PerDialect(texts))
}
