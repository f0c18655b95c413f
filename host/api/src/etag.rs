//! Entity tags of large answers: whoever has one already gets an empty 304.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::ApiError;

/// The answer `text`, or 304 for somebody who has it.
pub(crate) fn answer(headers: &HeaderMap, tag: &str, kind: &'static str, text: String) -> Response {
    let fixed = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache")];
    if is_known(headers, tag) {
        return (StatusCode::NOT_MODIFIED, fixed, Body::empty()).into_response();
    }
    (fixed, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// `view` as JSON under a tag made of its bytes.
pub(crate) fn json(headers: &HeaderMap, view: &impl Serialize) -> Result<Response, ApiError> {
    let text = serde_json::to_string(view).map_err(|error| unrendered(&error))?;
    // It tells answers apart and keeps no secret: a quick hash does.
    let tag = format!("\"{:032x}\"", xxh3_128(text.as_bytes()));
    Ok(answer(headers, &tag, "application/json", text))
}

/// The answer when there is none for this reason.
pub(crate) fn unrendered(error: &serde_json::Error) -> ApiError {
    tracing::error!(%error, "an answer could not be rendered");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "render", "the answer cannot be shown")
}

/// Tags are compared as weak ones: proxies that compress make them so.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
