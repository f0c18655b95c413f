//! What came back: its status, its headers, and its body, in memory while it is small and in a file of the run when it is
//! not.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use host_model::port::StepContext;
use host_model::{Json, JsonMap, StepError};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER, SET_COOKIE};
use reqwest::{Response, StatusCode};

use super::exact;
use super::wire::network_error;
use crate::run_files::{RunFile, RunFiles};

/// Bytes of a body that are kept in the output.
pub(super) const KEPT_BODY: usize = 64 * 1024;
/// Bytes of a body that is read as JSON as a whole.
const LARGEST_JSON: usize = 32 * 1024 * 1024;
/// Bytes of the headers that are kept.
const KEPT_HEADERS: usize = 8 * 1024;
/// Characters of the body in an error message.
const EXCERPT: usize = 300;

/// How a body is read.
pub(super) enum Reading<'a> {
    /// As a whole, because it is JSON that is looked into.
    Json,
    /// Into a file as soon as it is large.
    File(&'a RunFiles, &'a StepContext),
    /// Its beginning, for an error message.
    Beginning,
}

/// A body, wherever it is.
pub(super) enum Body {
    Memory(Vec<u8>),
    File(RunFile),
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) elapsed: Duration,
    /// Bytes of the body.
    pub(super) bytes: u64,
    pub(super) body: Body,
}

impl Answer {
    /// Reads a response to its end; `budget` is what is left of the bytes it may have.
    pub(super) async fn read(
        mut response: Response,
        how: Reading<'_>,
        budget: &mut Budget,
        begun: Instant,
        what: &str,
    ) -> Result<Self, StepError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        if !matches!(how, Reading::Beginning) && announced.is_some_and(|bytes| bytes > budget.left) {
            return Err(budget.exceeded(what));
        }
        let mut body = Body::Memory(Vec::new());
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| network_error(what, error))? {
            bytes += chunk.len() as u64;
            if let Reading::Beginning = how {
                let Body::Memory(kept) = &mut body else { break };
                kept.extend_from_slice(&chunk[..chunk.len().min(KEPT_BODY - kept.len())]);
                if kept.len() == KEPT_BODY {
                    // The rest is not read: dropping the response closes its connection.
                    break;
                }
                continue;
            }
            budget.take(chunk.len() as u64, what)?;
            match (&mut body, &how) {
                (Body::File(file), _) => file.write(&chunk).await?,
                (Body::Memory(kept), Reading::File(files, ctx)) if kept.len() + chunk.len() > KEPT_BODY => {
                    let mut file = files.create(ctx, if is_json(&headers) { "json" } else { "body" }).await?;
                    file.write(kept).await?;
                    file.write(&chunk).await?;
                    body = Body::File(file);
                }
                (Body::Memory(kept), _) => {
                    if kept.len() + chunk.len() > LARGEST_JSON {
                        let text = format!("{what}: more than {LARGEST_JSON} bytes cannot be read as JSON at once");
                        return Err(StepError { may_retry: false, ..StepError::remote(text) });
                    }
                    kept.extend_from_slice(&chunk);
                }
            }
        }
        Ok(Self { status, headers, elapsed: begun.elapsed(), bytes, body })
    }

    fn in_memory(&self) -> &[u8] {
        match &self.body {
            Body::Memory(bytes) => bytes,
            Body::File(_) => &[],
        }
    }

    /// The failure of a step that expected another status. What the client did wrong stays wrong, except for a
    /// timeout (408) and too many requests (429).
    pub(super) fn refusal(&self, what: &str) -> StepError {
        let body = String::from_utf8_lossy(self.in_memory());
        let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let excerpt: String = words.chars().take(EXCERPT).collect();
        let said = if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") };
        let mut error =
            StepError::remote(format!("{what} answered {}{said}", self.status)).with_detail(body.into_owned());
        error.may_retry = self.status.is_server_error()
            || matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        error.retry_after = self.headers.get(RETRY_AFTER).and_then(|v| retry_after(v.to_str().ok()?, Utc::now()));
        error
    }

    /// The body as JSON, whatever it says it is.
    pub(super) fn json(&self, what: &str) -> Result<Json, StepError> {
        exact::read(self.in_memory()).map_err(|error| StepError::remote(format!("{what} answered no JSON: {error}")))
    }

    /// JSON where the server says so and it is, else text; `None` when it is neither, or too large to be looked at, and
    /// only a file keeps it whole.
    pub(super) fn decoded(&self) -> Option<Json> {
        if matches!(self.body, Body::File(_)) {
            return None;
        }
        if is_json(&self.headers)
            && let Ok(json) = exact::read(self.in_memory())
        {
            return Some(json);
        }
        std::str::from_utf8(self.in_memory()).ok().map(|text| Json::String(text.to_owned()))
    }

    /// The body as a file, which it may be already.
    pub(super) async fn into_file(self, files: &RunFiles, ctx: &StepContext) -> Result<RunFile, StepError> {
        match self.body {
            Body::File(file) => Ok(file),
            Body::Memory(bytes) => {
                let mut file = files.create(ctx, "body").await?;
                file.write(&bytes).await?;
                Ok(file)
            }
        }
    }

    /// `status`, `elapsed_ms`, `headers`: the beginning of the output.
    pub(super) fn head(&self) -> JsonMap {
        let mut output = JsonMap::new();
        output.insert("status".to_owned(), self.status.as_u16().into());
        output.insert("elapsed_ms".to_owned(), u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).into());
        output.insert("headers".to_owned(), Json::Object(self.kept_headers()));
        output
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

/// `application/json`, `application/problem+json`, …
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

/// How long a server asks to wait: seconds, or the date of the end.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    // To the second, and not a moment before.
    (until.with_timezone(&Utc) - now).to_std().ok().map(|wait| Duration::from_secs(wait.as_secs() + 1))
}

/// Bytes that all bodies of a step may have together.
pub(super) struct Budget {
    most: u64,
    left: u64,
}

impl Budget {
    pub(super) fn new(most: u64) -> Self {
        Self { most, left: most }
    }

    fn take(&mut self, bytes: u64, what: &str) -> Result<(), StepError> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.exceeded(what))?;
        Ok(())
    }

    fn exceeded(&self, what: &str) -> StepError {
        let text = format!("{what}: the answer has more than {} bytes (`max_response_bytes`)", self.most);
        StepError { may_retry: false, ..StepError::remote(text) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn a_server_asks_for_seconds_or_until_a_date() {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 01 Mar 2026 12:00:30 GMT", Some(31)),
            ("Sun, 01 Mar 2026 11:00:00 GMT", None),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
