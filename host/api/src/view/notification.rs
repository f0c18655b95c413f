//! Notifications on the wire. No secret is in here: the model does not have any to show.

use host_model::notify::delivery::{Attempt, Delivery};
use host_model::notify::desk::{RouteList, SecretState, TestResult, TransportCard};
use serde_json::{Value, json};

use super::instant;

fn secret_view(secret: &SecretState) -> (String, Value) {
    let state = if secret.is_set { "set" } else { "unset" };
    let (at, by) = secret.changed.clone().map(|(at, by)| (instant(at), by)).unzip();
    (secret.field.clone(), json!({ "state": state, "changed_at": at, "by": by }))
}

/// A card of the page.
pub(crate) fn transport_view(card: &TransportCard) -> Value {
    let last = card.last.as_ref().map(|last| {
        json!({
            "id": last.id.to_string(), "at": last.finished_at.or(Some(last.due_at)).map(instant),
            "outcome": last.status.as_str(), "attempts": last.attempts, "error": last.error,
        })
    });
    json!({
        "name": card.name,
        "kind": card.kind.as_str(),
        "enabled": card.enabled,
        "source": if card.is_from_file { "file" } else { "store" },
        "settings": card.settings,
        "default_recipient": card.settings.get("to"),
        "secrets": card.secrets.iter().map(secret_view).collect::<serde_json::Map<_, _>>(),
        "last_delivery": last,
        "failing": card.enabled && card.last.as_ref().is_some_and(|last| last.error.is_some()),
    })
}

/// What came of a test.
pub(crate) fn test_view(result: &TestResult) -> Value {
    json!({
        "ok": result.is_sent,
        "answer": result.answer,
        "ms": result.duration_ms,
        "trace": result.trace,
        "delivery": result.delivery.map(|id| id.to_string()),
    })
}

/// The ordered list.
pub(crate) fn routes_view(list: &RouteList) -> Value {
    let (at, by) = list.changed.clone().map(|(at, by)| (instant(at), by)).unzip();
    json!({
        "from_file": list.from_file.iter().map(|route| route.to_json()).collect::<Vec<_>>(),
        "routes": list.stored.iter().map(|route| route.to_json()).collect::<Vec<_>>(),
        "etag": format!("\"{}\"", list.version),
        "updated_at": at,
        "updated_by": by,
    })
}

/// A row of the log of deliveries.
pub(crate) fn delivery_view(delivery: &Delivery) -> Value {
    let first = delivery.notices.first();
    json!({
        "id": delivery.id.to_string(),
        "at": instant(delivery.created_at),
        "event": delivery.main_event().as_str(),
        "job_id": first.map(|notice| notice.job_id.as_str()),
        "run_id": first.and_then(|notice| notice.run_id).map(|id| id.to_string()),
        "transport": delivery.transport,
        "recipient": delivery.recipient,
        "route": delivery.route,
        "outcome": delivery.status.as_str(),
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.finished_at.is_none().then(|| instant(delivery.due_at)),
        "finished_at": delivery.finished_at.map(instant),
        "error": delivery.error,
        "count": delivery.n_notices,
        "notices": delivery.notices.iter().map(|notice| notice.to_json()).collect::<Vec<_>>(),
        "resend_of": delivery.resend_of.map(|id| id.to_string()),
        "requested_by": delivery.requested_by,
    })
}

/// One attempt.
pub(crate) fn attempt_view(attempt: &Attempt) -> Value {
    json!({
        "attempt": attempt.number, "at": instant(attempt.at), "ms": attempt.duration_ms, "ok": attempt.is_sent,
        "answer": attempt.answer,
    })
}
