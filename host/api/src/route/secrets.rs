//! Secrets by name: written and deleted here, never read. An answer has names, times and people, no value.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use host_model::secret::is_secret_name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::instant;

/// Longest secret, in bytes: a certificate with its key fits.
const LONGEST: usize = 64 * 1024;

/// The body of `PUT /admin/secrets/{name}`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretBody {
    #[schema(required, write_only, min_length = 1)]
    value: String,
}

/// A secret without its value.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretView {
    name: String,
    #[schema(format = DateTime)]
    updated_at: String,
    updated_by: String,
}

/// Every secret without its value.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretList {
    secrets: Vec<SecretView>,
}

/// A secret that was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretWritten {
    name: String,
    updated_by: String,
}

/// A secret that was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretDeleted {
    name: String,
}

/// Every secret without its value.
#[utoipa::path(get, path = "/admin/secrets", tag = "secrets", responses((status = 200, body = SecretList)))]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<SecretList>, ApiError> {
    let secrets = app.secrets.list().await?;
    let view = secrets.into_iter().map(|secret| SecretView {
        updated_at: instant(secret.updated_at),
        name: secret.name,
        updated_by: secret.updated_by,
    });
    Ok(Json(SecretList { secrets: view.collect() }))
}

/// Writes one, in place of the one there was. Connectors that name it are read again.
#[utoipa::path(put, path = "/admin/secrets/{name}", tag = "secrets", params(("name" = String, Path, description = "Its name")),
    request_body = SecretBody, responses((status = 200, body = SecretWritten)))]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SecretWritten>, ApiError> {
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
    Ok(Json(SecretWritten { name, updated_by: by }))
}

/// Deletes one.
#[utoipa::path(delete, path = "/admin/secrets/{name}", tag = "secrets", params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = SecretDeleted)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(name): Id,
) -> Result<Json<SecretDeleted>, ApiError> {
    if !app.secrets.delete(&name).await? {
        return Err(ApiError::not_found(format!("there is no secret `{name}`")));
    }
    tracing::info!(by = %caller.trigger, name, "secret deleted");
    app.catalogue.reload().await;
    Ok(Json(SecretDeleted { name }))
}
