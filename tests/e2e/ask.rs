//! What a program that edits asks of a server: with the bootstrap token, a revision where it saves, and JSON both ways.

use serde_json::Value;
use test_support::{Host, TempHome};

use crate::server::{bearer, http, json_body};

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Without its quotes; empty where there is none.
    pub(crate) etag: String,
    pub(crate) body: Value,
}

/// `etag` goes as `If-Match`.
pub(crate) fn ask(
    home: &TempHome,
    host: &Host,
    method: &str,
    path: &str,
    etag: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let (bearer, tag) = (bearer(home), etag.map(|etag| format!("\"{etag}\"")));
    let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    headers.extend(tag.as_deref().map(|tag| ("If-Match", tag)));
    let (status, head, text) =
        http(host.url(), method, path, &headers, &body.map(Value::to_string).unwrap_or_default());
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ").map(|tag| tag.trim_matches('"').to_owned()));
    Answer { status, etag: etag.unwrap_or_default(), body: json_body(&text) }
}
