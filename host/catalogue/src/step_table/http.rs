//! Reader of `http` steps.

use host_model::job::spec::{HttpAuth, HttpSpec};
use host_model::{Json, StepSpec};

use crate::finding::Findings;
use crate::reader::{Table, whole_of, wrong_type};

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
    if let Some(entry) = table.take("headers") {
        for header in entry.value.get_ref().as_table().map(crate::reader::entries).unwrap_or_default() {
            if header.value.get_ref().as_array().is_some() || header.value.get_ref().as_table().is_some() {
                wrong_type(header.key, "a string", header.value, out);
            }
        }
    }
    let body = table.json("body", out).unwrap_or(Json::Null);
    let mut expected_statuses = Vec::new();
    for item in table.items("expected_statuses", "a list of numbers", out) {
        let status = whole_of("expected_statuses", 100..=599, item, out);
        expected_statuses.extend(status.and_then(|status| u16::try_from(status).ok()));
    }
    let auth = read_auth(table, out);
    for key in ["pagination", "pick", "retry_after"] {
        table.refuse(key, "leave it out: one request is sent, and the response is the step's output", out);
    }
    let (url, method) = (url?.value, method.to_owned());
    Some(StepSpec::Http(HttpSpec { url, method, headers, body, expected_statuses, auth }))
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
        Some((_, text)) => {
            out.not_yet(text.span, "`type = \"header\"`", "`basic` and `bearer` work; a header can stand in `headers`");
            return None;
        }
        None => {
            table.finish_typeless(out);
            return None;
        }
    };
    table.finish_below("auth", step, out);
    auth
}
