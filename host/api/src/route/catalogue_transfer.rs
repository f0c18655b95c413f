//! Many jobs at once: the jobs of an app as one document, and the whole catalogue out of one home and into another.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use host_model::JsonMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::catalogue::{need_match, with_etag};
use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::desk::ImportOptions;
use crate::error::{ApiError, Id};
use crate::view::desk as view;

/// Largest document taken: a catalogue of many thousand jobs.
pub(crate) const MOST_BYTES: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppQuery {
    app: Option<String>,
}

/// The jobs of an app, with the keys of its file.
#[utoipa::path(get, path = "/admin/config/jobs/parsed", tag = "catalogue", params(("app" = Option<String>, Query)),
    responses((status = 200, body = view::AppJobsView)))]
pub(crate) async fn parsed(
    State(app): State<App>,
    query: Result<Query<AppQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let jobs = app.desk.jobs_of(query.app.as_deref()).await?;
    let etag = jobs.etag.clone();
    Ok(with_etag(&etag, StatusCode::OK, view::AppJobsView::from(jobs)))
}

/// The jobs of an app that were put in place of others.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppJobsSaved {
    #[serde(flatten)]
    jobs: view::AppJobsView,
    /// How many.
    saved: usize,
}

/// The body of `PUT /admin/config/jobs/parsed`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JobsBody {
    #[schema(value_type = Vec<Object>)]
    jobs: Vec<JsonMap>,
    /// Stays as it is in the file.
    #[serde(rename = "meta")]
    #[schema(value_type = Option<Object>)]
    _meta: Option<JsonMap>,
}

/// Puts these jobs in place of all of an app.
#[utoipa::path(put, path = "/admin/config/jobs/parsed", tag = "catalogue", params(("app" = Option<String>, Query)), request_body = JobsBody,
    responses((status = 200, body = AppJobsSaved)))]
pub(crate) async fn put_parsed(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<AppQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let body: JobsBody = read_body(&headers, &body?)?;
    let etag = need_match(&headers)?;
    let of = match query.app {
        Some(of) => of,
        None => app.desk.jobs_of(None).await?.app,
    };
    let jobs = app.desk.replace_jobs_of(&of, &body.jobs, &etag, &caller.user).await?;
    tracing::info!(by = caller.user, app = of, jobs = jobs.jobs.len(), "jobs replaced");
    let (etag, saved) = (jobs.etag.clone(), jobs.jobs.len());
    Ok(with_etag(&etag, StatusCode::OK, AppJobsSaved { jobs: jobs.into(), saved }))
}

/// The whole catalogue as a snapshot, without secrets in clear.
#[utoipa::path(get, path = "/admin/catalogue/export", tag = "catalogue", responses((status = 200, body = Object)))]
pub(crate) async fn export(State(app): State<App>) -> Result<Response, ApiError> {
    let mut response = Json(app.desk.export().await?).into_response();
    let attachment = HeaderValue::from_static("attachment; filename=\"nomaflow-catalogue.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment);
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    dry_run: Option<bool>,
    strategy: Option<String>,
}

/// Takes a snapshot over: every job is checked before any is in force.
#[utoipa::path(post, path = "/admin/catalogue/import", tag = "catalogue",
    params(("dry_run" = Option<bool>, Query), ("strategy" = Option<String>, Query)), request_body = Object,
    responses((status = 200, body = view::PlanView)))]
pub(crate) async fn import(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ImportQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<view::PlanView>, ApiError> {
    let Query(query) = query?;
    let replace = match query.strategy.as_deref() {
        None | Some("merge") => false,
        Some("replace") => true,
        Some(other) => {
            return Err(ApiError::invalid(format!("strategy is `{other}`; allowed are `merge` and `replace`")));
        }
    };
    let snapshot: JsonMap = read_body(&headers, &body?)?;
    let options = ImportOptions { replace, dry_run: query.dry_run.unwrap_or(false) };
    let plan = app.desk.import(&Value::Object(snapshot), options, &caller.user).await?;
    if plan.applied {
        tracing::info!(by = caller.user, new = plan.new.len(), changed = plan.changed.len(), "catalogue imported");
    }
    Ok(Json((&plan).into()))
}

/// One job as a file.
#[utoipa::path(get, path = "/admin/jobs/{id}/export", tag = "catalogue", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/toml")))]
pub(crate) async fn export_job(State(app): State<App>, Id(id): Id) -> Result<Response, ApiError> {
    let source = app.desk.source(&id).await?;
    let mut response = source.whole.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/toml; charset=utf-8"));
    // The id has letters, digits, `-` and `_` only, or the job would not be valid; any other is left out.
    let name = format!("attachment; filename=\"{}.toml\"", source.id);
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
