//! Liveness and readiness (seeds, administration: health checks).

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_engine::SchedulerState;
use host_model::access::Permissions;
use host_model::fire::Pause;
use host_model::port::StoreError;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::runs::list_visible;
use super::scheduler::state_of;
use crate::App;
use crate::auth::Caller;
use crate::view::instant;
use crate::view::replica::Standing;

/// The process is up. Open to everybody, says nothing but the version.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200)))]
pub(crate) async fn alive(State(app): State<App>) -> Json<Value> {
    Json(json!({ "status": "ok", "version": app.version }))
}

/// Who shares the store, and how many runs are not over, in any process.
///
/// Only runs that may be seen are counted.
pub(super) async fn read_standing(app: &App, may: &Permissions) -> Result<(Standing, usize), StoreError> {
    let store = app.engine.store();
    let (replicas, lease) = (store.list_replicas().await?, store.find_lease().await?);
    let active = list_visible(app, may).await?;
    Ok((Standing::new(&replicas, lease.as_ref(), &active), active.len()))
}

/// Whoever watches over processes gives up on an answer after a few seconds, and takes that for a process that hangs.
const PATIENCE: Duration = Duration::from_secs(2);

async fn read(app: &App, may: &Permissions) -> Result<(Option<Pause>, Standing, usize), StoreError> {
    let asked = async {
        app.engine.store().ping().await?;
        let pause = app.engine.store().find_pause().await?;
        let (standing, active) = read_standing(app, may).await?;
        Ok((pause, standing, active))
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", PATIENCE.as_secs());
        Err(StoreError::Unavailable { operation: "tell how it is", message })
    })
}

/// Whether schedules fire and runs can be recorded. `error` is the only state to alert on, and answers 503.
#[utoipa::path(get, path = "/admin/jobs/health", tag = "health", responses((status = 200)))]
pub(crate) async fn ready(State(app): State<App>, Extension(caller): Extension<Caller>) -> (StatusCode, Json<Value>) {
    let may = &caller.permissions;
    let found = read(&app, may).await;
    let is_stored = found.is_ok();
    let (state, pause, mut standing, active) = match found {
        Ok((pause, standing, active)) => (state_of(&app, pause.as_ref()), pause, standing, Some(active)),
        Err(error) => {
            tracing::warn!(%error, "health: the store does not answer");
            let mut standing = Standing::default();
            standing.problems.push("the store does not answer".to_owned());
            (SchedulerState::Error, None, standing, None)
        }
    };
    let is_broken = state == SchedulerState::Error;
    if is_broken && is_stored {
        let why = app.engine.breakdown().unwrap_or("the scheduler of this process has stopped; its log says why");
        standing.problems.push(why.to_owned());
    }
    let status = if is_broken { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let catalogue = app.catalogue.current();
    let me = app.engine.presence();
    let mut body = json!({
        "scheduler": state.as_str(),
        "replica": me.owner,
        "scheduler_enabled": me.scheduler_enabled,
        "paused_by": pause.as_ref().map(|pause| &pause.by),
        "paused_at": pause.as_ref().map(|pause| instant(pause.at)),
        "store": { "dialect": app.engine.store().dialect(), "ok": is_stored },
        "jobs": catalogue.jobs.keys().filter(|id| may.may_see_job(id.as_str())).count(),
        "invalid_jobs": catalogue.invalid.iter().filter(|job| may.may_see_job(&job.id)).count(),
        "runs_in_flight": active,
        "version": app.version,
    });
    join(&mut body, &standing);
    (status, Json(body))
}

/// Adds the fields of `standing` to an object.
pub(super) fn join(body: &mut Value, standing: &Standing) {
    // Strings, numbers and lists of them always render.
    if let (Value::Object(body), Ok(Value::Object(more))) = (body, serde_json::to_value(standing)) {
        body.extend(more);
    }
}
