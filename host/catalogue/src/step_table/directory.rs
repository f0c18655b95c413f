//! Readers of `ldap_sync` and `call_job` steps.

use host_model::job::spec::{
    DEFAULT_LDAP_PAGE, DEFAULT_MAX_DELETE_PERCENT, DEFAULT_SEPARATOR, DeleteMode, LdapScope, LdapSyncSpec, MultiValues,
    Referrals,
};
use host_model::{JobId, StepSpec};

use crate::draft::{ClaimKind, Draft};
use crate::finding::Findings;
use crate::job_table::values;
use crate::reader::{Table, Text, entries, text_of, wrong_type};

use super::sql::{only_with, words};

const DEFAULT_FILTER: &str = "(objectClass=*)";

pub(super) fn read_ldap_sync(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<StepSpec> {
    let place = read_place(table, draft, out);
    let search_base = table.filled_text("search_base", out);
    if place.directory.is_none() {
        // A connector has a base of its own.
        table.require("search_base");
    }
    let filter = table.filled_text("search_filter", out);
    if let Some(filter) = filter.as_ref().filter(|filter| !is_balanced(&filter.value)) {
        let message = format!("`search_filter` of {} has parentheses that do not match", table.what);
        let hint = "a filter is written like `(&(objectClass=person)(mail=*))`".to_owned();
        out.error("not-allowed", filter.span.clone(), message, Some(hint));
    }
    let scope = table.word("scope", &words(LdapScope::ALL, LdapScope::as_str), LdapScope::parse, out);
    let referrals = table.word("referrals", &words(Referrals::ALL, Referrals::as_str), Referrals::parse, out);
    let attributes = table.texts("attributes", out);
    let page_size = table.whole("page_size", 1..=10_000, out).unwrap_or(DEFAULT_LDAP_PAGE);
    let columns = read_mapping(table, &attributes, out);
    let mapping = table.object("mapping", out);
    let multi = table.word("multi_values", &words(MultiValues::ALL, MultiValues::as_str), MultiValues::parse, out);
    let separator = table.text("separator", out).map_or_else(|| DEFAULT_SEPARATOR.to_owned(), |text| text.value);
    let target = read_target(table, &columns, draft, out);
    let (search_base, target) = (text(search_base), target?);
    Some(StepSpec::LdapSync(Box::new(LdapSyncSpec {
        directory: text(place.directory),
        server: text(place.server),
        bind_dn: text(place.bind_dn),
        bind_password: text(place.bind_password),
        start_tls: place.start_tls,
        ca_file: place.ca_file.map(|text| text.value),
        search_base,
        search_filter: filter.map_or_else(|| DEFAULT_FILTER.to_owned(), |text| text.value),
        scope: scope.map_or(LdapScope::Subtree, |(scope, _)| scope),
        referrals: referrals.map_or(Referrals::Ignore, |(referrals, _)| referrals),
        attributes: values(attributes),
        page_size,
        target_connector: target.connector.value,
        target_schema: target.schema.map(|text| text.value),
        target_table: text(target.table),
        target_query: text(target.query),
        mapping,
        multi_values: multi.map_or(MultiValues::Join, |(multi, _)| multi),
        separator,
        key_columns: values(target.keys),
        delete_mode: target.delete_mode,
        delete_column: target.delete_column.map(|text| text.value),
        max_delete_percent: target.max_delete_percent,
        allow_empty: target.allow_empty,
    })))
}

fn text(text: Option<Text>) -> String {
    text.map(|text| text.value).unwrap_or_default()
}

/// Where the directory is.
struct Place {
    directory: Option<Text>,
    server: Option<Text>,
    bind_dn: Option<Text>,
    bind_password: Option<Text>,
    start_tls: bool,
    ca_file: Option<Text>,
}

fn read_place(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Place {
    let directory = table.filled_text("directory", out);
    draft.claim(directory.as_ref(), ClaimKind::Directory);
    if directory.is_some() {
        for key in ["server", "bind_dn", "bind_password", "start_tls", "ca_file"] {
            if let Some(entry) = table.take(key) {
                let message = format!("{} has both `directory` and `{key}`", table.what);
                let hint = "the connector says where the directory is and how to sign in".to_owned();
                out.error("conflict", entry.key_range(), message, Some(hint));
            }
        }
    } else {
        table.require("server");
    }
    let server = table.filled_text("server", out);
    let scheme = server.as_ref().and_then(|server| server.value.split_once("://")).map(|(scheme, _)| scheme);
    if let Some(server) = &server {
        let is_sound = server.value.starts_with("${")
            || server.value.split_once("://").is_some_and(|(scheme, rest)| {
                let is_host = !rest.is_empty() && (rest.contains("${") || !rest.contains(['/', '?', '@', ' ']));
                matches!(scheme, "ldap" | "ldaps") && is_host
            });
        if !is_sound {
            let message = format!("`server` of {} is no address of a directory", table.what);
            let hint = "write `ldaps://host` or `ldap://host:389`".to_owned();
            out.error("not-allowed", server.span.clone(), message, Some(hint));
        }
    }
    let start_tls_at = table.take("start_tls").map(|entry| entry.key_range());
    let start_tls = table.boolean("start_tls", out).unwrap_or(false);
    if let Some(place) = start_tls_at.filter(|_| start_tls && scheme == Some("ldaps")) {
        let message = format!("{} has `start_tls`, but `ldaps` is encrypted from the start", table.what);
        out.error("conflict", place, message, None);
    }
    let ca_file = table.filled_text("ca_file", out);
    if let Some(text) = ca_file.as_ref().filter(|_| !start_tls && scheme == Some("ldap")) {
        let message = format!("{} has a `ca_file`, but its connection is not encrypted", table.what);
        let hint = "write `ldaps://` in `server`, or add `start_tls = true`".to_owned();
        out.error("conflict", text.span.clone(), message, Some(hint));
    }
    let bind_dn = table.filled_text("bind_dn", out);
    let bind_password = table.filled_text("bind_password", out);
    for (here, there, missing) in [(&bind_dn, &bind_password, "bind_password"), (&bind_password, &bind_dn, "bind_dn")] {
        if let (Some(here), None, None) = (here, there, &directory) {
            let hint = format!("add `{missing}`, or leave both out to search anonymously");
            out.error("missing-field", here.span.clone(), format!("{} has no `{missing}`", table.what), Some(hint));
        }
    }
    Place { directory, server, bind_dn, bind_password, start_tls, ca_file }
}

/// The columns entries are mapped to; none when a template decides.
fn read_mapping(table: &mut Table<'_, '_>, attributes: &[Text], out: &mut Findings) -> Option<Vec<String>> {
    let Some(entry) = table.take("mapping") else {
        if attributes.is_empty() {
            let message = format!("{} says neither `mapping` nor `attributes`", table.what);
            let hint = "add `mapping = { mail = \"email\" }`: attribute on the left, column on the right".to_owned();
            out.error("missing-field", table.place.clone(), message, Some(hint));
        }
        return plain(attributes.iter().map(|text| text.value.clone()).collect());
    };
    let mut columns: Vec<String> = Vec::new();
    for entry in entry.value.get_ref().as_table().map(entries).unwrap_or_default() {
        let what = "a column name, or a table with `column` and `multi_values`";
        let column = match entry.value.get_ref().as_table() {
            Some(inner) => {
                let mut inner = Table::new(format!("`mapping.{}`", entry.key), inner, entry.value.span());
                let column = inner.need_text("column", out);
                let all = words(MultiValues::ALL, MultiValues::as_str);
                inner.word("multi_values", &all, MultiValues::parse, out);
                inner.finish(out);
                column
            }
            None => text_of(entry.value),
        };
        let Some(column) = column else {
            if entry.value.get_ref().as_table().is_none() {
                wrong_type(entry.key, what, entry.value, out);
            }
            continue;
        };
        if column.value.trim().is_empty() {
            out.error("empty-value", column.span, format!("the column of `{}` is empty", entry.key), None);
        } else if columns.iter().any(|other| other.eq_ignore_ascii_case(&column.value)) {
            let message = format!("two attributes are mapped to the column `{}`", column.value);
            out.error("duplicate-name", column.span, message, None);
        } else {
            columns.push(column.value);
        }
    }
    plain(columns)
}

fn plain(columns: Vec<String>) -> Option<Vec<String>> {
    columns.iter().all(|column| !column.contains("${")).then_some(columns)
}

/// Where rows go, and what becomes of those whose entry is gone.
struct Target {
    connector: Text,
    schema: Option<Text>,
    table: Option<Text>,
    query: Option<Text>,
    keys: Vec<Text>,
    delete_mode: DeleteMode,
    delete_column: Option<Text>,
    max_delete_percent: u32,
    allow_empty: bool,
}

fn read_target(
    table: &mut Table<'_, '_>,
    columns: &Option<Vec<String>>,
    draft: &mut Draft,
    out: &mut Findings,
) -> Option<Target> {
    let connector = table.need_text("target_connector", out);
    draft.claim(connector.as_ref(), ClaimKind::Connector);
    let query = table.filled_text("target_query", out);
    let name = table.filled_text("target_table", out);
    match (table.take("target_table"), table.take("target_query")) {
        (Some(_), Some(second)) => {
            let message = format!("{} has both `target_table` and `target_query`", table.what);
            out.error("conflict", second.key_range(), message, Some("keep one of them".to_owned()));
        }
        (None, None) => table.require("target_table"),
        _ => {}
    }
    if let (Some(query), Some(connector)) = (&query, &connector) {
        draft.claim(Some(query), ClaimKind::WritableQuery { connector: connector.value.clone() });
    }
    let mode = table.word("delete_mode", &words(DeleteMode::ALL, DeleteMode::as_str), DeleteMode::parse, out);
    // A word that is wrong may have been any of them.
    let is_unknown = mode.is_none() && table.take("delete_mode").is_some();
    let delete_mode = mode.map_or(DeleteMode::None, |(mode, _)| mode);
    if query.is_some() {
        for key in ["target_schema", "key_columns", "delete_mode"] {
            only_with(table, key, "target_table", out);
        }
    } else if name.is_some() {
        table.require("key_columns");
    }
    if delete_mode == DeleteMode::None && !is_unknown {
        for key in ["max_delete_percent", "allow_empty"] {
            only_with(table, key, "delete_mode", out);
        }
    }
    match delete_mode {
        DeleteMode::Soft => table.require("delete_column"),
        _ if is_unknown => {}
        _ => only_with(table, "delete_column", "delete_mode = \"soft\"", out),
    }
    let schema = table.filled_text("target_schema", out);
    let keys = table.texts("key_columns", out);
    for key in &keys {
        let is_mapped = columns.as_ref().is_none_or(|all| all.iter().any(|c| c.eq_ignore_ascii_case(&key.value)));
        if !is_mapped && !key.value.contains("${") {
            let message = format!("`key_columns` names `{}`, which no attribute is mapped to", key.value);
            out.error("not-allowed", key.span.clone(), message, Some("add it to `mapping`".to_owned()));
        }
    }
    if let (Some(entry), true) = (table.take("key_columns"), keys.is_empty() && name.is_some())
        && entry.value.get_ref().as_array().is_some()
    {
        out.error("empty-value", entry.value.span(), format!("`key_columns` of {} is empty", table.what), None);
    }
    let delete_column = table.filled_text("delete_column", out);
    if let (Some(column), Some(all)) = (&delete_column, columns)
        && all.iter().any(|c| c.eq_ignore_ascii_case(&column.value))
    {
        let message = format!("`delete_column` is `{}`, which an attribute is mapped to", column.value);
        out.error("conflict", column.span.clone(), message, Some("name a column of its own".to_owned()));
    }
    let max_delete_percent = table.whole("max_delete_percent", 0..=100, out).unwrap_or(DEFAULT_MAX_DELETE_PERCENT);
    let allow_empty = table.boolean("allow_empty", out).unwrap_or(false);
    let connector = connector?;
    Some(Target {
        connector,
        schema,
        table: name,
        query,
        keys,
        delete_mode,
        delete_column,
        max_delete_percent,
        allow_empty,
    })
}

fn is_balanced(filter: &str) -> bool {
    if filter.contains("${") {
        return true;
    }
    let mut depth = 0_i32;
    for c in filter.chars() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

pub(super) fn read_call_job(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<StepSpec> {
    let key = table.alias("job", "target_job_id", out);
    let params = table.object("params", out);
    let text = table.need_text(key, out)?;
    match JobId::new(&text.value) {
        Ok(job) => {
            draft.calls.push(text);
            Some(StepSpec::CallJob { job, params })
        }
        Err(error) => {
            out.error("job-id-invalid", text.span, error.to_string(), None);
            None
        }
    }
}
