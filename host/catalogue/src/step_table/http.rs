//! Reader of `http` steps.

use host_model::job::spec::{
    DEFAULT_MAX_PAGES, DEFAULT_MAX_REDIRECTS, DEFAULT_MAX_RESPONSE_BYTES, HttpAuth, HttpSpec, PageBy, Pagination,
};
use host_model::{Json, StepSpec};

use crate::finding::Findings;
use crate::reader::{Table, Text, entries, whole_of, wrong_type};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

pub(super) fn read_http(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<StepSpec> {
    let url = table.need_text("url", out);
    if let Some(url) = &url {
        let is_absolute = ["http://", "https://", "${"].iter().any(|start| url.value.starts_with(start));
        if !is_absolute {
            let message = format!("`url` of {} is not an absolute `http://` or `https://` address", table.what);
            out.error("not-allowed", url.span.clone(), message, None);
        }
    }
    let parse = |text: &str| METHODS.into_iter().find(|method| method.eq_ignore_ascii_case(text));
    let method = table.word("method", &METHODS, parse, out).map_or("GET", |(method, _)| method);
    let headers = table.object("headers", out);
    only_plain(table, "headers", false, out);
    let query = table.object("query", out);
    only_plain(table, "query", true, out);
    let form = table.object("form", out);
    only_plain(table, "form", true, out);
    let body = table.json("body", out).unwrap_or(Json::Null);
    if let (Some(_), Some(form)) = (table.take("body"), table.take("form")) {
        let message = format!("{} has both `body` and `form`", table.what);
        out.error("conflict", form.key_range(), message, Some("keep one of them".to_owned()));
    }
    let mut expected_statuses = Vec::new();
    for item in table.items("expected_statuses", "a list of numbers", out) {
        let status = whole_of("expected_statuses", 100..=599, item, out);
        expected_statuses.extend(status.and_then(|status| u16::try_from(status).ok()));
    }
    let auth = read_auth(table, out);
    let pick = read_pick(table, "pick", out);
    let pagination = read_pagination(table, out);
    let max_redirects = table.whole("max_redirects", 0..=50, out).unwrap_or(DEFAULT_MAX_REDIRECTS);
    let max_response_bytes = table.whole("max_response_bytes", 1..=u32::MAX, out);
    let request_timeout_seconds = table.whole("request_timeout_seconds", 1..=86_400, out);
    let proxy = read_proxy(table, out);
    let ca_file = table.filled_text("ca_file", out).map(|text| text.value);
    let deny_private_networks = table.boolean("deny_private_networks", out).unwrap_or(false);
    if let Some(proxy) = proxy.as_ref().filter(|proxy| deny_private_networks && proxy.value != "none") {
        let message = "`deny_private_networks` cannot hold through a `proxy`, which looks names up by itself";
        out.error("conflict", proxy.span.clone(), message.to_owned(), Some("keep one of them".to_owned()));
    }
    Some(StepSpec::Http(HttpSpec {
        url: url?.value,
        method: method.to_owned(),
        headers,
        query,
        body,
        form,
        expected_statuses,
        auth,
        pick,
        pagination,
        max_redirects,
        max_response_bytes: max_response_bytes.map_or(DEFAULT_MAX_RESPONSE_BYTES, u64::from),
        request_timeout_seconds,
        proxy: proxy.map(|text| text.value),
        ca_file,
        deny_private_networks,
    }))
}

/// A table whose values are strings, numbers and booleans, or with `lists` also lists of them.
fn only_plain(table: &mut Table<'_, '_>, key: &'static str, lists: bool, out: &mut Findings) {
    let Some(entry) = table.take(key) else { return };
    for entry in entry.value.get_ref().as_table().map(entries).unwrap_or_default() {
        let value = entry.value.get_ref();
        match value.as_array() {
            Some(items) if lists => {
                for item in
                    items.iter().filter(|i| i.get_ref().as_array().is_some() || i.get_ref().as_table().is_some())
                {
                    wrong_type(entry.key, "a list of strings", item, out);
                }
            }
            None if value.as_table().is_none() => {}
            _ => wrong_type(entry.key, "a string", entry.value, out),
        }
    }
}

/// A path into JSON: `data.items`, `rows.0.id` or a pointer, `/data/items`.
fn read_pick(table: &mut Table<'_, '_>, key: &'static str, out: &mut Findings) -> Option<String> {
    let text = table.filled_text(key, out)?;
    if text.value.starts_with('$') && !text.value.starts_with("${") {
        let message = format!("`{key}` is `{}`, which is no path into JSON", text.value);
        let hint = "write `data.items`, `rows.0.id` or a JSON pointer such as `/data/items`".to_owned();
        out.error("not-allowed", text.span.clone(), message, Some(hint));
    } else if !text.value.starts_with('/') && !text.value.contains("${") && text.value.split('.').any(str::is_empty) {
        let message = format!("`{key}` is `{}`, which has an empty part", text.value);
        out.error("not-allowed", text.span.clone(), message, None);
    }
    Some(text.value)
}

fn read_pagination(step: &mut Table<'_, '_>, out: &mut Findings) -> Option<Pagination> {
    let mut table = step.table("pagination", out)?;
    table.require("type");
    let kinds = ["link", "cursor", "page"];
    let kind = table.word("type", &kinds, |text| kinds.into_iter().find(|kind| *kind == text), out);
    let max_pages = table.whole("max_pages", 1..=100_000, out).unwrap_or(DEFAULT_MAX_PAGES);
    let by = match kind {
        Some(("link", _)) => Some(PageBy::Link),
        Some(("cursor", _)) => {
            table.require("cursor");
            let param = table.filled_text("param", out).map(|text| text.value);
            read_pick(&mut table, "cursor", out).map(|cursor| PageBy::Cursor { cursor, param })
        }
        Some(_) => {
            let first = table.whole("first", 0..=u32::MAX, out).unwrap_or(1);
            table.need_text("param", out).map(|param| PageBy::Page { param: param.value, first })
        }
        None => {
            table.finish_typeless(out);
            return None;
        }
    };
    table.finish_below("pagination", step, out);
    Some(Pagination { by: by?, max_pages })
}

fn read_proxy(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<Text> {
    let proxy = table.filled_text("proxy", out)?;
    let is_url = ["http://", "https://", "${"].iter().any(|start| proxy.value.starts_with(start));
    if proxy.value != "none" && !is_url {
        let message = format!("`proxy` of {} is not an `http://` or `https://` address", table.what);
        let hint = "write `http://proxy:3128`, or `none` to use none".to_owned();
        out.error("not-allowed", proxy.span.clone(), message, Some(hint));
    }
    Some(proxy)
}

fn read_auth(step: &mut Table<'_, '_>, out: &mut Findings) -> Option<HttpAuth> {
    let mut table = step.table("auth", out)?;
    table.require("type");
    let kinds = ["basic", "bearer", "header"];
    let kind = table.word("type", &kinds, |text| kinds.into_iter().find(|kind| *kind == text), out);
    let auth = match kind {
        Some(("basic", _)) => {
            let user = table.need_text("user", out);
            let password = table.need_text("password", out);
            user.zip(password).map(|(user, password)| HttpAuth::Basic { user: user.value, password: password.value })
        }
        Some(("bearer", _)) => table.need_text("token", out).map(|token| HttpAuth::Bearer { token: token.value }),
        Some(_) => {
            let name = table.need_text("name", out);
            if let Some(name) = name.as_ref().filter(|name| !is_header_name(&name.value)) {
                let message = format!("`name` is `{}`, which is not the name of an HTTP header", name.value);
                out.error("not-allowed", name.span.clone(), message, None);
            }
            let value = table.need_text("value", out);
            name.zip(value).map(|(name, value)| HttpAuth::Header { name: name.value, value: value.value })
        }
        None => {
            table.finish_typeless(out);
            return None;
        }
    };
    table.finish_below("auth", step, out);
    auth
}

fn is_header_name(text: &str) -> bool {
    text.contains("${") || text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
