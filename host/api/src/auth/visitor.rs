//! What a request says about who sends it: the address, the name of the program, cookies, and whether a browser sends it
//! for a page of ours. Nothing here decides who somebody is.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};

use crate::error::ApiError;

/// The access token of the page.
pub(super) const ACCESS: &str = "nomaflow_session";
/// The refresh token of the page; sent to `/auth` only.
pub(crate) const REFRESH: &str = "nomaflow_refresh";
/// Who vouched for the session, and what that provider wants to see when it ends; sent to `/auth` only.
pub(super) const VOUCHED: &str = "nomaflow_vouched";
/// Says that this browser was signed in before; sent to `/auth` only.
pub(super) const DEVICE: &str = "nomaflow_device";

/// The header by which the command line names its user; it changes the recorded trigger, never a right.
const CLIENT_HEADER: &str = "nomaflow-client";
/// Longest name of a program that is kept, in characters.
const LONGEST_AGENT: usize = 200;

/// Who sends a request, by what the request says.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The address at the other end of the connection; `local` for a command that works in this process.
    pub address: String,
    /// What the program calls itself.
    pub agent: String,
    /// A browser whose page came over TLS.
    pub is_secure: bool,
    /// A browser sent it for a page of ours.
    pub(super) is_own_page: bool,
    device: Option<String>,
}

impl Visitor {
    /// Reads it from a request.
    pub fn of(parts: &Parts) -> Self {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let agent = text(&parts.headers, "user-agent").unwrap_or_default();
        let origin = text(&parts.headers, "origin");
        Self {
            address: address.map_or_else(|| "local".to_owned(), |ConnectInfo(address)| address.ip().to_string()),
            agent: agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect(),
            is_secure: origin.is_some_and(|origin| origin.starts_with("https://")),
            is_own_page: origin.is_some(),
            device: cookie(&parts.headers, DEVICE).map(str::to_owned),
        }
    }

    pub(super) fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// A cookie only this server gets, and no script of the page reads.
    pub(super) fn cookie(&self, name: &str, path: &str, value: &str, seconds: i64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The token of an `Authorization` header. The scheme's name is not case-sensitive (RFC 9110 §11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The shell's user, as the command line says; as it may stand in a run row.
pub(super) fn shell_user(headers: &HeaderMap) -> Option<String> {
    let name = plain(text(headers, CLIENT_HEADER)?.strip_prefix("cli/")?);
    (!name.is_empty()).then_some(name)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@')).take(64).collect()
}

/// A browser says where a request comes from; a cookie counts only for our own page. `SameSite=Strict` already keeps
/// other sites out; this also keeps out other ports of the same host.
pub(crate) fn same_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |from: &str| {
        Err(ApiError::new(StatusCode::FORBIDDEN, "other-origin", format!("requests from `{from}` are not accepted")))
    };
    if let Some(site) = text(headers, "sec-fetch-site").filter(|site| !matches!(*site, "same-origin" | "none")) {
        return refused(text(headers, "origin").unwrap_or(site));
    }
    let Some(origin) = text(headers, "origin") else { return Ok(()) };
    let host = text(headers, "host").unwrap_or_default();
    let from = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    if from == host { Ok(()) } else { refused(origin) }
}

/// A form of another site can send what needs no leave of the browser: a POST with one of three kinds of body, and no header
/// of its own. A cookie counts for none of these, whatever `Origin` says: what a script of ours sends is JSON, or a file.
pub(super) fn is_from_script(method: &Method, headers: &HeaderMap) -> bool {
    let kind = text(headers, "content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let of_a_form = ["", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
    *method != Method::POST || !of_a_form.contains(&kind.as_str()) || headers.contains_key(CLIENT_HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_of_the_shell_are_plain() {
        assert_eq!(plain("bob\u{1b}[31m <x>"), "bob31mx");
    }

    #[test]
    fn only_our_own_page_may_send_a_cookie() {
        let asked = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), (*value).parse().unwrap()));
            same_origin(&pairs.collect()).is_ok()
        };
        assert!(asked(&[("host", "h:1")]));
        assert!(asked(&[("host", "h:1"), ("origin", "http://h:1"), ("sec-fetch-site", "same-origin")]));
        for other in ["http://h:2", "https://evil.example", "null", "http://h:1.evil.example"] {
            assert!(!asked(&[("host", "h:1"), ("origin", other)]), "{other}");
        }
        assert!(!asked(&[("host", "h:1"), ("sec-fetch-site", "cross-site")]));
        assert!(!asked(&[("host", "h:1"), ("sec-fetch-site", "same-site")]));
    }
}
