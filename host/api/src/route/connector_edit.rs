//! Changing connectors and their pools: what is saved, saving, renaming, taking out, and testing what is not saved yet.
//! Passwords are write-only, with the wishes of transports: `{"keep": true}`, `{"set": "…"}`, `{"clear": true}`.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Json};
use host_model::notify::desk::SecretWish;
use host_model::{CancelToken, JsonMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalogue::{if_match, need_match, with_etag};
use super::connectors::{ConnectorTestView, Giving};
use super::jobs::read_body;
use super::notifications::read_secret;
use crate::App;
use crate::auth::Caller;
use crate::connector_desk::{ConnectorSource, ConnectorWish};
use crate::error::{ApiError, Id};
use crate::view::connector as view;

/// A connector as submitted.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConnectorBody {
    /// Of a new one, and of a test of one that is saved already.
    name: Option<String>,
    /// The keys of `[connectors.<name>]`.
    connector: JsonMap,
    /// Those of its pool; left out, the pool stays as it is.
    pool: Option<JsonMap>,
    /// `password`.
    secrets: JsonMap,
}

impl ConnectorBody {
    fn wish(self) -> Result<ConnectorWish, ApiError> {
        let mut password = SecretWish::Keep;
        for (field, wish) in &self.secrets {
            if field != "password" {
                return Err(ApiError::invalid(format!("there is no secret `{field}`; connectors have a `password`")));
            }
            password = read_secret(wish).ok_or_else(|| {
                let forms = "`{\"keep\": true}`, `{\"set\": \"…\"}`, `{\"clear\": true}`";
                ApiError::invalid(format!("`secrets.password` must be one of {forms}"))
            })?;
        }
        Ok(ConnectorWish { values: self.connector, pool: self.pool, password })
    }

    fn need_name(&mut self) -> Result<String, ApiError> {
        self.name.take().filter(|name| !name.is_empty()).ok_or_else(|| ApiError::invalid("the body names no `name`"))
    }
}

fn answer(status: StatusCode, source: &ConnectorSource) -> Response {
    with_etag(&source.etag, status, view::source(source))
}

/// What is saved for a connector, without its password, and who names it.
#[utoipa::path(get, path = "/admin/connectors/{name}", tag = "connectors",
    params(("name" = String, Path)), responses((status = 200), (status = 404)))]
pub(crate) async fn source(State(app): State<App>, Id(name): Id) -> Result<Response, ApiError> {
    Ok(answer(StatusCode::OK, &app.connector_editor.source(&name).await?))
}

/// Every pool, without its password.
#[utoipa::path(get, path = "/admin/pools", tag = "connectors", responses((status = 200)))]
pub(crate) async fn pools(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let pools = app.connector_editor.pools().await?;
    Ok(Json(json!({ "pools": pools.iter().map(view::pool).collect::<Vec<_>>() })))
}

/// Saves a new connector, with its pool where one is given.
#[utoipa::path(post, path = "/admin/connectors", tag = "connectors", responses((status = 201), (status = 409), (status = 422)))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let mut body: ConnectorBody = read_body(&headers, &body?)?;
    let name = body.need_name()?;
    let source = app.connector_editor.create(&name, &body.wish()?, &caller.user).await?;
    tracing::info!(by = caller.user, connector = name, "connector created");
    Ok(answer(StatusCode::CREATED, &source))
}

/// Saves a connector over the one there is. A password that is not named stays.
#[utoipa::path(put, path = "/admin/connectors/{name}", tag = "connectors",
    params(("name" = String, Path)), responses((status = 200), (status = 404), (status = 409), (status = 422), (status = 428)))]
pub(crate) async fn save(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body: ConnectorBody = read_body(&headers, &body?)?;
    let etag = match need_match(&headers) {
        Ok(etag) => Some(etag),
        // `If-Match: *`: whatever is saved.
        Err(_) if headers.contains_key(header::IF_MATCH) => None,
        Err(error) => return Err(error),
    };
    let source = app.connector_editor.save(&name, etag.as_deref(), &body.wish()?, &caller.user).await?;
    tracing::info!(by = caller.user, connector = name, "connector saved");
    Ok(answer(StatusCode::OK, &source))
}

/// Takes a connector out, and its pool unless another one uses it. Refused while a job or a plugin names it.
#[utoipa::path(delete, path = "/admin/connectors/{name}", tag = "connectors",
    params(("name" = String, Path)), responses((status = 200), (status = 404), (status = 409)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    app.connector_editor.delete(&name, if_match(&headers).as_deref()).await?;
    tracing::info!(by = caller.user, connector = name, "connector deleted");
    Ok(Json(json!({ "deleted": name })))
}

/// Takes a pool out that no connector uses.
#[utoipa::path(delete, path = "/admin/pools/{name}", tag = "connectors",
    params(("name" = String, Path)), responses((status = 200), (status = 404), (status = 409)))]
pub(crate) async fn delete_pool(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<Value>, ApiError> {
    app.connector_editor.delete_pool(&name).await?;
    tracing::info!(by = caller.user, pool = name, "pool deleted");
    Ok(Json(json!({ "deleted": name })))
}

/// The body of a rename.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RenameBody {
    to: String,
    /// Only say who names it.
    dry_run: bool,
}

/// Gives a connector another name, in every file that names it or in none.
#[utoipa::path(post, path = "/admin/connectors/{name}/rename", tag = "connectors",
    params(("name" = String, Path)), responses((status = 200), (status = 404), (status = 409), (status = 422)))]
pub(crate) async fn rename(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let RenameBody { to, dry_run } = read_body(&headers, &body?)?;
    let found = app.connector_editor.rename(&name, &to, dry_run, &caller.user).await?;
    if !dry_run {
        tracing::info!(by = caller.user, connector = name, to, "connector renamed");
    }
    Ok(Json(json!({ "from": name, "to": to, "references": view::references(&found), "applied": !dry_run })))
}

/// Tests a connector as it would be, with the password that is saved where `secrets` keeps it. Nothing is saved.
#[utoipa::path(post, path = "/admin/connector-tests", tag = "connectors",
    responses((status = 200, body = ConnectorTestView), (status = 422)))]
pub(crate) async fn test_unsaved(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ConnectorTestView>, ApiError> {
    let mut body: ConnectorBody = read_body(&headers, &body?)?;
    let name = body.need_name()?;
    let giving = Giving(CancelToken::new());
    let report = app.connector_editor.test(&name, &body.wish()?, &giving.0).await?;
    Ok(Json(report.into()))
}
