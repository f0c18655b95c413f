//! Serving below a path. `public_url = "https://host/ops"` says that people find the page below `/ops`: an address below it
//! is answered as the same one without it, and what is answered leads back there (the page's `<base>`, redirects, cookies).
//! Without the path the server answers as ever: the command line, probes, and a browser on this machine.
//!
//! Invariant: whatever is inside knows its own paths only; who makes an address for somebody elsewhere asks `Below`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

/// The path a request came below, as `/ops`; empty when it came below none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Below(Arc<str>);

impl Below {
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    /// The address without the path; `None` when it is not below it.
    fn strip(&self, uri: &Uri) -> Option<Uri> {
        let rest = uri.path_and_query()?.as_str().strip_prefix(&*self.0)?;
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(rest.starts_with('/').then_some(rest)?.parse().ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Redirects to addresses of ours, and cookies, as they are for a browser.
    fn lead_back(&self, headers: &mut HeaderMap) {
        let path = self.path();
        let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
        // A browser may have told its own address, with the path.
        let is_below = |to: &str| to.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let ours = to.filter(|to| to.starts_with('/') && !to.starts_with("//") && !is_below(to));
        if let Some(to) = ours.and_then(|to| HeaderValue::from_str(&format!("{path}{to}")).ok()) {
            headers.insert(header::LOCATION, to);
        }
        let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        let cookies = cookies.map(|cookie| cookie.replacen("; Path=/", &format!("; Path={path}/"), 1));
        let cookies: Vec<HeaderValue> = cookies.filter_map(|cookie| HeaderValue::from_str(&cookie).ok()).collect();
        headers.remove(header::SET_COOKIE);
        for cookie in cookies {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Below {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The router, which answers below `path` as well. A path that the API uses for itself is left to the API.
pub(crate) fn serve_below(path: &str, inner: Router) -> Router {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if first.is_empty() || HeaderValue::from_str(path).is_err() {
        return inner;
    }
    if crate::assets::API.contains(&first) || first == "assets" {
        tracing::warn!(
            path,
            "the page cannot be served below the path of `public_url`: the server has addresses there"
        );
        return inner;
    }
    let below = Below(path.into());
    Router::new().fallback(move |request: Request| enter(inner.clone(), below.clone(), request))
}

async fn enter(inner: Router, below: Below, mut request: Request) -> Response {
    if request.uri().path() == below.path() {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let to = format!("{}/{query}", below.path());
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
    }
    let Some(uri) = below.strip(request.uri()) else { return answer(inner, request).await };
    *request.uri_mut() = uri;
    request.extensions_mut().insert(below.clone());
    let mut response = answer(inner, request).await;
    below.lead_back(response.headers_mut());
    response
}

async fn answer(inner: Router, request: Request) -> Response {
    match inner.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(uri: &str) -> Option<String> {
        Below("/a/ops".into()).strip(&uri.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn only_what_is_below_the_path_is_stripped_of_it() {
        assert_eq!(stripped("/a/ops/runs?q=%20x").as_deref(), Some("/runs?q=%20x"));
        assert_eq!(stripped("/a/ops/").as_deref(), Some("/"));
        assert_eq!(stripped("/a/ops//evil.example/x").as_deref(), Some("//evil.example/x"));
        for other in ["/", "/a/ops", "/a/opsy", "/a/ops?x", "/runs", "/b/a/ops/"] {
            assert_eq!(stripped(other), None, "{other}");
        }
    }

    #[test]
    fn redirects_and_cookies_lead_back_below_the_path() {
        let led = |to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, to.parse().unwrap());
            for cookie in ["a=b; Path=/; HttpOnly", "c=; Path=/auth; Max-Age=0"] {
                headers.append(header::SET_COOKIE, cookie.parse().unwrap());
            }
            Below("/ops".into()).lead_back(&mut headers);
            let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
            assert_eq!(cookies, ["a=b; Path=/ops/; HttpOnly", "c=; Path=/ops/auth; Max-Age=0"]);
            headers[header::LOCATION].to_str().unwrap().to_owned()
        };
        assert_eq!(led("/jobs?x=/y"), "/ops/jobs?x=/y");
        assert_eq!(led("/ops/jobs"), "/ops/jobs");
        assert_eq!(led("/opsy"), "/ops/opsy");
        assert_eq!(led("https://idp.example/out"), "https://idp.example/out");
    }
}
