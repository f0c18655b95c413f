//! `http`: one request; the response becomes the step's output. (`client` is the one for plugins.) The far side may be anything, so redirects, body and
//! header sizes are bounded, and what a message shows of the URL holds no credentials and no query values.

mod client;
mod response;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::job::spec::{HttpAuth, HttpSpec};
use host_model::port::{StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{Json, StepError, StepErrorKind, StepSpec};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Url, redirect};

pub use client::PluginHttp;
use response::Answer;

const MOST_REDIRECTS: usize = 10;
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// Runs `http` steps, over one client with its own pool of connections.
pub struct HttpRunner {
    client: Client,
}

impl HttpRunner {
    /// A runner with the machine's certificate authorities.
    ///
    /// # Errors
    /// `crashed` when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, StepError> {
        // One provider of cryptography in the whole binary; an error only says that it is in place already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("nomaflow/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::limited(MOST_REDIRECTS))
            .connect_timeout(CONNECT_WITHIN)
            .build()
            .map_err(|e| {
                StepError::new(StepErrorKind::Crashed, format!("the HTTP client cannot start: {}", chain(&e)))
            })?;
        Ok(Self { client })
    }
}

#[async_trait]
impl StepRunner for HttpRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::Http(spec) = spec else {
            return Err(crate::wrong_runner("http", spec).into());
        };
        let request = self.request(spec)?;
        let what = format!("{} {}", request.method(), shown(request.url()));
        ctx.info(&what).await;
        let answered = tokio::select! {
            answered = self.exchange(request, &what) => answered?,
            // Dropping the exchange closes its connection.
            () = ctx.cancel.canceled() => return Err(crate::connector::fault::canceled(&ctx.cancel).into()),
        };
        ctx.info(format!(
            "{what} answered {} in {} ms, {} bytes",
            answered.status,
            answered.elapsed.as_millis(),
            answered.bytes
        ))
        .await;
        if !is_expected(spec, answered.status.as_u16()) {
            return Err(answered.refusal(&what).into());
        }
        Ok(StepOutcome { output: answered.into_output(), rows_affected: None, usage: None })
    }
}

impl HttpRunner {
    fn request(&self, spec: &HttpSpec) -> Result<Request, StepError> {
        let url =
            Url::parse(&spec.url).map_err(|e| StepError::definition(format!("`url` is not an absolute URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(StepError::definition(format!(
                "`url` has the scheme `{}`; only `http` and `https` are spoken",
                url.scheme()
            )));
        }
        let method = Method::from_bytes(spec.method.as_bytes())
            .map_err(|_| StepError::definition(format!("`{}` is not an HTTP method", spec.method)))?;
        let mut request = self.client.request(method, url).headers(headers(spec)?);
        request = match &spec.auth {
            None => request,
            Some(HttpAuth::Basic { user, password }) => request.basic_auth(user, Some(password)),
            Some(HttpAuth::Bearer { token }) => request.bearer_auth(token),
        };
        request = match &spec.body {
            Json::Null => request,
            Json::String(text) => request.body(text.clone()),
            json => request.json(json),
        };
        // Its own text may quote a header.
        request.build().map_err(|_| {
            StepError::definition(
                "the request cannot be built: a header or the credentials hold characters that HTTP does not allow",
            )
        })
    }

    async fn exchange(&self, request: Request, what: &str) -> Result<Answer, StepError> {
        let begun = Instant::now();
        let failed = |e: reqwest::Error| network_error(what, e);
        let response = self.client.execute(request).await.map_err(failed)?;
        Answer::read(response, begun).await.map_err(failed)
    }
}

fn headers(spec: &HttpSpec) -> Result<HeaderMap, StepError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &spec.headers {
        let text = match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| StepError::definition(format!("`{name}` is not the name of an HTTP header")))?;
        // The value may be a secret, so it is not shown.
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            StepError::definition(format!("the value of the header `{name}` holds characters that HTTP does not allow"))
        })?;
        value.set_sensitive(true);
        headers.append(header, value);
    }
    Ok(headers)
}

fn is_expected(spec: &HttpSpec, status: u16) -> bool {
    if spec.expected_statuses.is_empty() {
        (200..300).contains(&status)
    } else {
        spec.expected_statuses.contains(&status)
    }
}

/// The URL as messages show it: where, not with what.
fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    // Only a URL without a host refuses; such a one has no credentials either.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    plain.set_query(None);
    if url.query().is_some() { format!("{plain}?…") } else { plain.to_string() }
}

fn network_error(what: &str, error: reqwest::Error) -> StepError {
    let why = if error.is_redirect() {
        format!("more than {MOST_REDIRECTS} redirects")
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        // The URL in reqwest's own text has everything in it.
        chain(&error.without_url())
    };
    StepError::remote(format!("{what} failed: {why}"))
}

/// An error with its causes; the outermost text alone is "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_credentials_and_query_values() {
        let url = Url::parse("https://bob:s3cret@api.example.com:8443/v1/x?token=abc#frag").unwrap();
        assert_eq!(shown(&url), "https://api.example.com:8443/v1/x?…");
    }
}
