//! Connectors and named queries that steps refer to.

use host_model::connector::{ConnectorSet, QueryRef, parse_query_ref};

use crate::connector_table::Connectors;
use crate::draft::TablePlace;
use crate::finding::{Findings, suggest};
use crate::reader::Text;

pub(super) fn check_connector(name: &Text, connectors: &Connectors, out: &mut Findings) {
    if connectors.set.connectors.contains_key(name.value.as_str()) {
        return;
    }
    if connectors.broken.contains(&name.value) {
        let message = format!("connector `{}` has errors in connectors.toml", name.value);
        out.error("invalid-connector", name.span.clone(), message, None);
        return;
    }
    let known = connectors.set.connectors.keys().map(|known| known.as_str());
    let hint = suggest(&name.value, known.chain(connectors.broken.iter().map(String::as_str)));
    let hint = hint.or_else(|| Some(format!("add `[connectors.{}]` to connectors.toml", name.value)));
    out.error("unknown-connector", name.span.clone(), format!("unknown connector `{}`", name.value), hint);
}

pub(super) fn check_directory(name: &Text, connectors: &Connectors, out: &mut Findings) {
    if connectors.set.directories.contains_key(name.value.as_str()) {
        return;
    }
    if connectors.broken.contains(&name.value) {
        let message = format!("connector `{}` has errors in connectors.toml", name.value);
        out.error("invalid-connector", name.span.clone(), message, None);
        return;
    }
    if connectors.set.connectors.contains_key(name.value.as_str()) {
        let message = format!("connector `{}` is a database, not a directory", name.value);
        let hint = "name a connector of `type = \"ldap\"`".to_owned();
        out.error("unknown-connector", name.span.clone(), message, Some(hint));
        return;
    }
    let hint = suggest(&name.value, connectors.set.directories.keys().map(|known| known.as_str()));
    let example = || format!("add `[connectors.{}]` with `type = \"ldap\"` to connectors.toml", name.value);
    let message = format!("unknown LDAP connector `{}`", name.value);
    out.error("unknown-connector", name.span.clone(), message, hint.or_else(|| Some(example())));
}

/// A query that is run to write, whether or not it is called as `name:write`.
pub(super) fn check_writable_query(query: &Text, connector: &str, set: &ConnectorSet, out: &mut Findings) {
    match parse_query_ref(&query.value) {
        QueryRef::Named { name, write: false } => {
            let text = Text { value: format!("{name}:write"), span: query.span.clone() };
            check_query(&text, connector, set, out);
        }
        _ => check_query(query, connector, set, out),
    }
}

pub(super) fn check_query(query: &Text, connector: &str, set: &ConnectorSet, out: &mut Findings) {
    let Some(connector) = set.connectors.get(connector) else { return };
    let QueryRef::Named { name, write } = parse_query_ref(&query.value) else { return };
    let Some(found) = connector.queries.get(name) else {
        let message = format!("connector `{}` has no query named `{name}`", connector.name);
        let hint = suggest(name, connector.queries.keys().map(String::as_str));
        let hint = hint.or_else(|| Some("one word is the name of a query; SQL text has several".into()));
        out.error("unknown-query", query.span.clone(), message, hint);
        return;
    };
    if write && !found.writable {
        let message = format!("query `{name}` of connector `{}` may not write", connector.name);
        let hint = format!("set `writable = true` under `[connectors.{}.queries.{name}]`", connector.name);
        out.error("query-not-writable", query.span.clone(), message, Some(hint));
    }
    if found.sql.for_dialect(connector.dialect).is_none() {
        let dialect = connector.dialect.as_str();
        let message = format!("query `{name}` of connector `{}` has no text for {dialect}", connector.name);
        let hint = format!("add `{dialect}` to its `sql`");
        out.error("unknown-query", query.span.clone(), message, Some(hint));
    }
}

pub(super) fn check_copy_target(
    place: &Text,
    source: &TablePlace,
    target: &TablePlace,
    set: &ConnectorSet,
    out: &mut Findings,
) {
    let pool = |name: &str| set.connectors.get(name).map_or_else(|| name.to_owned(), |found| found.pool.clone());
    let same_table = source.table.eq_ignore_ascii_case(&target.table);
    if same_table && source.schema == target.schema && pool(&source.connector) == pool(&target.connector) {
        let message = format!("the copy would read and replace the same table `{}`", target.table);
        out.error("copy-onto-itself", place.span.clone(), message, Some("name another table or connector".into()));
    }
}
