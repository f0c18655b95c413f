//! What was saved for a job before: versions, what changed between them, putting one back.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use host_catalogue::edit::unified;
use host_model::version::JobVersion;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::catalogue::{if_match, with_etag};
use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::desk::DeskError;
use crate::error::{ApiError, Id};
use crate::view::desk as view;

/// What was saved for a job before.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobVersionList {
    versions: Vec<view::VersionView>,
}

/// A version with its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobVersionText {
    #[serde(flatten)]
    version: view::VersionView,
    text: String,
}

/// What changed between two versions.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobDiff {
    /// Null: there was none before.
    from: Option<u32>,
    /// Null: what is saved now.
    to: Option<u32>,
    unified: String,
}

/// The versions of a job, newest first.
#[utoipa::path(get, path = "/admin/jobs/{id}/versions", tag = "catalogue", params(("id" = String, Path)), responses((status = 200, body = JobVersionList)))]
pub(crate) async fn list(State(app): State<App>, Id(id): Id) -> Result<Json<JobVersionList>, ApiError> {
    let versions = versions_of(&app, &id).await?;
    Ok(Json(JobVersionList { versions: versions.iter().map(view::VersionView::from).collect() }))
}

async fn versions_of(app: &App, id: &str) -> Result<Vec<JobVersion>, ApiError> {
    let versions = app.desk.versions(id).await?;
    if versions.is_empty() {
        // A job nobody has noticed yet has no versions; one that never was is not found.
        app.desk.source(id).await?;
    }
    Ok(versions)
}

fn find<'v>(versions: &'v [JobVersion], id: &str, number: u32) -> Result<&'v JobVersion, ApiError> {
    let found = versions.iter().find(|version| version.number == number);
    found.ok_or_else(|| DeskError::NoVersion { id: id.to_owned(), number }.into())
}

/// One version with its text.
#[utoipa::path(get, path = "/admin/jobs/{id}/versions/{version}", tag = "catalogue",
    params(("id" = String, Path), ("version" = u32, Path)), responses((status = 200, body = JobVersionText)))]
pub(crate) async fn show(
    State(app): State<App>,
    path: Result<Path<(String, u32)>, PathRejection>,
) -> Result<Json<JobVersionText>, ApiError> {
    let Path((id, number)) = path?;
    let versions = versions_of(&app, &id).await?;
    let found = find(&versions, &id, number)?;
    Ok(Json(JobVersionText { version: found.into(), text: found.version.text.clone() }))
}

/// Which versions are compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    /// The version before the other one, when it is not said.
    from: Option<u32>,
    /// What is saved now, when it is not said.
    to: Option<u32>,
}

/// What changed between two versions.
#[utoipa::path(get, path = "/admin/jobs/{id}/diff", tag = "catalogue",
    params(("id" = String, Path), ("from" = Option<u32>, Query), ("to" = Option<u32>, Query)), responses((status = 200, body = JobDiff)))]
pub(crate) async fn diff(
    State(app): State<App>,
    Id(id): Id,
    query: Result<Query<DiffQuery>, QueryRejection>,
) -> Result<Json<JobDiff>, ApiError> {
    let Query(query) = query?;
    let versions = versions_of(&app, &id).await?;
    let from = match (query.from, query.to) {
        (Some(number), _) => Some(find(&versions, &id, number)?),
        (None, Some(to)) => versions.iter().find(|version| version.number < to),
        (None, None) => versions.get(1),
    };
    let (to_text, to_name) = match query.to {
        Some(number) => (find(&versions, &id, number)?.version.text.clone(), format!("{id} version {number}")),
        None => (app.desk.source(&id).await?.whole, format!("{id} now")),
    };
    let (from_text, from_name) = from.map_or_else(Default::default, |version| {
        (version.version.text.clone(), format!("{id} version {}", version.number))
    });
    let text = unified(&from_text, &to_text, &from_name, &to_name);
    Ok(Json(JobDiff { from: from.map(|version| version.number), to: query.to, unified: text }))
}

/// The body of `POST /admin/jobs/{id}/restore`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RestoreBody {
    version: u32,
}

/// Puts a version back; it becomes the newest.
#[utoipa::path(post, path = "/admin/jobs/{id}/restore", tag = "catalogue", params(("id" = String, Path)), request_body = RestoreBody,
    responses((status = 200, body = view::SavedView)))]
pub(crate) async fn restore(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body: RestoreBody = read_body(&headers, &body?)?;
    let saved = app.desk.restore(&id, body.version, if_match(&headers).as_deref(), &caller.user).await?;
    tracing::info!(by = caller.user, job.id = id, version = body.version, "job restored");
    Ok(with_etag(&saved.etag, StatusCode::OK, view::SavedView::from(&saved)))
}
