//! Secrets by name: written and deleted here, never read. An answer has names, times and people, no value.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use host_model::secret::is_secret_name;
use serde::Deserialize;
use serde_json::{Value, json};

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::instant;

/// Longest secret, in bytes: a certificate with its key fits.
const LONGEST: usize = 64 * 1024;

/// The body of `PUT /admin/secrets/{name}`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretBody {
    value: String,
}

/// Every secret without its value.
#[utoipa::path(get, path = "/admin/secrets", tag = "secrets", responses((status = 200)))]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let secrets = app.secrets.list().await?;
    let view = secrets.iter().map(|secret| {
        json!({ "name": secret.name, "updated_at": instant(secret.updated_at), "updated_by": secret.updated_by })
    });
    Ok(Json(json!({ "secrets": view.collect::<Vec<_>>() })))
}

/// Writes one, in place of the one there was. Connectors that name it are read again.
#[utoipa::path(put, path = "/admin/secrets/{name}", tag = "secrets", params(("name" = String, Path)), responses((status = 200)))]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let SecretBody { value } = read_body(&headers, &body?)?;
    if !is_secret_name(&name) {
        let rule = "a letter or `_`, then up to 99 letters, digits, `_` and `-`";
        return Err(ApiError::invalid(format!("`{name}` is no name of a secret: {rule}")));
    }
    if value.is_empty() || value.len() > LONGEST {
        return Err(ApiError::invalid(format!("a secret has 1 to {LONGEST} bytes, not {}", value.len())));
    }
    let by = caller.trigger.to_string();
    app.secrets.put(&name, &value, &by).await?.map_err(|why| {
        ApiError::new(StatusCode::CONFLICT, "vault-closed", format!("the secret cannot be sealed: {why}"))
    })?;
    tracing::info!(by, name, "secret set");
    app.catalogue.reload().await;
    Ok(Json(json!({ "name": name, "updated_by": by })))
}

/// Deletes one.
#[utoipa::path(delete, path = "/admin/secrets/{name}", tag = "secrets", params(("name" = String, Path)), responses((status = 200)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<Value>, ApiError> {
    if !app.secrets.delete(&name).await? {
        return Err(ApiError::not_found(format!("there is no secret `{name}`")));
    }
    tracing::info!(by = %caller.trigger, name, "secret deleted");
    app.catalogue.reload().await;
    Ok(Json(json!({ "name": name })))
}
