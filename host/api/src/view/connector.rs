//! Connectors while they are changed, on the wire. Of a password only the state is known.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::desk::FindingView;
use super::instant;
use crate::connector_desk::{ConnectorError, ConnectorSource, PoolSource, Reference, SecretKept};
use crate::error::ApiError;

fn secret(kept: &SecretKept) -> Value {
    let (at, by) = kept.changed.clone().map(|(at, by)| (instant(at), by)).unzip();
    json!({
        "state": if kept.is_set { "set" } else { "unset" }, "reference": kept.reference, "in_clear": kept.is_in_clear,
        "changed_at": at, "by": by,
    })
}

pub(crate) fn pool(pool: &PoolSource) -> Value {
    json!({
        "name": pool.name, "values": pool.values, "secrets": { "password": secret(&pool.password) },
        "connectors": pool.connectors,
    })
}

pub(crate) fn reference(user: &Reference) -> Value {
    json!({ "kind": user.kind, "name": user.name, "file": user.file, "places": user.places })
}

pub(crate) fn references(users: &[Reference]) -> Value {
    users.iter().map(reference).collect()
}

pub(crate) fn source(source: &ConnectorSource) -> Value {
    json!({
        "name": source.name, "etag": source.etag, "connector": source.values,
        "secrets": source.password.as_ref().map(|kept| json!({ "password": secret(kept) })).unwrap_or(json!({})),
        "pool": source.pool.as_ref().map(pool), "used_by": references(&source.used_by),
        "warnings": source.warnings.iter().map(FindingView::from).collect::<Vec<_>>(),
    })
}

impl From<ConnectorError> for ApiError {
    fn from(error: ConnectorError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, detail.clone());
        match error {
            ConnectorError::NotFound { .. } => Self::not_found(detail),
            ConnectorError::Exists { .. } => conflict("name-taken"),
            ConnectorError::Stale(current) => conflict("stale")
                .with("current", source(&current))
                .with("hint", "read the connector again, and save what you want to keep of yours"),
            ConnectorError::InUse { users, .. } => conflict("connector-in-use")
                .with("used_by", references(&users))
                .with("hint", "have them name another one first"),
            ConnectorError::Invalid(found) => {
                let problems = json!(found.iter().map(FindingView::from).collect::<Vec<_>>());
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "connector-invalid", detail).with("problems", problems)
            }
            ConnectorError::Sealed(_) => conflict("vault-closed"),
            ConnectorError::Desk(error) => error.into(),
        }
    }
}
