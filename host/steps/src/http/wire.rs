//! Sends a step's request: through its proxy and with its authorities, along redirects, within its reach. Invariant:
//! nothing that may be a credential leaves for another origin than the one the step names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use host_model::job::spec::{HttpAuth, HttpSpec};
use host_model::plugin_port::Reach;
use host_model::{Json, JsonMap, StepError, StepErrorKind};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, Proxy, Request, Response, Url, redirect};

use super::reach::{OutOfReach, Resolver, is_within};
use super::redirect::{NoUrl, Redirect};
use super::{CONNECT_WITHIN, chain, shown};
use crate::tls;

/// Headers that go along to another origin; any other may hold a key.
const HARMLESS: [HeaderName; 4] = [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];

/// What a step's requests have in common.
pub(super) struct Wire {
    client: Client,
    reach: Reach,
    max_redirects: u32,
}

/// A client that follows nothing by itself.
pub(super) fn client(spec: Option<&HttpSpec>, home: &Path) -> Result<Client, StepError> {
    // One provider of cryptography in the whole binary; an error only says that it is in place already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("nomaflow/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN);
    if let Some(spec) = spec {
        if spec.deny_private_networks {
            // A proxy would look the name up by itself.
            builder = builder.no_proxy().dns_resolver(Arc::new(Resolver { reach: Reach::Public }));
        }
        builder = match spec.proxy.as_deref() {
            None | Some("") => builder,
            Some("none") => builder.no_proxy(),
            // The parser's text may quote the URL with its password.
            Some(url) => {
                let proxy = Proxy::all(url).map_err(|_| StepError::definition("`proxy` is no URL of a proxy"))?;
                builder.proxy(proxy)
            }
        };
        if let Some(file) = &spec.ca_file {
            let config = tls::client_config(Some(&home.join(file)))?;
            builder = builder.tls_backend_preconfigured(Arc::unwrap_or_clone(config));
        }
    }
    builder.build().map_err(|error| {
        StepError::new(StepErrorKind::Crashed, format!("the HTTP client cannot start: {}", chain(&error)))
    })
}

/// Whether `spec` asks for a client of its own.
fn is_special(spec: &HttpSpec) -> bool {
    spec.deny_private_networks || spec.proxy.as_deref().is_some_and(|p| !p.is_empty()) || spec.ca_file.is_some()
}

impl Wire {
    /// `common` serves the steps that ask for nothing special.
    pub(super) fn new(spec: &HttpSpec, common: &Client, home: &Path) -> Result<Self, StepError> {
        let client = if is_special(spec) { client(Some(spec), home)? } else { common.clone() };
        let reach = if spec.deny_private_networks { Reach::Public } else { Reach::Anywhere };
        Ok(Self { client, reach, max_redirects: spec.max_redirects })
    }

    /// The request the step describes.
    pub(super) fn request(&self, spec: &HttpSpec) -> Result<Request, StepError> {
        let mut url =
            Url::parse(&spec.url).map_err(|e| StepError::definition(format!("`url` is not an absolute URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(StepError::definition(format!(
                "`url` has the scheme `{}`; only `http` and `https` are spoken",
                url.scheme()
            )));
        }
        if !spec.query.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs(&spec.query));
        }
        let method = Method::from_bytes(spec.method.as_bytes())
            .map_err(|_| StepError::definition(format!("`{}` is not an HTTP method", spec.method)))?;
        let mut request = self.client.request(method, url).headers(headers(spec)?);
        request = match &spec.auth {
            None | Some(HttpAuth::Header { .. }) => request,
            Some(HttpAuth::Basic { user, password }) => request.basic_auth(user, Some(password)),
            Some(HttpAuth::Bearer { token }) => request.bearer_auth(token),
        };
        request = match &spec.body {
            Json::Null if spec.form.is_empty() => request,
            Json::Null => request.form(&pairs(&spec.form)),
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

    /// Sends `request` and follows where it is sent. The response's URL is the last one.
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "http.send"))]
    pub(super) async fn send(&self, request: Request) -> Result<Response, StepError> {
        let mut next = request;
        for taken in 0_u64.. {
            let what = format!("{} {}", next.method(), shown(next.url()));
            self.check(next.url())?;
            let sent = copy(&next);
            let response = self.client.execute(next).await.map_err(|error| network_error(&what, error))?;
            let odd = |NoUrl| StepError::remote(format!("{what} redirects to what is no URL"));
            let Some(redirect) = Redirect::of(&response, sent.method(), sent.url()).map_err(odd)? else {
                return Ok(response);
            };
            if self.max_redirects == 0 {
                return Ok(response);
            }
            if taken >= u64::from(self.max_redirects) {
                return Err(StepError::remote(format!("{what} failed: more than {} redirects", self.max_redirects)));
            }
            next = redirected(sent, redirect, &what)?;
        }
        // The range has no end.
        Err(StepError::remote("more redirects than can be counted"))
    }

    fn check(&self, url: &Url) -> Result<(), StepError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(StepError::remote(format!("a redirect to the scheme `{}` is not followed", url.scheme())));
        }
        // No name is looked up for an address, so the resolver would not see it.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse() {
            Ok(address) if !is_within(address, self.reach) => Err(private(host, None)),
            _ => Ok(()),
        }
    }
}

/// The same request once more; a body of ours is always in memory.
fn copy(request: &Request) -> Request {
    let mut copy = Request::new(request.method().clone(), request.url().clone());
    copy.headers_mut().clone_from(request.headers());
    *copy.body_mut() = request.body().and_then(|body| body.as_bytes()).map(|bytes| bytes.to_vec().into());
    copy
}

fn redirected(mut sent: Request, redirect: Redirect, what: &str) -> Result<Request, StepError> {
    let Redirect { url, becomes_get } = redirect;
    if becomes_get {
        *sent.method_mut() = Method::GET;
        *sent.body_mut() = None;
        sent.headers_mut().remove(CONTENT_TYPE);
    }
    if url.origin() != sent.url().origin() {
        if sent.body().is_some() {
            let text = format!("{what} redirects to another host, {}; a body is not sent there", shown(&url));
            return Err(StepError { may_retry: false, ..StepError::remote(text) });
        }
        let kept: HeaderMap = sent
            .headers()
            .iter()
            .filter(|(name, _)| HARMLESS.contains(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        *sent.headers_mut() = kept;
    }
    *sent.url_mut() = url;
    Ok(sent)
}

/// Names and values; a list repeats its name.
pub(super) fn pairs(map: &JsonMap) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in map {
        match value {
            Json::Array(items) => pairs.extend(items.iter().map(|item| (name.clone(), plain(item)))),
            one => pairs.push((name.clone(), plain(one))),
        }
    }
    pairs
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

fn headers(spec: &HttpSpec) -> Result<HeaderMap, StepError> {
    let mut headers = HeaderMap::new();
    let key = match &spec.auth {
        Some(HttpAuth::Header { name, value }) => Some((name, value.clone())),
        _ => None,
    };
    for (name, text) in spec.headers.iter().map(|(name, value)| (name, plain(value))).chain(key) {
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

fn private(host: &str, address: Option<std::net::IpAddr>) -> StepError {
    let leads = address.map(|address| format!(" ({address})")).unwrap_or_default();
    let text =
        format!("`{host}`{leads} is on this machine or a private network, which `deny_private_networks` refuses");
    StepError::new(StepErrorKind::Denied, text)
}

/// What a failed request says to the operator.
pub(super) fn network_error(what: &str, error: reqwest::Error) -> StepError {
    if let Some(refused) = OutOfReach::behind(&error) {
        return private(&refused.name, Some(refused.address));
    }
    let why = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        // The URL in reqwest's own text has everything in it.
        chain(&error.without_url())
    };
    StepError::remote(format!("{what} failed: {why}"))
}

/// The failure of a request that took longer than it may.
pub(super) fn too_slow(what: &str, within: Duration) -> StepError {
    StepError::remote(format!("{what} failed: no whole answer within {} s", within.as_secs()))
}
