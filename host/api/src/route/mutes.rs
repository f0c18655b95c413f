//! Mutes: alerts of a job, or along a route, that nobody wants to hear until an instant. Whoever sees a job sees its mute,
//! so that silence is never taken for health.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use host_model::Instant;
use host_model::notify::mute::{Mute, MuteKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use super::notifications::wrong;
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::notification::MuteView;
use crate::view::words::MuteKindWord;

/// Mutes that have not ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct MuteList {
    mutes: Vec<MuteView>,
}

/// A mute that was ended before its time.
#[derive(Serialize, ToSchema)]
pub(crate) struct MuteEnded {
    ended: String,
}

/// Mutes that have not ended: of jobs the caller may see, and of routes.
#[utoipa::path(get, path = "/admin/notifications/mutes", tag = "notifications", responses((status = 200, body = MuteList)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<MuteList>, ApiError> {
    let may = &caller.permissions;
    let is_shown = |mute: &Mute| match mute.kind {
        MuteKind::Job => may.may_edit_notifications() || may.may_see_job(&mute.name),
        MuteKind::Route => may.may_edit_notifications(),
    };
    let mutes = app.notifications.list_mutes().await?;
    Ok(Json(MuteList { mutes: mutes.iter().filter(|mute| is_shown(mute)).map(MuteView::from).collect() }))
}

/// What is to be muted.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MuteBody {
    #[schema(value_type = MuteKindWord, required = true)]
    kind: String,
    /// The id of the job, or the name of the route.
    #[schema(required = true)]
    name: String,
    /// When it ends; or `minutes` from now.
    #[schema(format = DateTime)]
    until: Option<String>,
    minutes: Option<u32>,
    reason: String,
}

/// Mutes a job or a route until an instant, 30 days away at most. What is muted already is muted anew.
#[utoipa::path(post, path = "/admin/notifications/mutes", tag = "notifications", request_body = MuteBody,
    responses((status = 200, body = MuteView), (status = 422)))]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<MuteView>, ApiError> {
    let body: MuteBody = read_body(&headers, &body?)?;
    let kind = kind_of(&body.kind)?;
    let until: Instant = match (&body.until, body.minutes) {
        (Some(text), None) => {
            text.parse().map_err(|_| wrong(&["until"], format!("`until` is `{text}`, which is no instant")))?
        }
        (None, Some(minutes)) => app.engine.now() + chrono::TimeDelta::minutes(minutes.into()),
        _ => return Err(wrong(&["until"], "say either `until` or `minutes`")),
    };
    let mute = app.notifications.mute(kind, &body.name, until, body.reason.trim(), &caller.user).await?;
    Ok(Json((&mute).into()))
}

fn kind_of(text: &str) -> Result<MuteKind, ApiError> {
    MuteKind::parse(text).ok_or_else(|| wrong(&["kind"], format!("`kind` is `{text}`; allowed are `job`, `route`")))
}

/// Which mute.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UnmuteBody {
    #[schema(value_type = MuteKindWord, required = true)]
    kind: String,
    #[schema(required = true)]
    name: String,
}

/// Ends a mute before its time.
#[utoipa::path(post, path = "/admin/notifications/mutes/end", tag = "notifications", request_body = UnmuteBody,
    responses((status = 200, body = MuteEnded), (status = 404), (status = 422)))]
pub(crate) async fn end(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<MuteEnded>, ApiError> {
    let UnmuteBody { kind, name } = read_body(&headers, &body?)?;
    app.notifications.unmute(kind_of(&kind)?, &name).await?;
    tracing::info!(by = caller.user, kind, name, "mute ended");
    Ok(Json(MuteEnded { ended: name }))
}
