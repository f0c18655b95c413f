//! What came back, cut to size.

use std::time::{Duration, Instant};

use host_model::{Json, JsonMap, StepError};
use reqwest::header::{CONTENT_TYPE, HeaderMap, SET_COOKIE};
use reqwest::{Response, StatusCode};

/// Bytes of the body that are kept.
const KEPT_BODY: usize = 64 * 1024;
/// Bytes of the headers that are kept.
const KEPT_HEADERS: usize = 8 * 1024;
/// Characters of the body in an error message.
const EXCERPT: usize = 300;

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) elapsed: Duration,
    /// Bytes of the body that are here.
    pub(super) bytes: usize,
    headers: HeaderMap,
    body: Vec<u8>,
    is_cut: bool,
}

impl Answer {
    /// Reads a response to its end, or to as much as is kept.
    pub(super) async fn read(mut response: Response, begun: Instant) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let mut is_cut = false;
        while let Some(chunk) = response.chunk().await? {
            let room = KEPT_BODY - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                // The rest is not read: dropping the response closes its connection.
                is_cut = true;
                break;
            }
        }
        Ok(Self { status, elapsed: begun.elapsed(), bytes: body.len(), headers, body, is_cut })
    }

    /// The failure of a step that expected another status. What the client did wrong stays wrong, except for a
    /// timeout (408) and too many requests (429).
    pub(super) fn refusal(&self, what: &str) -> StepError {
        let body = String::from_utf8_lossy(&self.body);
        let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let excerpt: String = words.chars().take(EXCERPT).collect();
        let said = if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") };
        let mut error =
            StepError::remote(format!("{what} answered {}{said}", self.status)).with_detail(body.into_owned());
        error.may_retry = self.status.is_server_error()
            || matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        error
    }

    /// `{"status", "elapsed_ms", "headers", "body"}`, with `"body_truncated": true` when that is so.
    pub(super) fn into_output(self) -> JsonMap {
        let mut output = JsonMap::new();
        output.insert("status".to_owned(), self.status.as_u16().into());
        output.insert("elapsed_ms".to_owned(), u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).into());
        output.insert("headers".to_owned(), Json::Object(self.kept_headers()));
        output.insert("body".to_owned(), self.decoded_body());
        if self.is_cut {
            output.insert("body_truncated".to_owned(), true.into());
        }
        output
    }

    fn decoded_body(&self) -> Json {
        if self.is_json()
            && !self.is_cut
            && let Ok(json) = serde_json::from_slice(&self.body)
        {
            return json;
        }
        Json::String(String::from_utf8_lossy(&self.body).into_owned())
    }

    /// `application/json`, `application/problem+json`, …
    fn is_json(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.ends_with("+json")
    }

    /// Without cookies: they are credentials.
    fn kept_headers(&self) -> JsonMap {
        let mut kept = JsonMap::new();
        let mut bytes = 0;
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != SET_COOKIE) {
            let text = String::from_utf8_lossy(value.as_bytes());
            bytes += name.as_str().len() + text.len();
            if bytes > KEPT_HEADERS {
                break;
            }
            kept.insert(name.as_str().to_owned(), Json::String(text.into_owned()));
        }
        kept
    }
}
