//! The page's files, embedded in the binary (read from disk in debug builds), with the headers that keep it closed.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::below::Below;
use crate::error::ApiError;
use crate::plain::escape;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
#[exclude = ".*"]
struct Dist;

/// Nothing inline, nothing from elsewhere, no framing (design: ui §3.4).
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types live-worker";

const PLACEHOLDER: &str = "<!doctype html><meta charset=utf-8><base href=\"/\" /><title>Nomaflow</title><h1>The page is not in this build</h1>\
     <p>Run <code>npm --prefix web ci &amp;&amp; npm --prefix web run build</code> and start again. \
     The REST API and the command line work without it. <a href=\"auth/login\">Sign in or out</a>";

/// What the page's addresses are relative to, as it is built.
const BASE: &str = "<base href=\"/\" />";

/// First segments that belong to the API: an unknown address below them is a problem document, never HTML.
pub(crate) const API: [&str; 6] = ["admin", "auth", "docs", "healthz", "metrics", "openapi.json"];

/// Serves a file of the page, or the page itself for any other address.
pub(crate) async fn page(below: Below, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if API.contains(&first) {
        return ApiError::not_found(format!("there is nothing at `{}`", uri.path())).into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return crate::error::method_not_allowed().await.into_response();
    }
    let hashed = path.starts_with("assets/");
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (name, found) = match find(path, accepts) {
        Some(found) => (path, Some(found)),
        None if hashed => {
            return ApiError::not_found("this file belongs to another version of the page").into_response();
        }
        // Below a path it says so, which its compressed twins do not.
        None => ("index.html", find("index.html", if below.path().is_empty() { accepts } else { "" })),
    };
    let Some((file, encoding)) = found else {
        let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
        return ([kind, (header::CONTENT_SECURITY_POLICY, CSP)], based(PLACEHOLDER, below.path())).into_response();
    };
    let is_based = name == "index.html" && !below.path().is_empty();
    let path = if is_based { hex::encode(below.path()) } else { String::new() };
    let tag = format!("\"{}{path}\"", hex::encode(&file.metadata.sha256_hash()[..8]));
    let cache = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut builder = Response::builder()
        .header(header::ETAG, &tag)
        .header(header::CACHE_CONTROL, cache)
        .header(header::VARY, "accept-encoding")
        .header(header::CONTENT_TYPE, media_type(name));
    if name.ends_with(".html") {
        builder = builder.header(header::CONTENT_SECURITY_POLICY, CSP);
    }
    if let Some(encoding) = encoding {
        builder = builder.header(header::CONTENT_ENCODING, encoding);
    }
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let built = if known {
        builder.status(StatusCode::NOT_MODIFIED).body(Body::empty())
    } else {
        let html = is_based.then(|| based(&String::from_utf8_lossy(&file.data), below.path()));
        builder.body(html.map_or_else(|| Body::from(file.data), Body::from))
    };
    built.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The page as it stands below `path`.
fn based(html: &str, path: &str) -> String {
    html.replacen(BASE, &format!("<base href=\"{}/\" />", escape(path)), 1)
}

/// The file, in the best form the caller accepts. Compressed twins are made when the page is built.
fn find(name: &str, accepts: &str) -> Option<(rust_embed::EmbeddedFile, Option<&'static str>)> {
    if name.is_empty() {
        return None;
    }
    let packed = [("br", "br"), ("gzip", "gz")].into_iter().filter(|(coding, _)| accepts.contains(coding));
    packed
        .filter_map(|(coding, ext)| Some((Dist::get(&format!("{name}.{ext}"))?, Some(coding))))
        .next()
        .or_else(|| Some((Dist::get(name)?, None)))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "woff2" => "font/woff2",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "map" => "application/json",
        _ => "application/octet-stream",
    }
}

/// Headers of every answer.
pub(crate) async fn common_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_below_which_path_it_stands() {
        for html in [include_str!("../../../web/index.html"), PLACEHOLDER] {
            assert!(based(html, "/ops").contains("<base href=\"/ops/\" />"), "{html}");
            assert_eq!(based(html, ""), html);
        }
    }
}
