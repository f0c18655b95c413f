//! Walks every templated string of a step: once to check tokens, once per attempt to fill them in. The two walks list
//! the same fields; a test holds them together.

use super::{Scope, TemplateError};
use crate::job::spec::{
    CopySource, CopyTarget, DataDictionary, HttpAuth, HttpSpec, LdapSyncSpec, PageBy, Pagination, SourceTable,
    SqlCopySpec, SqlQuerySpec, StepSpec,
};
use crate::{Json, JsonMap};

/// A templated field could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {source}")]
pub struct FieldError {
    /// The key in the step's table, dotted.
    pub field: &'static str,
    /// Why.
    pub source: TemplateError,
}

struct Filler<'s, 'a>(&'s Scope<'a>);

impl Filler<'_, '_> {
    /// Text fields stay text: a token that yields another type is rendered.
    fn text(&self, field: &'static str, text: &str) -> Result<String, FieldError> {
        match self.0.resolve_text(text).map_err(|source| FieldError { field, source })? {
            Json::String(s) => Ok(s),
            Json::Null => Ok(String::new()),
            other => Ok(other.to_string()),
        }
    }
    fn maybe(&self, field: &'static str, text: Option<&String>) -> Result<Option<String>, FieldError> {
        text.map(|t| self.text(field, t)).transpose()
    }
    fn list(&self, field: &'static str, texts: &[String]) -> Result<Vec<String>, FieldError> {
        texts.iter().map(|t| self.text(field, t)).collect()
    }
    fn map(&self, field: &'static str, map: &JsonMap) -> Result<JsonMap, FieldError> {
        self.0.resolve_map(map).map_err(|source| FieldError { field, source })
    }
    fn json(&self, field: &'static str, json: &Json) -> Result<Json, FieldError> {
        self.0.resolve_json(json).map_err(|source| FieldError { field, source })
    }
}

/// Fills in every token of `spec`.
///
/// # Errors
/// [`FieldError`] naming the field and the token.
pub fn resolve_spec(spec: &StepSpec, scope: &Scope<'_>) -> Result<StepSpec, FieldError> {
    let f = Filler(scope);
    Ok(match spec {
        StepSpec::SqlQuery(q) => StepSpec::SqlQuery(SqlQuerySpec {
            connector: f.text("connector", &q.connector)?,
            query: f.text("query", &q.query)?,
            params: f.map("params", &q.params)?,
        }),
        StepSpec::SqlCopy(c) => StepSpec::SqlCopy(SqlCopySpec {
            source: CopySource {
                connector: f.text("source.connector", &c.source.connector)?,
                table: match &c.source.table {
                    SourceTable::Table { schema, table } => SourceTable::Table {
                        schema: f.maybe("source.schema", schema.as_ref())?,
                        table: f.text("source.table", table)?,
                    },
                    SourceTable::Query(query) => SourceTable::Query(f.text("source.query", query)?),
                },
                columns: f.list("source.columns", &c.source.columns)?,
                filter: f.maybe("source.where", c.source.filter.as_ref())?,
                params: f.map("source.params", &c.source.params)?,
            },
            target: CopyTarget {
                connector: f.text("target.connector", &c.target.connector)?,
                schema: f.maybe("target.schema", c.target.schema.as_ref())?,
                table: f.text("target.table", &c.target.table)?,
            },
            strip_both_columns: f.list("strip_both_columns", &c.strip_both_columns)?,
            key_columns: f.list("key_columns", &c.key_columns)?,
            julian_columns: f.list("julian_columns", &c.julian_columns)?,
            data_dictionary: match &c.data_dictionary {
                None => None,
                Some(d) => Some(Box::new(DataDictionary {
                    connector: f.maybe("data_dictionary.connector", d.connector.as_ref())?,
                    schema: f.maybe("data_dictionary.schema", d.schema.as_ref())?,
                    table: f.text("data_dictionary.table", &d.table)?,
                })),
            },
            bad_row_table: f.maybe("bad_row_table", c.bad_row_table.as_ref())?,
            ..c.clone()
        }),
        StepSpec::Python { callable } => StepSpec::Python { callable: f.text("callable", callable)? },
        StepSpec::Wasm { callable, pins } => {
            StepSpec::Wasm { callable: f.text("callable", callable)?, pins: pins.clone() }
        }
        StepSpec::Http(h) => StepSpec::Http(http(&f, h)?),
        StepSpec::LdapSync(l) => StepSpec::LdapSync(Box::new(LdapSyncSpec {
            directory: f.text("directory", &l.directory)?,
            server: f.text("server", &l.server)?,
            bind_dn: f.text("bind_dn", &l.bind_dn)?,
            bind_password: f.text("bind_password", &l.bind_password)?,
            ca_file: f.maybe("ca_file", l.ca_file.as_ref())?,
            search_base: f.text("search_base", &l.search_base)?,
            search_filter: f.text("search_filter", &l.search_filter)?,
            attributes: f.list("attributes", &l.attributes)?,
            target_connector: f.text("target_connector", &l.target_connector)?,
            target_schema: f.maybe("target_schema", l.target_schema.as_ref())?,
            target_table: f.text("target_table", &l.target_table)?,
            target_query: f.text("target_query", &l.target_query)?,
            mapping: f.map("mapping", &l.mapping)?,
            separator: f.text("separator", &l.separator)?,
            key_columns: f.list("key_columns", &l.key_columns)?,
            delete_column: f.maybe("delete_column", l.delete_column.as_ref())?,
            ..(**l).clone()
        })),
        StepSpec::CallJob { job, params } => StepSpec::CallJob { job: job.clone(), params: f.map("params", params)? },
        StepSpec::PruneRuns => StepSpec::PruneRuns,
    })
}

fn http(f: &Filler<'_, '_>, h: &HttpSpec) -> Result<HttpSpec, FieldError> {
    let auth = match &h.auth {
        None => None,
        Some(HttpAuth::Basic { user, password }) => {
            Some(HttpAuth::Basic { user: f.text("auth.user", user)?, password: f.text("auth.password", password)? })
        }
        Some(HttpAuth::Bearer { token }) => Some(HttpAuth::Bearer { token: f.text("auth.token", token)? }),
        Some(HttpAuth::Header { name, value }) => {
            Some(HttpAuth::Header { name: f.text("auth.name", name)?, value: f.text("auth.value", value)? })
        }
    };
    let pagination = match &h.pagination {
        None => None,
        Some(pages) => {
            let by = match &pages.by {
                PageBy::Link => PageBy::Link,
                PageBy::Cursor { cursor, param } => PageBy::Cursor {
                    cursor: f.text("pagination.cursor", cursor)?,
                    param: f.maybe("pagination.param", param.as_ref())?,
                },
                PageBy::Page { param, first } => {
                    PageBy::Page { param: f.text("pagination.param", param)?, first: *first }
                }
            };
            Some(Pagination { by, ..pages.clone() })
        }
    };
    Ok(HttpSpec {
        url: f.text("url", &h.url)?,
        headers: f.map("headers", &h.headers)?,
        query: f.map("query", &h.query)?,
        body: f.json("body", &h.body)?,
        form: f.map("form", &h.form)?,
        auth,
        pick: f.maybe("pick", h.pick.as_ref())?,
        pagination,
        proxy: f.maybe("proxy", h.proxy.as_ref())?,
        ca_file: f.maybe("ca_file", h.ca_file.as_ref())?,
        ..h.clone()
    })
}

fn each_json(field: &'static str, json: &Json, see: &mut dyn FnMut(&'static str, &str)) {
    match json {
        Json::String(text) => see(field, text),
        Json::Array(items) => items.iter().for_each(|i| each_json(field, i, see)),
        Json::Object(map) => map.values().for_each(|v| each_json(field, v, see)),
        _ => {}
    }
}

/// Shows `see` every string of `spec` that may hold tokens, with its key.
pub fn for_each_string(spec: &StepSpec, see: &mut dyn FnMut(&'static str, &str)) {
    let map = |field, map: &JsonMap, see: &mut dyn FnMut(&'static str, &str)| {
        map.values().for_each(|v| each_json(field, v, see));
    };
    match spec {
        StepSpec::SqlQuery(q) => {
            see("connector", &q.connector);
            see("query", &q.query);
            map("params", &q.params, see);
        }
        StepSpec::SqlCopy(c) => {
            see("source.connector", &c.source.connector);
            match &c.source.table {
                SourceTable::Table { schema, table } => {
                    schema.iter().for_each(|s| see("source.schema", s));
                    see("source.table", table);
                }
                SourceTable::Query(query) => see("source.query", query),
            }
            c.source.columns.iter().for_each(|s| see("source.columns", s));
            c.source.filter.iter().for_each(|s| see("source.where", s));
            map("source.params", &c.source.params, see);
            see("target.connector", &c.target.connector);
            c.target.schema.iter().for_each(|s| see("target.schema", s));
            see("target.table", &c.target.table);
            c.strip_both_columns.iter().for_each(|s| see("strip_both_columns", s));
            c.key_columns.iter().for_each(|s| see("key_columns", s));
            c.julian_columns.iter().for_each(|s| see("julian_columns", s));
            if let Some(d) = &c.data_dictionary {
                d.connector.iter().for_each(|s| see("data_dictionary.connector", s));
                d.schema.iter().for_each(|s| see("data_dictionary.schema", s));
                see("data_dictionary.table", &d.table);
            }
            c.bad_row_table.iter().for_each(|s| see("bad_row_table", s));
        }
        StepSpec::Python { callable } | StepSpec::Wasm { callable, .. } => see("callable", callable),
        StepSpec::Http(h) => {
            see("url", &h.url);
            map("headers", &h.headers, see);
            map("query", &h.query, see);
            each_json("body", &h.body, see);
            map("form", &h.form, see);
            match &h.auth {
                Some(HttpAuth::Basic { user, password }) => {
                    see("auth.user", user);
                    see("auth.password", password);
                }
                Some(HttpAuth::Bearer { token }) => see("auth.token", token),
                Some(HttpAuth::Header { name, value }) => {
                    see("auth.name", name);
                    see("auth.value", value);
                }
                None => {}
            }
            h.pick.iter().for_each(|s| see("pick", s));
            match h.pagination.as_ref().map(|pages| &pages.by) {
                Some(PageBy::Cursor { cursor, param }) => {
                    see("pagination.cursor", cursor);
                    param.iter().for_each(|s| see("pagination.param", s));
                }
                Some(PageBy::Page { param, .. }) => see("pagination.param", param),
                Some(PageBy::Link) | None => {}
            }
            h.proxy.iter().for_each(|s| see("proxy", s));
            h.ca_file.iter().for_each(|s| see("ca_file", s));
        }
        StepSpec::LdapSync(l) => {
            for (field, text) in [
                ("directory", &l.directory),
                ("server", &l.server),
                ("bind_dn", &l.bind_dn),
                ("bind_password", &l.bind_password),
                ("search_base", &l.search_base),
                ("search_filter", &l.search_filter),
                ("target_connector", &l.target_connector),
                ("target_table", &l.target_table),
                ("target_query", &l.target_query),
                ("separator", &l.separator),
            ] {
                see(field, text);
            }
            l.ca_file.iter().for_each(|s| see("ca_file", s));
            l.attributes.iter().for_each(|s| see("attributes", s));
            l.target_schema.iter().for_each(|s| see("target_schema", s));
            map("mapping", &l.mapping, see);
            l.key_columns.iter().for_each(|s| see("key_columns", s));
            l.delete_column.iter().for_each(|s| see("delete_column", s));
        }
        StepSpec::CallJob { params, .. } => map("params", params, see),
        StepSpec::PruneRuns => {}
    }
}
