//! Writing the catalogue, one job at a time: its source, saving, switching, deleting, another id, and looking at a job
//! before it is saved.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use host_catalogue::edit::Content;
use host_model::JsonMap;
use host_model::version::VersionChange;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::desk::{DeskError, JobPatch, SaveDone, Target};
use crate::error::{ApiError, Id};
use crate::view::desk as view;

/// A job as submitted: with the keys of the file, or as the text of its table.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JobBody {
    app: Option<String>,
    #[schema(value_type = Option<Object>)]
    job: Option<JsonMap>,
    text: Option<String>,
    /// Of `validate`: the id of the job it would take the place of.
    replaces: Option<String>,
}

impl JobBody {
    fn content(&self) -> Result<Content, ApiError> {
        match (&self.job, &self.text) {
            (Some(job), None) => Ok(Content::Job(job.clone())),
            (None, Some(text)) => Ok(Content::Text(text.clone())),
            _ => Err(ApiError::invalid("the body has either `job`, an object, or `text`, its table in TOML")),
        }
    }
}

/// The tag a caller expects; `None` when it names none, or any.
pub(crate) fn if_match(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::IF_MATCH)?.to_str().ok()?.trim();
    let tag = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    (tag != "*").then(|| tag.to_owned())
}

/// The tag a caller has to expect.
pub(crate) fn need_match(headers: &HeaderMap) -> Result<String, ApiError> {
    if_match(headers).ok_or_else(|| {
        ApiError::new(StatusCode::PRECONDITION_REQUIRED, "if-match-required", "the request has no `If-Match`")
            .with("hint", "send the `ETag` of what you read, so that nobody's work is written over")
    })
}

pub(crate) fn with_etag(etag: &str, status: StatusCode, body: impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

fn done(status: StatusCode, saved: &SaveDone) -> Response {
    with_etag(&saved.etag, status, view::SavedView::from(saved))
}

/// What is saved for a job.
#[utoipa::path(get, path = "/admin/jobs/{id}/source", tag = "catalogue", params(("id" = String, Path)), responses((status = 200, body = view::SourceView)))]
pub(crate) async fn source(State(app): State<App>, Id(id): Id) -> Result<Response, ApiError> {
    let source = app.desk.source(&id).await?;
    let etag = source.etag.clone();
    Ok(with_etag(&etag, StatusCode::OK, view::SourceView::from(source)))
}

/// Saves a new job.
#[utoipa::path(post, path = "/admin/jobs", tag = "catalogue", request_body = JobBody, responses((status = 201, body = view::SavedView)))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body: JobBody = read_body(&headers, &body?)?;
    let content = body.content()?;
    let Some(of) = body.app.as_deref() else { return Err(ApiError::invalid("the body names no `app`")) };
    let saved = app.desk.save(Target::New(of), &content, &caller.user, VersionChange::Create).await?;
    tracing::info!(by = caller.user, job.id = saved.id, "job created");
    Ok(done(StatusCode::CREATED, &saved))
}

/// Saves a job over the one there is.
#[utoipa::path(put, path = "/admin/jobs/{id}", tag = "catalogue", params(("id" = String, Path)), request_body = JobBody,
    responses((status = 200, body = view::SavedView)))]
pub(crate) async fn replace(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body: JobBody = read_body(&headers, &body?)?;
    let content = body.content()?;
    let etag = match need_match(&headers) {
        Ok(etag) => etag,
        Err(_) if headers.contains_key(header::IF_MATCH) => app.desk.source(&id).await?.etag,
        Err(error) => return Err(error),
    };
    let saved = app.desk.save(Target::Saved(&id, &etag), &content, &caller.user, VersionChange::Edit).await?;
    tracing::info!(by = caller.user, job.id = id, version = saved.version, "job saved");
    Ok(done(StatusCode::OK, &saved))
}

/// The body of `PATCH /admin/jobs/{id}`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PatchBody {
    enabled: Option<bool>,
    tags: Option<Vec<String>>,
    description: Option<String>,
    schedules: BTreeMap<String, SchedulePatch>,
}

#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SchedulePatch {
    enabled: bool,
}

/// Switches a job or its schedules, or sets its tags or description.
#[utoipa::path(patch, path = "/admin/jobs/{id}", tag = "catalogue", params(("id" = String, Path)), request_body = PatchBody,
    responses((status = 200, body = view::SavedView)))]
pub(crate) async fn patch(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body: PatchBody = read_body(&headers, &body?)?;
    let schedules = body.schedules.into_iter().map(|(name, patch)| (name, patch.enabled)).collect();
    let patch = JobPatch { enabled: body.enabled, tags: body.tags, description: body.description, schedules };
    let saved = app.desk.patch(&id, &patch, if_match(&headers).as_deref(), &caller.user).await?;
    tracing::info!(by = caller.user, job.id = id, enabled = patch.enabled, "job set");
    Ok(done(StatusCode::OK, &saved))
}

/// A job that is not in the catalogue any more.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobDeleted {
    deleted: String,
}

/// Takes a job out of the catalogue. Its history stays.
#[utoipa::path(delete, path = "/admin/jobs/{id}", tag = "catalogue", params(("id" = String, Path)), responses((status = 200, body = JobDeleted)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Json<JobDeleted>, ApiError> {
    app.desk.delete(&id, if_match(&headers).as_deref(), &caller.user).await?;
    tracing::info!(by = caller.user, job.id = id, "job deleted");
    Ok(Json(JobDeleted { deleted: id }))
}

/// The body of `POST /admin/jobs/{id}/rename`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RenameBody {
    id: String,
}

/// Gives a job another id. History, slots and versions follow.
#[utoipa::path(post, path = "/admin/jobs/{id}/rename", tag = "catalogue", params(("id" = String, Path)), request_body = RenameBody,
    responses((status = 200, body = view::SavedView)))]
pub(crate) async fn rename(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body: RenameBody = read_body(&headers, &body?)?;
    let saved = app.desk.rename(&id, &body.id, &caller.user).await?;
    tracing::info!(by = caller.user, job.id = id, to = saved.id, "job renamed");
    Ok(done(StatusCode::OK, &saved))
}

/// What is wrong with a job that is not saved yet, and when it would fire.
#[utoipa::path(post, path = "/admin/jobs/validate", tag = "catalogue", request_body = JobBody, responses((status = 200, body = view::CheckedView)))]
pub(crate) async fn validate(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<view::CheckedView>, ApiError> {
    let body: JobBody = read_body(&headers, &body?)?;
    let content = body.content()?;
    let found = app.desk.check(body.app.as_deref(), &content, body.replaces.as_deref()).await;
    match found {
        Ok(checked) => Ok(Json((&checked).into())),
        // A text that is not TOML is an answer here, not a wrong question.
        Err(DeskError::Invalid(findings)) => Ok(Json((&crate::desk::Checked { findings, next: Vec::new() }).into())),
        Err(error) => Err(error.into()),
    }
}
