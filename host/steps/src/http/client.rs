//! HTTP on behalf of plugins: each hop of a request is shown to the plugin's gate before it is taken, and the name of a
//! host leads only to addresses the gate's answer covers.
//!
//! Redirects are followed here and not by the library, so that the gate sees them; proxies of the environment are not
//! used, because the name would then be looked up by somebody else. Invariant: no byte leaves for a host, method or
//! address that the gate has not allowed.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use host_model::plugin_port::{
    HttpClient, HttpGate, HttpRequest, HttpResponse, Reach, ServiceError, ServiceErrorKind as Kind,
};
use host_model::{CancelToken, StepError, StepErrorKind};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};

use super::reach::{OutOfReach, Resolver, is_within};
use super::redirect::{NoUrl, Redirect};
use super::{CONNECT_WITHIN, chain, shown};

/// Headers that belong to the connection and not to the caller.
const OWN_HEADERS: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
/// Headers that are for one origin only.
const PRIVATE_HEADERS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Sends the requests of plugins.
pub struct PluginHttp {
    /// By reach: public, network, anywhere.
    clients: [Client; 3],
}

/// One hop: what is sent next.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl PluginHttp {
    /// A client with the machine's certificate authorities.
    ///
    /// # Errors
    /// `crashed` when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, StepError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |reach: Reach| {
            let built = Client::builder()
                .user_agent(concat!("nomaflow/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT_WITHIN)
                .dns_resolver(Arc::new(Resolver { reach }))
                .build();
            built.map_err(|error| {
                StepError::new(StepErrorKind::Crashed, format!("the HTTP client cannot start: {}", chain(&error)))
            })
        };
        Ok(Self { clients: [client(Reach::Public)?, client(Reach::Network)?, client(Reach::Anywhere)?] })
    }

    fn client(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Public => &self.clients[0],
            Reach::Network => &self.clients[1],
            Reach::Anywhere => &self.clients[2],
        }
    }

    async fn exchange(&self, request: HttpRequest, gate: &dyn HttpGate) -> Result<HttpResponse, ServiceError> {
        let (max_redirects, max_bytes) = (request.max_redirects, request.max_bytes);
        let mut hop = Hop::first(request)?;
        for taken in 0.. {
            let reach = hop.pass(gate)?;
            let what = format!("{} {}", hop.method, shown(&hop.url));
            let failed = |error: reqwest::Error| network_error(&what, error);
            let mut request = self.client(reach).request(hop.method.clone(), hop.url.clone());
            request = request.headers(hop.headers.clone());
            if let Some(body) = &hop.body {
                request = request.body(body.clone());
            }
            let response = request.send().await.map_err(failed)?;
            match hop.next(&response)? {
                Some(next) if taken < max_redirects => hop = next,
                Some(_) if max_redirects > 0 => {
                    let message = format!("{what}: more than {max_redirects} redirects");
                    return Err(ServiceError::new(Kind::Limit, message));
                }
                _ => return read(response, max_bytes, &what).await,
            }
        }
        // The range has no end.
        Err(ServiceError::new(Kind::Limit, "more redirects than can be counted"))
    }
}

#[async_trait]
impl HttpClient for PluginHttp {
    async fn send(
        &self,
        request: HttpRequest,
        gate: &dyn HttpGate,
        cancel: &CancelToken,
    ) -> Result<HttpResponse, ServiceError> {
        let timeout = request.timeout;
        tokio::select! {
            // Dropping the exchange closes its connection.
            answered = tokio::time::timeout(timeout, self.exchange(request, gate)) => answered.unwrap_or_else(|_| {
                let message = format!("no whole response within {} s", timeout.as_secs_f64());
                Err(ServiceError::new(Kind::Timeout, message))
            }),
            () = cancel.canceled() => Err(ServiceError::canceled(cancel)),
        }
    }
}

impl Hop {
    fn first(request: HttpRequest) -> Result<Self, ServiceError> {
        let invalid = |message: String| Err(ServiceError::new(Kind::Invalid, message));
        let Ok(method) = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes()) else {
            return invalid(format!("`{}` is not an HTTP method", request.method));
        };
        let url = match Url::parse(&request.url) {
            Ok(url) => url,
            Err(error) => return invalid(format!("the URL is not an absolute one: {error}")),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                return invalid(format!("`{name}` is not the name of an HTTP header"));
            };
            if OWN_HEADERS.contains(&header) {
                return invalid(format!("the header `{name}` is set by the host"));
            }
            // The value may be a secret, so it is not shown.
            let Ok(mut value) = HeaderValue::from_str(&value) else {
                return invalid(format!("the value of the header `{name}` holds characters that HTTP does not allow"));
            };
            value.set_sensitive(true);
            headers.append(header, value);
        }
        Ok(Self { method, url, headers, body: request.body })
    }

    /// Asks the gate for this hop.
    fn pass(&self, gate: &dyn HttpGate) -> Result<Reach, ServiceError> {
        let scheme = self.url.scheme();
        let (Some(host), Some(port), "http" | "https") =
            (self.url.host_str(), self.url.port_or_known_default(), scheme)
        else {
            let message =
                format!("a URL with the scheme `{scheme}` is not spoken, only `http` and `https` with a host");
            return Err(ServiceError::new(Kind::Invalid, message));
        };
        let reach = gate.check(self.method.as_str(), host, port).map_err(|why| ServiceError::new(Kind::Denied, why))?;
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            // No name is looked up for an address, so the resolver would not see it.
            Ok(address) if !is_within(address, reach) => {
                let message = format!("the address `{address}` is not covered by the grant of the host");
                Err(ServiceError::new(Kind::Denied, message))
            }
            _ => Ok(reach),
        }
    }

    /// Where a response sends us, if it does.
    fn next(&self, response: &reqwest::Response) -> Result<Option<Self>, ServiceError> {
        let odd = || ServiceError::new(Kind::Remote, format!("{} redirects to what is no URL", shown(&self.url)));
        let Some(redirect) = Redirect::of(response, &self.method, &self.url).map_err(|NoUrl| odd())? else {
            return Ok(None);
        };
        let Redirect { url, becomes_get } = redirect;
        let mut headers = self.headers.clone();
        if url.origin() != self.url.origin() {
            for name in &PRIVATE_HEADERS {
                headers.remove(name);
            }
        }
        let (method, body) = if becomes_get {
            headers.remove(header::CONTENT_TYPE);
            (Method::GET, None)
        } else {
            (self.method.clone(), self.body.clone())
        };
        Ok(Some(Self { method, url, headers, body }))
    }
}

async fn read(mut response: reqwest::Response, max_bytes: u64, what: &str) -> Result<HttpResponse, ServiceError> {
    let too_large = || {
        let message = format!("{what}: the response has more than {max_bytes} bytes (`response_bytes`)");
        ServiceError::new(Kind::Limit, message)
    };
    let mut headers = Vec::new();
    let mut bytes = 0_u64;
    for (name, value) in response.headers() {
        bytes += (name.as_str().len() + value.len()) as u64;
        headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| network_error(what, error))? {
        bytes += chunk.len() as u64;
        if bytes > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    if bytes > max_bytes {
        return Err(too_large());
    }
    Ok(HttpResponse { status: response.status().as_u16(), url: response.url().to_string(), headers, body })
}

fn network_error(what: &str, error: reqwest::Error) -> ServiceError {
    if let Some(refused) = OutOfReach::behind(&error) {
        return ServiceError::new(Kind::Denied, refused.to_string());
    }
    let kind = if error.is_timeout() {
        Kind::Timeout
    } else if error.is_connect() {
        Kind::Unavailable
    } else {
        Kind::Remote
    };
    // The URL in reqwest's own text has everything in it.
    ServiceError::new(kind, format!("{what} failed: {}", chain(&error.without_url())))
}
