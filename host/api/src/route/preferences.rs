//! How the page looks to the caller: theme, language, zone and the like, kept with their account so that every browser of theirs
//! shows the same. The server does not read them; what they mean is the page's business.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use host_model::JsonMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;

/// Most of them.
const MOST: usize = 50;
/// Longest name or value, in bytes.
const LONGEST: usize = 200;

/// What somebody chose.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preferences {
    /// Texts by name.
    preferences: BTreeMap<String, String>,
    /// Whether there is an account to keep them with; the bootstrap token has none.
    kept: bool,
}

/// The body of `PUT /auth/preferences`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreferencesBody {
    /// Texts by name.
    preferences: BTreeMap<String, String>,
}

/// What the caller chose.
#[utoipa::path(get, path = "/auth/preferences", tag = "sign-in", responses((status = 200, body = Preferences)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Preferences>, ApiError> {
    let found = app.auth.accounts.find_preferences(&caller.user).await?;
    let kept = found.is_some();
    let texts =
        found.unwrap_or_default().into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    Ok(Json(Preferences { preferences: texts.collect(), kept }))
}

/// Keeps what the caller chose, in place of what was kept.
#[utoipa::path(put, path = "/auth/preferences", tag = "sign-in", request_body = PreferencesBody,
    responses((status = 200, body = Preferences), (status = 409), (status = 422)))]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Preferences>, ApiError> {
    let body: PreferencesBody = read_body(&headers, &body?)?;
    let is_long = |(name, value): (&String, &String)| name.len() > LONGEST || value.len() > LONGEST;
    if body.preferences.len() > MOST || body.preferences.iter().any(is_long) {
        let rule = format!("`preferences` has at most {MOST} names and values, none longer than {LONGEST} bytes");
        return Err(ApiError::invalid(rule));
    }
    let kept: JsonMap = body.preferences.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if !app.auth.accounts.set_preferences(&caller.user, &kept).await? {
        let detail = format!("there is no account `{}` to keep them with", caller.user);
        return Err(ApiError::new(StatusCode::CONFLICT, "no-account", detail));
    }
    Ok(Json(Preferences { preferences: body.preferences, kept: true }))
}
