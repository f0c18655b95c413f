//! Liveness and readiness (seeds, administration: health checks).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use host_engine::SchedulerState;
use serde_json::{Value, json};

use crate::App;

/// The process is up. Open to everybody, says nothing but the version.
pub(crate) async fn alive(State(app): State<App>) -> Json<Value> {
    Json(json!({ "status": "ok", "version": app.version }))
}

/// Whether schedules fire and runs can be recorded. `error` is the only state to alert on, and answers 503.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let store = app.engine.store().ping().await;
    if let Err(error) = &store {
        tracing::warn!(%error, "health: the store does not answer");
    }
    let state = if store.is_ok() { app.engine.scheduler_state() } else { SchedulerState::Error };
    let status = if state == SchedulerState::Error { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let catalogue = app.catalogue.current();
    let body = json!({
        "scheduler": state.as_str(),
        "store": { "dialect": app.engine.store().dialect(), "ok": store.is_ok() },
        "jobs": catalogue.jobs.len(),
        "invalid_jobs": catalogue.invalid.len(),
        "runs_in_flight": app.engine.active_runs().len(),
        "version": app.version,
    });
    (status, Json(body))
}
