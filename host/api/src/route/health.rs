//! Liveness and readiness (seeds, administration: health checks).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use host_engine::SchedulerState;
use serde_json::{Value, json};

use super::scheduler::state_of;
use crate::App;
use crate::view::instant;

/// The process is up. Open to everybody, says nothing but the version.
pub(crate) async fn alive(State(app): State<App>) -> Json<Value> {
    Json(json!({ "status": "ok", "version": app.version }))
}

/// Whether schedules fire and runs can be recorded. `error` is the only state to alert on, and answers 503.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let pinged = app.engine.store().ping().await;
    let (store, pause) = match (pinged, app.engine.store().find_pause().await) {
        (Ok(()), Ok(pause)) => (Ok(()), pause),
        (Err(error), _) | (_, Err(error)) => (Err(error), None),
    };
    if let Err(error) = &store {
        tracing::warn!(%error, "health: the store does not answer");
    }
    let state = if store.is_ok() { state_of(&app, pause.as_ref()) } else { SchedulerState::Error };
    let status = if state == SchedulerState::Error { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let catalogue = app.catalogue.current();
    let body = json!({
        "scheduler": state.as_str(),
        "paused_by": pause.as_ref().map(|pause| &pause.by),
        "paused_at": pause.as_ref().map(|pause| instant(pause.at)),
        "store": { "dialect": app.engine.store().dialect(), "ok": store.is_ok() },
        "jobs": catalogue.jobs.len(),
        "invalid_jobs": catalogue.invalid.len(),
        "runs_in_flight": app.engine.active_runs().len(),
        "version": app.version,
    });
    (status, Json(body))
}
