//! How a message over a transport would look, told of a real run. Nothing is sent, kept or changed.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use host_model::notify::EventKind;
use host_model::run::{RunFilter, RunStatus};
use host_model::{JobId, JsonMap, Run, RunId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::jobs::read_body;
use super::notifications::{SecretWishBody, TransportBody, wrong};
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::notification::PreviewView;
use crate::view::words::{AlertEventWord, TransportKindWord};

/// The body of a preview.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PreviewBody {
    /// The transport; with `kind`, the one whose secrets are kept where `{"keep": true}` says so.
    name: Option<String>,
    /// With it, the transport as it would be with these values.
    #[schema(value_type = Option<TransportKindWord>)]
    kind: Option<String>,
    #[schema(value_type = Object)]
    settings: JsonMap,
    #[schema(value_type = BTreeMap<String, SecretWishBody>)]
    secrets: JsonMap,
    /// What happened; `failed` without it, or what the run came to.
    #[schema(value_type = Option<AlertEventWord>)]
    event: Option<String>,
    /// The run it is told of; without it the newest one that came to that, among those the caller may see.
    run_id: Option<String>,
}

/// How a message over a transport would look, told of a real run where there is one. Nothing is sent or kept, and no secret
/// is filled in. A template that cannot be filled in is refused with line and column.
#[utoipa::path(post, path = "/admin/notifications/previews", tag = "notifications", request_body = PreviewBody,
    responses((status = 200, body = PreviewView), (status = 404), (status = 422)))]
pub(crate) async fn preview(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<PreviewView>, ApiError> {
    let PreviewBody { name, kind, settings, secrets, event, run_id } = read_body(&headers, &body?)?;
    let wish = match kind {
        Some(kind) => Some(TransportBody { kind, enabled: None, settings, secrets }.wish()?),
        None if settings.is_empty() && secrets.is_empty() => None,
        None => return Err(wrong(&["kind"], "values without a `kind`")),
    };
    let event = match &event {
        Some(text) => Some(EventKind::parse(text).ok_or_else(|| wrong(&["event"], no_event(text)))?),
        None => None,
    };
    let run = match &run_id {
        Some(text) => Some(find_run(&app, &caller, text).await?),
        None => newest_run(&app, &caller, event.unwrap_or(EventKind::Failed)).await?,
    };
    let name = name.unwrap_or_default();
    Ok(Json(app.notifications.preview(&name, wish, event, run.as_ref()).await?.into()))
}

pub(super) fn no_event(text: &str) -> String {
    format!("there is no event `{text}`")
}

/// Also of a run that may not be seen: there is none.
async fn find_run(app: &App, caller: &Caller, text: &str) -> Result<Run, ApiError> {
    let found = match RunId::parse(text) {
        Ok(id) => app.engine.store().find_run(id).await?,
        Err(_) => None,
    };
    let found = found.filter(|run| caller.permissions.has_job(run.job_id.as_str()));
    found.ok_or_else(|| ApiError::not_found(format!("there is no run `{text}`")))
}

/// The newest run that such an event would be about, among those the caller may see.
async fn newest_run(app: &App, caller: &Caller, event: EventKind) -> Result<Option<Run>, ApiError> {
    let statuses = match event {
        EventKind::Failed => vec![RunStatus::Failed],
        EventKind::Succeeded | EventKind::Recovered => vec![RunStatus::Succeeded],
        EventKind::Canceled => vec![RunStatus::Canceled],
        EventKind::Skipped => vec![RunStatus::Skipped],
        EventKind::LongRun => vec![RunStatus::Running],
        EventKind::NoSuccess | EventKind::Test => return Ok(None),
    };
    let jobs: Vec<JobId> = match caller.permissions.only_jobs() {
        Some(jobs) if jobs.is_empty() => return Ok(None),
        Some(jobs) => jobs.into_iter().collect(),
        None => Vec::new(),
    };
    let filter = RunFilter { jobs, statuses, limit: 1, ..RunFilter::default() };
    Ok(app.engine.store().list_runs(&filter).await?.pop())
}
