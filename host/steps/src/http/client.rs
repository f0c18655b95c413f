//! HTTP on behalf of plugins: each hop of a request is shown to the plugin's gate before it is taken, and the name of a
//! host leads only to addresses the gate's answer covers.
//!
//! Redirects are followed here and not by the library, so that the gate sees them; proxies of the environment are not
//! used, because the name would then be looked up by somebody else. Invariant: no byte leaves for a host, method or
//! address that the gate has not allowed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use host_model::plugin_port::{
    HttpClient, HttpGate, HttpRequest, HttpResponse, Reach, ServiceError, ServiceErrorKind as Kind,
};
use host_model::{CancelToken, StepError, StepErrorKind};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url, redirect};

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
        let status = response.status();
        let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = response.headers().get(header::LOCATION).filter(|_| is_redirect) else {
            return Ok(None);
        };
        let url = location.to_str().ok().and_then(|text| self.url.join(text).ok()).ok_or_else(|| {
            ServiceError::new(Kind::Remote, format!("{} redirects to what is no URL", shown(&self.url)))
        })?;
        let becomes_get = status == StatusCode::SEE_OTHER && self.method != Method::HEAD
            || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && self.method == Method::POST;
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

/// Looks names up, and keeps the addresses within reach.
struct Resolver {
    reach: Reach,
}

/// The name leads only where it may not.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` leads to {address}, which only a grant of that address (or of `localhost`) allows")]
struct OutOfReach {
    name: String,
    address: IpAddr,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (within, beyond): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|address| is_within(address.ip(), reach));
            match beyond.first() {
                Some(address) if within.is_empty() => Err(OutOfReach { name, address: address.ip() }.into()),
                _ => Ok(Box::new(within.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether a name granted with `reach` may lead to `address`.
fn is_within(address: IpAddr, reach: Reach) -> bool {
    let address = match address {
        IpAddr::V6(v6) => match v6.segments() {
            // An IPv4 address behind a translator (RFC 6052).
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                IpAddr::from((u32::from(high) << 16 | u32::from(low)).to_be_bytes())
            }
            _ => address.to_canonical(),
        },
        IpAddr::V4(_) => address,
    };
    let is_own = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let (is_own, is_private) = match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            (is_own || v4.is_link_local() || v4.is_broadcast() || first == 0, v4.is_private() || is_shared)
        }
        IpAddr::V6(v6) => (is_own || v6.is_unicast_link_local(), v6.is_unique_local()),
    };
    match reach {
        Reach::Anywhere => true,
        Reach::Network => !is_own,
        Reach::Public => !is_own && !is_private,
    }
}

fn network_error(what: &str, error: reqwest::Error) -> ServiceError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<OutOfReach>() {
            return ServiceError::new(Kind::Denied, refused.to_string());
        }
        cause = inner.source();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_as_far_as_its_grant_reaches() {
        let farthest = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            [Reach::Public, Reach::Network, Reach::Anywhere]
                .into_iter()
                .find(|reach| is_within(address, *reach))
                .unwrap()
        };
        for text in ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert_eq!(farthest(text), Reach::Public, "{text}");
        }
        for text in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "64:ff9b::a00:1"] {
            assert_eq!(farthest(text), Reach::Network, "{text}");
        }
        let own = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0", "0.1.2.3", "::"];
        for text in own.into_iter().chain(["169.254.169.254", "fe80::1", "224.0.0.1", "255.255.255.255"]) {
            assert_eq!(farthest(text), Reach::Anywhere, "{text}");
        }
    }
}
