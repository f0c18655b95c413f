//! Posting: one request, no redirects, and what its answer means for the message.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use host_model::Instant;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, StatusCode, redirect};

use crate::send::Failure;

/// What of an answer is kept.
const LONGEST_ANSWER: usize = 300;
/// No server may put off a message for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A request.
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A client that trusts the authorities of `ca_file` beside the machine's.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<Client, String> {
    // One provider of cryptography in the whole binary; an error only says that it is in place already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("nomaflow/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN);
    if let Some(path) = ca_file {
        let unusable = |why: String| format!("the CA file `{}` cannot be used: {why}", path.display());
        let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&text).map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("it holds no certificate in PEM".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| format!("the HTTP client cannot start: {}", chain(&error)))
}

/// Posts, and gives back what a willing server answered.
pub(crate) async fn post(client: &Client, post: &Post, now: Instant) -> Result<String, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &post.headers {
        let header = HeaderName::from_bytes(name.as_bytes());
        let header = header.map_err(|_| Failure::last(format!("`{name}` is not the name of an HTTP header")))?;
        // The value may be a secret, so it is not shown.
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Failure::last(format!("the value of the header `{name}` is not one line of text")))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    let sent = client.post(&post.url).headers(headers).body(post.body.clone()).send().await;
    let response = sent.map_err(|error| {
        if error.is_builder() {
            return Failure::last("the URL cannot be used".to_owned());
        }
        Failure::again(format!("no answer: {}", chain(&error.without_url())))
    })?;
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| wait(value, now));
    let text = response.text().await.unwrap_or_default();
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST_ANSWER).collect();
    let answer = format!("HTTP {} {text}", status.as_u16()).trim_end().to_owned();
    if status.is_success() {
        return Ok(answer);
    }
    // What the client did wrong it will do wrong again; the three exceptions say so themselves.
    let may_retry = !status.is_client_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if status.is_redirection() {
        return Err(Failure::last(format!("{answer}; redirects are not followed")));
    }
    Err(Failure { why: answer, may_retry, retry_after })
}

/// `Retry-After`: seconds, or a date.
fn wait(value: &HeaderValue, now: Instant) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc) - now).to_std().ok()?,
    };
    Some(wait.min(LONGEST_WAIT))
}

/// An error with its causes; the first one often says only that something failed.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_seconds_or_a_date_and_has_an_end() {
        let now: Instant = "2026-11-23T10:00:00Z".parse().unwrap();
        let read = |text: &'static str| wait(&HeaderValue::from_static(text), now);
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Mon, 23 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Mon, 23 Nov 2026 09:00:00 GMT"), None);
        assert_eq!(read("999999999"), Some(LONGEST_WAIT));
        assert_eq!(read("soon"), None);
    }
}
