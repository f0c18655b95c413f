//! Requests to the HTTP servers granted to this plugin.
//!
//! A status such as 404 is a response, not an error; `Response::ok` makes one of it for a step that wants nothing else.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::nomaflow::step::http as wire;
use crate::{Error, imports};

/// A request, built and then sent.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request(wire::Request);

impl Request {
    /// A `GET` of an absolute URL.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` to an absolute URL.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// A request of any method. Follows up to 10 redirects and takes up to 30 seconds.
    pub fn new(method: &str, url: &str) -> Self {
        Self(wire::Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            timeout_ms: None,
            max_redirects: 10,
        })
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the header `Authorization` with a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// Sets the body to a JSON text, and the header `Content-Type`. Error `invalid` when `body` has no JSON form.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Error> {
        let text = serde_json::to_vec(body)
            .map_err(|error| Error::invalid(format!("the body of the request has no JSON form: {error}")))?;
        Ok(self.header("content-type", "application/json").body(text))
    }

    /// The longest the whole exchange may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ms = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// How many redirects are followed; 0 gives the redirect itself.
    pub fn redirects(mut self, most: u32) -> Self {
        self.0.max_redirects = most;
        self
    }

    /// Sends it and waits for the whole response. Errors: `denied` when host or method is not granted, `invalid`,
    /// `unavailable`, `timeout`, `remote`, `limit`.
    pub fn send(&self) -> Result<Response, Error> {
        let wire::Response { status, url, headers, body } = imports::http_send(&self.0)?;
        Ok(Response { status, url, headers, body })
    }
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The URL that answered.
    pub url: String,
    /// Names in lower case and values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header, its name in any letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The same response, or error `remote` when its status is not 2xx; worth a retry for 408, 429 and 5xx.
    pub fn ok(self) -> Result<Self, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let shown: String = String::from_utf8_lossy(&self.body).chars().take(1000).collect();
        let error = Error::new("remote", format!("the server answered {}", self.status)).with_detail(shown);
        Err(if matches!(self.status, 408 | 429 | 500..) { error.retryable() } else { error })
    }

    /// The body as text. Error `remote` when it is not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.body).map_err(|_| Error::new("remote", "the body of the response is not UTF-8"))
    }

    /// The body, read as JSON. Error `remote` when it does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::new("remote", format!("the body of the response does not fit: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Response};
    use crate::testing::Host;

    #[test]
    fn a_request_reaches_the_stand_in_and_its_json_comes_back() {
        let answer = |method: &str, url: &str, body: &[u8]| {
            assert_eq!((method, url, body), ("POST", "https://api.example/x", &b"[1,2]"[..]));
            Response { status: 200, body: b"{\"n\": 3}".to_vec(), ..Response::default() }
        };
        let _host = Host::new().http(answer).install();
        let response = Request::post("https://api.example/x").json(&[1, 2]).expect("JSON").send().expect("granted");
        assert_eq!(response.ok().and_then(|r| r.json::<serde_json::Value>()), Ok(serde_json::json!({"n": 3})));
    }

    #[test]
    fn a_status_becomes_an_error_only_when_it_is_asked_for() {
        let response = Response { status: 503, body: b"later".to_vec(), ..Response::default() };
        let error = response.ok().expect_err("an error");
        assert!(error.is("remote") && error.is_retryable && error.detail.as_deref() == Some("later"));
        assert!(!Response { status: 404, ..Response::default() }.ok().expect_err("an error").is_retryable);
    }

    #[test]
    fn without_a_stand_in_nothing_is_granted() {
        let _host = Host::new().install();
        assert!(Request::get("https://api.example").send().is_err_and(|error| error.is("denied")));
    }
}
