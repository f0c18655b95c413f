//! The JSON form of a step's definition, as recorded with each attempt and shown to operators. Keys are those of
//! `jobs.toml`; what is not set is left out. The caller has masked it (see [`crate::template::Reveal`]); passwords and
//! tokens that were written in clear are masked here.

use serde_json::json;

use super::spec::{
    DEFAULT_MAX_REDIRECTS, DEFAULT_MAX_RESPONSE_BYTES, DEFAULT_SEPARATOR, DeleteMode, HttpAuth, HttpSpec, LdapSyncSpec,
    OnBadRow, PageBy, Referrals, SourceTable, StepSpec, TypeCoercion, Verify,
};
use crate::{Json, JsonMap};

const MASK: &str = "••••";

/// A credential is shown only when it is a reference, never as a literal.
fn credential(text: &str) -> &str {
    if text.contains("${") { text } else { MASK }
}

/// Renders `spec` and the keyword arguments its attempt works with.
pub fn input_json(spec: &StepSpec, params: &JsonMap) -> Json {
    let mut out = JsonMap::new();
    let mut put = |key: &str, value: Json| {
        let empty = match &value {
            Json::Null => true,
            Json::Array(a) => a.is_empty(),
            Json::Object(o) => o.is_empty(),
            _ => false,
        };
        if !empty {
            out.insert(key.to_owned(), value);
        }
    };
    put("type", spec.type_name().into());
    match spec {
        StepSpec::SqlQuery(q) => {
            put("connector", q.connector.as_str().into());
            put("query", q.query.as_str().into());
            put("params", q.params.clone().into());
        }
        StepSpec::SqlCopy(c) => {
            let (schema, table, query) = match &c.source.table {
                SourceTable::Table { schema, table } => (schema.as_deref(), Some(table.as_str()), None),
                SourceTable::Query(query) => (None, None, Some(query.as_str())),
            };
            let mut source = json!({ "connector": c.source.connector, "schema": schema, "table": table, "query": query,
                "columns": c.source.columns, "where": c.source.filter, "params": c.source.params });
            let mut target =
                json!({ "connector": c.target.connector, "schema": c.target.schema, "table": c.target.table });
            for part in [&mut source, &mut target] {
                if let Json::Object(map) = part {
                    map.retain(|_, v| !(v.is_null() || v == &json!([]) || v == &json!({})));
                }
            }
            put("source", source);
            put("target", target);
            put("mode", c.mode.as_str().into());
            put("batch_size", c.batch_size.into());
            if c.type_coercion != TypeCoercion::None {
                put("type_coercion", c.type_coercion.as_str().into());
                put("decimal_mode", c.decimal_mode.as_str().into());
            }
            put("strip_both_columns", c.strip_both_columns.clone().into());
            put("julian_columns", c.julian_columns.clone().into());
            put("decimal_columns", json!(c.decimal_columns));
            if let Some(d) = &c.data_dictionary {
                let mut place = json!({ "connector": d.connector, "schema": d.schema, "table": d.table });
                if let Json::Object(map) = &mut place {
                    map.retain(|_, v| !v.is_null());
                }
                put("data_dictionary", place);
            }
            if c.on_bad_row != OnBadRow::Fail {
                put("on_bad_row", c.on_bad_row.as_str().into());
            }
            put("bad_row_table", json!(c.bad_row_table));
            if c.verify != Verify::Counts {
                put("verify", c.verify.as_str().into());
            }
            if c.parallel > 1 {
                put("parallel", c.parallel.into());
            }
            put("key_columns", c.key_columns.clone().into());
        }
        StepSpec::Python { callable } => put("callable", callable.as_str().into()),
        StepSpec::Wasm { callable, pins } => {
            put("callable", callable.as_str().into());
            // Of a job's pins, the one that is about this step.
            let plugin = callable.split(['.', ':']).next().unwrap_or_default();
            put("pin", json!(pins.get(plugin)));
        }
        StepSpec::Http(h) => put_http(h, &mut put),
        StepSpec::LdapSync(l) => put_ldap_sync(l, &mut put),
        StepSpec::CallJob { job, params } => {
            put("job", job.as_str().into());
            put("params", params.clone().into());
        }
        StepSpec::PruneRuns => {}
    }
    put("op_kwargs", params.clone().into());
    Json::Object(out)
}

fn put_http(h: &HttpSpec, put: &mut dyn FnMut(&str, Json)) {
    put("method", h.method.as_str().into());
    put("url", h.url.as_str().into());
    put("query", h.query.clone().into());
    let headers = h.headers.iter().map(|(name, value)| {
        let secret = matches!(name.to_ascii_lowercase().as_str(), "authorization" | "cookie" | "x-api-key");
        let shown = match value {
            Json::String(text) if secret => credential(text).into(),
            other => other.clone(),
        };
        (name.clone(), shown)
    });
    put("headers", headers.collect::<JsonMap>().into());
    put("body", h.body.clone());
    put("form", h.form.clone().into());
    put("expected_statuses", h.expected_statuses.clone().into());
    match &h.auth {
        Some(HttpAuth::Basic { user, password }) => {
            put("auth", json!({ "user": user, "password": credential(password) }));
        }
        Some(HttpAuth::Bearer { token }) => put("auth", json!({ "token": credential(token) })),
        Some(HttpAuth::Header { name, value }) => put("auth", json!({ "name": name, "value": credential(value) })),
        None => {}
    }
    put("pick", json!(h.pick));
    if let Some(pages) = &h.pagination {
        let mut shown = match &pages.by {
            PageBy::Link => json!({ "type": "link" }),
            PageBy::Cursor { cursor, param: None } => json!({ "type": "cursor", "cursor": cursor }),
            PageBy::Cursor { cursor, param } => json!({ "type": "cursor", "cursor": cursor, "param": param }),
            PageBy::Page { param, first } => json!({ "type": "page", "param": param, "first": first }),
        };
        shown["max_pages"] = pages.max_pages.into();
        put("pagination", shown);
    }
    if h.max_redirects != DEFAULT_MAX_REDIRECTS {
        put("max_redirects", h.max_redirects.into());
    }
    if h.max_response_bytes != DEFAULT_MAX_RESPONSE_BYTES {
        put("max_response_bytes", h.max_response_bytes.into());
    }
    put("request_timeout_seconds", json!(h.request_timeout_seconds));
    put("proxy", json!(h.proxy.as_deref().map(proxy)));
    put("ca_file", json!(h.ca_file));
    if h.deny_private_networks {
        put("deny_private_networks", true.into());
    }
}

/// A proxy without the account in its URL.
fn proxy(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((account, host))) if !account.contains("${") => format!("{scheme}://{MASK}@{host}"),
        _ => url.to_owned(),
    }
}

fn put_ldap_sync(l: &LdapSyncSpec, put: &mut dyn FnMut(&str, Json)) {
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            put(key, value.into());
        }
    };
    text("directory", &l.directory);
    text("server", &l.server);
    text("bind_dn", &l.bind_dn);
    if !l.bind_password.is_empty() {
        text("bind_password", credential(&l.bind_password));
    }
    text("search_base", &l.search_base);
    text("search_filter", &l.search_filter);
    text("scope", l.scope.as_str());
    text("target_connector", &l.target_connector);
    text("target_schema", l.target_schema.as_deref().unwrap_or_default());
    text("target_table", &l.target_table);
    text("target_query", &l.target_query);
    if l.start_tls {
        put("start_tls", true.into());
    }
    put("ca_file", json!(l.ca_file));
    if l.referrals != Referrals::Ignore {
        put("referrals", l.referrals.as_str().into());
    }
    put("attributes", l.attributes.clone().into());
    put("page_size", l.page_size.into());
    put("mapping", l.mapping.clone().into());
    put("multi_values", l.multi_values.as_str().into());
    if l.separator != DEFAULT_SEPARATOR {
        put("separator", l.separator.as_str().into());
    }
    put("key_columns", l.key_columns.clone().into());
    put("delete_mode", l.delete_mode.as_str().into());
    put("delete_column", json!(l.delete_column));
    if l.delete_mode != DeleteMode::None {
        put("max_delete_percent", l.max_delete_percent.into());
        put("allow_empty", l.allow_empty.into());
    }
}
