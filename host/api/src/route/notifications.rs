//! Notifications: transports with write-only secrets, the ordered list of routes, who would get what, and what became of
//! every message.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use host_model::JsonMap;
use host_model::connector::Hidden;
use host_model::notify::delivery::{DeliveryFilter, DeliveryStatus};
use host_model::notify::desk::{DeskError, SecretWish, TransportWish};
use host_model::notify::transport::TransportKind;
use host_model::notify::{EventKind, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::notification::{attempt_view, delivery_view, routes_view, test_view, transport_view};

const MOST_DELIVERIES: u32 = 500;
const LONGEST_SECRET: usize = 4 * 1024;
const MOST_ROUTES: usize = 500;

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        match error {
            DeskError::Store(error) => error.into(),
            DeskError::NotFound(_) => Self::not_found(detail),
            DeskError::FromFile(_) => Self::new(StatusCode::CONFLICT, "from-file", detail),
            DeskError::Invalid(problems) => invalid(&problems),
            DeskError::Stale(version) => {
                Self::new(StatusCode::CONFLICT, "stale", detail).with("current", json!({ "etag": etag(version) }))
            }
            DeskError::Sealed(_) => Self::new(StatusCode::CONFLICT, "vault-closed", detail),
        }
    }
}

fn invalid(problems: &[Problem]) -> ApiError {
    let told: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let list = problems.iter().map(|problem| json!({ "pointer": problem.pointer(), "message": problem.message }));
    ApiError::invalid(told.join("; ")).with("problems", list.collect::<Vec<_>>())
}

pub(crate) fn wrong(path: &[&str], message: impl Into<String>) -> ApiError {
    invalid(&[Problem::new(path, message)])
}

fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// A transport as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TransportBody {
    kind: String,
    enabled: Option<bool>,
    settings: JsonMap,
    secrets: JsonMap,
}

impl TransportBody {
    fn wish(self) -> Result<TransportWish, ApiError> {
        let Some(kind) = TransportKind::parse(&self.kind) else {
            let all: Vec<String> = TransportKind::ALL.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
            return Err(wrong(&["kind"], format!("`kind` is `{}`; allowed are {}", self.kind, all.join(", "))));
        };
        let mut secrets = Vec::new();
        for (field, wish) in self.secrets {
            let read = read_secret(&wish).ok_or_else(|| {
                let forms = "`{\"keep\": true}`, `{\"set\": \"…\"}`, `{\"clear\": true}`";
                wrong(&["secrets", &field], format!("`{field}` must be one of {forms}"))
            })?;
            secrets.push((field, read));
        }
        Ok(TransportWish { kind, enabled: self.enabled.unwrap_or(true), settings: self.settings, secrets })
    }
}

pub(crate) fn read_secret(wish: &Value) -> Option<SecretWish> {
    let map = wish.as_object().filter(|map| map.len() == 1)?;
    let (word, value) = map.iter().next()?;
    match (word.as_str(), value) {
        ("keep", Value::Bool(true)) => Some(SecretWish::Keep),
        ("clear", Value::Bool(true)) => Some(SecretWish::Clear),
        ("set", Value::String(text)) if (1..=LONGEST_SECRET).contains(&text.len()) => {
            Some(SecretWish::Set(Hidden::new(text.as_str())))
        }
        _ => None,
    }
}

/// Every transport, without its secrets.
#[utoipa::path(get, path = "/admin/notifications/transports", tag = "notifications", responses((status = 200)))]
pub(crate) async fn list_transports(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let cards = app.notifications.list_transports().await?;
    let transports: Vec<Value> = cards.iter().map(transport_view).collect();
    Ok(Json(json!({ "public_url": app.notifications.public_url(), "transports": transports })))
}

/// Writes a transport. Secrets that are not named stay as they are.
#[utoipa::path(put, path = "/admin/notifications/transports/{name}", tag = "notifications", params(("name" = String, Path)), responses((status = 200), (status = 409), (status = 422)))]
pub(crate) async fn put_transport(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let body: TransportBody = read_body(&headers, &body?)?;
    let card = app.notifications.put_transport(&name, body.wish()?, &caller.trigger.to_string()).await?;
    Ok(Json(transport_view(&card)))
}

/// Deletes a transport with its secrets.
#[utoipa::path(delete, path = "/admin/notifications/transports/{name}", tag = "notifications", params(("name" = String, Path)), responses((status = 200), (status = 404), (status = 409)))]
pub(crate) async fn delete_transport(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<Value>, ApiError> {
    app.notifications.delete_transport(&name).await?;
    tracing::info!(by = %caller.trigger, transport = name, "notification transport deleted");
    Ok(Json(json!({ "deleted": name })))
}

/// The body of a test.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TestBody {
    /// Channel or address, in place of the transport's default.
    to: Option<String>,
}

/// Sends a real message over a transport and tells what the other side said.
#[utoipa::path(post, path = "/admin/notifications/transports/{name}/test", tag = "notifications", params(("name" = String, Path)), responses((status = 200), (status = 404), (status = 422)))]
pub(crate) async fn test_transport(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let TestBody { to } = read_body(&headers, &body?)?;
    let result = app.notifications.test(&name, None, to.as_deref(), &caller.trigger.to_string()).await?;
    Ok(Json(test_view(&result)))
}

/// The body of a test of values that are not saved.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UnsavedBody {
    /// The transport whose secrets are kept where `{"keep": true}` says so.
    name: Option<String>,
    to: Option<String>,
    kind: String,
    settings: JsonMap,
    secrets: JsonMap,
}

/// Sends a real message over a transport as it would be, without saving it.
#[utoipa::path(post, path = "/admin/notifications/transport-tests", tag = "notifications", responses((status = 200), (status = 422)))]
pub(crate) async fn test_unsaved(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let UnsavedBody { name, to, kind, settings, secrets } = read_body(&headers, &body?)?;
    let wish = TransportBody { kind, enabled: None, settings, secrets }.wish()?;
    let (name, by) = (name.unwrap_or_default(), caller.trigger.to_string());
    let result = app.notifications.test(&name, Some(wish), to.as_deref(), &by).await?;
    Ok(Json(test_view(&result)))
}

/// The routes, those of `app.toml` first.
#[utoipa::path(get, path = "/admin/notifications/routes", tag = "notifications", responses((status = 200)))]
pub(crate) async fn list_routes(State(app): State<App>) -> Result<Response, ApiError> {
    let list = app.notifications.list_routes().await?;
    Ok(([(header::ETAG, etag(list.version))], Json(routes_view(&list))).into_response())
}

/// The body of `PUT /admin/notifications/routes`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RoutesBody {
    routes: Vec<Value>,
}

/// Replaces the stored routes, if `If-Match` names their version.
#[utoipa::path(put, path = "/admin/notifications/routes", tag = "notifications", responses((status = 200), (status = 409), (status = 422), (status = 428)))]
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
    let list = app.notifications.put_routes(version, &routes, &caller.trigger.to_string()).await?;
    Ok(([(header::ETAG, etag(list.version))], Json(routes_view(&list))).into_response())
}

/// The body of `POST /admin/notifications/routes/simulate`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SimulateBody {
    job: String,
    /// In place of those of the job.
    tags: Option<Vec<String>>,
    event: String,
}

/// Who would get what, were this to happen to the job now.
#[utoipa::path(post, path = "/admin/notifications/routes/simulate", tag = "notifications", responses((status = 200), (status = 422)))]
pub(crate) async fn simulate(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let SimulateBody { job, tags, event } = read_body(&headers, &body?)?;
    let kind = EventKind::parse(&event).filter(|kind| *kind != EventKind::Test);
    let kind = kind.ok_or_else(|| wrong(&["event"], format!("there is no event `{event}`")))?;
    let told = app.notifications.simulate(&job, tags, kind).await?;
    let view = told.iter().map(|told| {
        json!({
            "transport": told.transport, "recipient": told.recipient, "route": told.route,
            "hold_until": told.hold_until.map(crate::view::instant), "group_seconds": told.group_seconds,
            "failure": told.failure, "muted_until": told.muted_until.map(crate::view::instant),
        })
    });
    Ok(Json(json!({ "severity": kind.severity().as_str(), "recipients": view.collect::<Vec<_>>() })))
}

/// Which deliveries to list.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeliveryQuery {
    transport: Option<String>,
    outcome: Option<String>,
    job: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Deliveries, newest first.
#[utoipa::path(get, path = "/admin/notifications/deliveries", tag = "notifications",
    params(("transport" = Option<String>, Query), ("outcome" = Option<String>, Query), ("job" = Option<String>, Query), ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 422)))]
pub(crate) async fn list_deliveries(
    State(app): State<App>,
    query: Result<Query<DeliveryQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query?;
    let mut statuses = Vec::new();
    for word in query.outcome.iter().flat_map(|words| words.split(',')) {
        let status = DeliveryStatus::parse(&word.trim().to_ascii_uppercase());
        statuses.push(status.ok_or_else(|| {
            ApiError::invalid(format!("`outcome` is `{word}`; allowed are PENDING, SENDING, SENT, FAILED"))
        })?);
    }
    let before = query.cursor.map(|cursor| cursor.parse::<i64>()).transpose();
    let before = before.map_err(|_| ApiError::invalid("`cursor` is none that this address gave"))?;
    let limit = query.limit.unwrap_or(50).clamp(1, MOST_DELIVERIES);
    let filter = DeliveryFilter { transport: query.transport, statuses, job: query.job, before, limit };
    let deliveries = app.notifications.list_deliveries(&filter).await?;
    let is_full = u32::try_from(deliveries.len()).is_ok_and(|count| count == limit);
    let next = deliveries.last().filter(|_| is_full).map(|last| last.id.to_string());
    let view: Vec<Value> = deliveries.iter().map(delivery_view).collect();
    Ok(Json(json!({ "deliveries": view, "next_cursor": next })))
}

fn delivery_id(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::not_found(format!("there is no delivery `{text}`")))
}

/// One delivery with its attempts.
#[utoipa::path(get, path = "/admin/notifications/deliveries/{id}", tag = "notifications", params(("id" = String, Path)), responses((status = 200), (status = 404)))]
pub(crate) async fn show_delivery(State(app): State<App>, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let (delivery, attempts) = app.notifications.find_delivery(delivery_id(&id)?).await?;
    let mut view = delivery_view(&delivery);
    view["attempt_list"] = attempts.iter().map(attempt_view).collect();
    Ok(Json(view))
}

/// Sends a delivery that is over once more, as a new one.
#[utoipa::path(post, path = "/admin/notifications/deliveries/{id}/resend", tag = "notifications", params(("id" = String, Path)), responses((status = 202), (status = 404), (status = 422)))]
pub(crate) async fn resend(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = app.notifications.resend(delivery_id(&id)?, &caller.trigger.to_string()).await?;
    tracing::info!(by = %caller.trigger, delivery = id, "notification sent again");
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": new.to_string(), "resend_of": id }))))
}
