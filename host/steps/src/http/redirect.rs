//! Where a response sends a request next, and as what.

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode, Url};

/// The next hop.
pub(super) struct Redirect {
    pub(super) url: Url,
    /// It goes on as GET, without the body.
    pub(super) becomes_get: bool,
}

/// The `Location` of a redirect is no URL.
pub(super) struct NoUrl;

impl Redirect {
    /// Reads `response`, the answer to `method` at `url`; `None` when it sends nobody anywhere.
    pub(super) fn of(response: &Response, method: &Method, url: &Url) -> Result<Option<Self>, NoUrl> {
        let status = response.status();
        let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else {
            return Ok(None);
        };
        let url = location.to_str().ok().and_then(|text| url.join(text).ok()).ok_or(NoUrl)?;
        let becomes_get = status == StatusCode::SEE_OTHER && method != Method::HEAD
            || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && method == Method::POST;
        Ok(Some(Self { url, becomes_get }))
    }
}
