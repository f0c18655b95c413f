//! The ordered list of routes, and who would get what along it. Writing needs the version that was read.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use host_model::notify::EventKind;
use host_model::notify::desk::RouteList;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::jobs::read_body;
use super::notifications::{etag, wrong};
use super::previews::no_event;
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::notification_route::{RoutesView, Simulation};
use crate::view::words::{AlertEventWord, AlertSeverityWord, QuietWord};

const MOST_ROUTES: usize = 500;

fn answer(list: &RouteList) -> Response {
    ([(header::ETAG, etag(list.version))], Json(RoutesView::from(list))).into_response()
}

/// The routes, those of `app.toml` first.
#[utoipa::path(get, path = "/admin/notifications/routes", tag = "notifications", responses((status = 200, body = RoutesView)))]
pub(crate) async fn list_routes(State(app): State<App>) -> Result<Response, ApiError> {
    Ok(answer(&app.notifications.list_routes().await?))
}

/// The body of `PUT /admin/notifications/routes`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = AlertRoutesBody)]
pub(crate) struct RoutesBody {
    #[schema(value_type = Vec<RouteBody>, required = true)]
    routes: Vec<Value>,
}

/// A route as it is written; a key that is left out is at its default.
#[derive(ToSchema)]
#[schema(as = AlertRouteBody)]
#[expect(dead_code, reason = "only a shape in the document: the model reads it, and says of each key what is wrong")]
pub(crate) struct RouteBody {
    name: String,
    enabled: Option<bool>,
    jobs: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    events: Option<Vec<AlertEventWord>>,
    min_severity: Option<AlertSeverityWord>,
    recipients: Option<Vec<String>>,
    #[schema(rename = "continue")]
    goes_on: Option<bool>,
    quiet_hours: Option<QuietBody>,
    #[schema(minimum = 0, maximum = 3600)]
    group_seconds: Option<u32>,
}

/// When a route does not disturb.
#[derive(ToSchema)]
#[schema(as = QuietHoursBody)]
#[expect(dead_code, reason = "as of the route")]
pub(crate) struct QuietBody {
    #[schema(example = "22:00")]
    from: String,
    #[schema(example = "07:00")]
    to: String,
    /// That of the server without it.
    timezone: Option<String>,
    /// `hold` without it.
    then: Option<QuietWord>,
    let_through: Option<AlertSeverityWord>,
}

/// Replaces the stored routes, if `If-Match` names their version.
#[utoipa::path(put, path = "/admin/notifications/routes", tag = "notifications", request_body = RoutesBody,
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of the routes that were read")),
    responses((status = 200, body = RoutesView), (status = 409), (status = 422), (status = 428)))]
pub(crate) async fn put_routes(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let RoutesBody { routes } = read_body(&headers, &body?)?;
    let Some(sent) = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()) else {
        let detail = "send the `ETag` of the routes as `If-Match`";
        return Err(ApiError::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail));
    };
    let version = sent
        .trim()
        .trim_matches('"')
        .parse()
        .map_err(|_| ApiError::invalid(format!("`If-Match` is `{sent}`, which is no `ETag` of the routes")))?;
    if routes.len() > MOST_ROUTES {
        return Err(wrong(
            &["routes"],
            format!("there are {} routes; at most {MOST_ROUTES} are allowed", routes.len()),
        ));
    }
    Ok(answer(&app.notifications.put_routes(version, &routes, &caller.trigger.to_string()).await?))
}

/// The body of `POST /admin/notifications/routes/simulate`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SimulateBody {
    #[schema(required = true)]
    job: String,
    /// In place of those of the job.
    tags: Option<Vec<String>>,
    #[schema(value_type = AlertEventWord, required = true)]
    event: String,
}

/// Who would get what, were this to happen to the job now.
#[utoipa::path(post, path = "/admin/notifications/routes/simulate", tag = "notifications", request_body = SimulateBody,
    responses((status = 200, body = Simulation), (status = 422)))]
pub(crate) async fn simulate(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Simulation>, ApiError> {
    let SimulateBody { job, tags, event } = read_body(&headers, &body?)?;
    let kind = EventKind::parse(&event).filter(|kind| *kind != EventKind::Test);
    let kind = kind.ok_or_else(|| wrong(&["event"], no_event(&event)))?;
    let told = app.notifications.simulate(&job, tags, kind).await?;
    let recipients = told.into_iter().map(Into::into).collect();
    Ok(Json(Simulation { severity: kind.severity().as_str(), recipients }))
}
