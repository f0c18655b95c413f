//! Notifications: transports with write-only secrets, and what became of every message. The routes are in
//! `notification_routes`, how a message would look in `previews`.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use host_model::JsonMap;
use host_model::connector::Hidden;
use host_model::notify::Problem;
use host_model::notify::delivery::{DeliveryFilter, DeliveryStatus};
use host_model::notify::desk::{DeskError, SecretWish, TransportWish};
use host_model::notify::transport::TransportKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::notification::{AttemptView, DeliveryDetail, DeliveryView, TestView, TransportView};
use crate::view::words::TransportKindWord;

const MOST_DELIVERIES: u32 = 500;
const LONGEST_SECRET: usize = 4 * 1024;

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
    let list = problems.iter().map(|problem| {
        let mut told = json!({ "pointer": problem.pointer(), "message": problem.message });
        if let Some((line, column)) = problem.place {
            (told["line"], told["column"]) = (line.into(), column.into());
        }
        told
    });
    ApiError::invalid(told.join("; ")).with("problems", list.collect::<Vec<_>>())
}

pub(crate) fn wrong(path: &[&str], message: impl Into<String>) -> ApiError {
    invalid(&[Problem::new(path, message)])
}

pub(super) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// A transport as it is written.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TransportBody {
    #[schema(value_type = TransportKindWord, required = true)]
    pub(super) kind: String,
    /// True without it.
    pub(super) enabled: Option<bool>,
    /// What is not secret, by kind.
    #[schema(value_type = Object)]
    pub(super) settings: JsonMap,
    /// Those that are not named stay as they are.
    #[schema(value_type = BTreeMap<String, SecretWishBody>)]
    pub(super) secrets: JsonMap,
}

/// What is to become of a secret.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecretWish)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "only a shape in the document: `read_secret` reads it, and says of each field what is wrong"
)]
pub(crate) enum SecretWishBody {
    Keep { keep: bool },
    Set { set: String },
    Clear { clear: bool },
}

/// Every transport.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransportList {
    /// What links in messages begin with; null: there are none.
    public_url: Option<String>,
    /// Those of `app.toml` first.
    transports: Vec<TransportView>,
}

/// A transport that was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransportDeleted {
    deleted: String,
}

impl TransportBody {
    pub(super) fn wish(self) -> Result<TransportWish, ApiError> {
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
#[utoipa::path(get, path = "/admin/notifications/transports", tag = "notifications", responses((status = 200, body = TransportList)))]
pub(crate) async fn list_transports(State(app): State<App>) -> Result<Json<TransportList>, ApiError> {
    let cards = app.notifications.list_transports().await?;
    let transports = cards.iter().map(TransportView::from).collect();
    Ok(Json(TransportList { public_url: app.notifications.public_url(), transports }))
}

/// Writes a transport. Secrets that are not named stay as they are.
#[utoipa::path(put, path = "/admin/notifications/transports/{name}", tag = "notifications", params(("name" = String, Path)),
    request_body = TransportBody, responses((status = 200, body = TransportView), (status = 409), (status = 422)))]
pub(crate) async fn put_transport(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TransportView>, ApiError> {
    let body: TransportBody = read_body(&headers, &body?)?;
    let card = app.notifications.put_transport(&name, body.wish()?, &caller.trigger.to_string()).await?;
    Ok(Json((&card).into()))
}

/// Deletes a transport with its secrets.
#[utoipa::path(delete, path = "/admin/notifications/transports/{name}", tag = "notifications", params(("name" = String, Path)),
    responses((status = 200, body = TransportDeleted), (status = 404), (status = 409)))]
pub(crate) async fn delete_transport(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<TransportDeleted>, ApiError> {
    app.notifications.delete_transport(&name).await?;
    tracing::info!(by = %caller.trigger, transport = name, "notification transport deleted");
    Ok(Json(TransportDeleted { deleted: name }))
}

/// The body of a test.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = TestMessageBody)]
pub(crate) struct TestBody {
    /// Channel or address, in place of the transport's default.
    to: Option<String>,
}

/// Sends a real message over a transport and tells what the other side said.
#[utoipa::path(post, path = "/admin/notifications/transports/{name}/test", tag = "notifications", params(("name" = String, Path)),
    request_body = TestBody, responses((status = 200, body = TestView), (status = 404), (status = 422)))]
pub(crate) async fn test_transport(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TestView>, ApiError> {
    let TestBody { to } = read_body(&headers, &body?)?;
    let result = app.notifications.test(&name, None, to.as_deref(), &caller.trigger.to_string()).await?;
    Ok(Json(result.into()))
}

/// The body of a test of values that are not saved.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = UnsavedTransportBody)]
pub(crate) struct UnsavedBody {
    /// The transport whose secrets are kept where `{"keep": true}` says so.
    name: Option<String>,
    /// Channel or address, in place of the transport's default.
    to: Option<String>,
    #[schema(value_type = TransportKindWord, required = true)]
    kind: String,
    #[schema(value_type = Object)]
    settings: JsonMap,
    #[schema(value_type = BTreeMap<String, SecretWishBody>)]
    secrets: JsonMap,
}

/// Sends a real message over a transport as it would be, without saving it.
#[utoipa::path(post, path = "/admin/notifications/transport-tests", tag = "notifications",
    request_body = UnsavedBody, responses((status = 200, body = TestView), (status = 422)))]
pub(crate) async fn test_unsaved(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TestView>, ApiError> {
    let UnsavedBody { name, to, kind, settings, secrets } = read_body(&headers, &body?)?;
    let wish = TransportBody { kind, enabled: None, settings, secrets }.wish()?;
    let (name, by) = (name.unwrap_or_default(), caller.trigger.to_string());
    let result = app.notifications.test(&name, Some(wish), to.as_deref(), &by).await?;
    Ok(Json(result.into()))
}

/// Which deliveries to list.
#[derive(Deserialize, Default, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    transport: Option<String>,
    /// `PENDING`, `SENDING`, `SENT`, `FAILED` in any case, separated by commas.
    outcome: Option<String>,
    job: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 without one.
    limit: Option<u32>,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    /// Newest first.
    deliveries: Vec<DeliveryView>,
    /// For `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

/// A delivery that goes out once more.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryResent {
    /// The new one.
    id: String,
    resend_of: String,
}

/// Deliveries, newest first.
#[utoipa::path(get, path = "/admin/notifications/deliveries", tag = "notifications", params(DeliveryQuery),
    responses((status = 200, body = DeliveryPage), (status = 422)))]
pub(crate) async fn list_deliveries(
    State(app): State<App>,
    query: Result<Query<DeliveryQuery>, QueryRejection>,
) -> Result<Json<DeliveryPage>, ApiError> {
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
    let next_cursor = deliveries.last().filter(|_| is_full).map(|last| last.id.to_string());
    Ok(Json(DeliveryPage { deliveries: deliveries.iter().map(DeliveryView::from).collect(), next_cursor }))
}

fn delivery_id(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::not_found(format!("there is no delivery `{text}`")))
}

/// One delivery with its attempts.
#[utoipa::path(get, path = "/admin/notifications/deliveries/{id}", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryDetail), (status = 404)))]
pub(crate) async fn show_delivery(State(app): State<App>, Id(id): Id) -> Result<Json<DeliveryDetail>, ApiError> {
    let (delivery, attempts) = app.notifications.find_delivery(delivery_id(&id)?).await?;
    let attempt_list = attempts.iter().map(AttemptView::from).collect();
    Ok(Json(DeliveryDetail { delivery: (&delivery).into(), attempt_list }))
}

/// Sends a delivery that is over once more, as a new one.
#[utoipa::path(post, path = "/admin/notifications/deliveries/{id}/resend", tag = "notifications", params(("id" = String, Path)),
    responses((status = 202, body = DeliveryResent), (status = 404), (status = 422)))]
pub(crate) async fn resend(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<(StatusCode, Json<DeliveryResent>), ApiError> {
    let new = app.notifications.resend(delivery_id(&id)?, &caller.trigger.to_string()).await?;
    tracing::info!(by = %caller.trigger, delivery = id, "notification sent again");
    Ok((StatusCode::ACCEPTED, Json(DeliveryResent { id: new.to_string(), resend_of: id })))
}
