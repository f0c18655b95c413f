//! The way back from a provider at which somebody has signed out; the way there is in `auth::way_out`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::App;
use crate::auth::{forget_state, is_back};
use crate::error::ApiError;

/// What the provider sends along; it may send more.
#[derive(Deserialize)]
pub(crate) struct BackQuery {
    state: Option<String>,
}

/// Where the provider sends a browser to that has signed out there: goes on to the sign-in page.
#[utoipa::path(get, path = "/auth/oidc/{provider}/signed-out", tag = "sign-in", params(("provider" = String, Path),
    ("state" = Option<String>, Query)), responses((status = 303), (status = 404)))]
pub(crate) async fn signed_out(
    State(app): State<App>,
    Path(name): Path<String>,
    query: Result<Query<BackQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let provider = super::oidc::find(&app, &name)?;
    // Nothing ends or begins here. A browser that was not sent there is told nothing of a provider.
    let to = if is_back(&headers, &query.state.unwrap_or_default()) {
        format!("/login?provider={}&signed_out=1", provider.name())
    } else {
        "/login".to_owned()
    };
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)], AppendHeaders([forget_state()])).into_response())
}
