//! Pause and resume of the whole scheduler. The store keeps the pause, so it holds for every replica and outlives a
//! restart. Manual runs go on.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use host_engine::SchedulerState;
use host_model::fire::Pause;
use host_model::hold::Holds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::health::read_standing;
use super::jobs::read_body;
use crate::App;
use crate::audit::Note;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::hold::MaintenanceView;
use crate::view::instant;
use crate::view::replica::Standing;
use crate::view::words::SchedulerWord;

/// Longest reason, in characters: it stands in every slot the pause misses.
const LONGEST_REASON: usize = 200;

/// The body of `POST …/pause`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PauseBody {
    /// Stands in every slot the pause misses.
    #[schema(max_length = 200, example = "maintenance")]
    reason: String,
}

/// The state in the words of the seeds. A pause is a standby on purpose. Whoever shows it beside what the store says reads it
/// first: a process is active only once the store knows it.
pub(crate) fn state_of(state: SchedulerState, pause: Option<&Pause>) -> SchedulerState {
    match (state, pause) {
        (SchedulerState::Active, Some(_)) => SchedulerState::Standby,
        (state, _) => state,
    }
}

/// The scheduler and its pause.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchedulerView {
    #[schema(value_type = SchedulerWord)]
    scheduler: &'static str,
    /// The process that answers.
    replica: String,
    scheduler_enabled: bool,
    paused_by: Option<String>,
    #[schema(format = DateTime)]
    paused_at: Option<String>,
    pause_reason: Option<String>,
    /// Maintenance windows that are not over, by their beginning.
    maintenance: Vec<MaintenanceView>,
}

/// The same, with the processes of the store.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchedulerStanding {
    #[serde(flatten)]
    view: SchedulerView,
    #[serde(flatten)]
    standing: Standing,
}

fn view(app: &App, holds: &Holds) -> SchedulerView {
    let (now, pause) = (app.engine.now(), holds.pause.as_ref());
    let windows = holds.windows.iter().filter(|window| window.until > now);
    SchedulerView {
        scheduler: state_of(app.engine.scheduler_state(), pause).as_str(),
        replica: app.engine.presence().owner.clone(),
        scheduler_enabled: app.engine.presence().scheduler_enabled,
        paused_by: pause.map(|pause| pause.by.clone()),
        paused_at: pause.map(|pause| instant(pause.at)),
        pause_reason: pause.map(|pause| pause.reason.clone()),
        maintenance: windows.map(|window| MaintenanceView::new(window, now)).collect(),
    }
}

/// What the scheduler is doing, here and in every process of the store.
#[utoipa::path(get, path = "/admin/scheduler", tag = "scheduler", responses((status = 200, body = SchedulerStanding)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SchedulerStanding>, ApiError> {
    let Json(view) = show_pause(&app).await?;
    let (standing, _) = read_standing(&app, &caller.permissions).await?;
    Ok(Json(SchedulerStanding { view, standing }))
}

async fn show_pause(app: &App) -> Result<Json<SchedulerView>, ApiError> {
    Ok(Json(view(app, &app.engine.holds().await?)))
}

/// Begins a pause. One that lasts already stays as it began.
#[utoipa::path(post, path = "/admin/scheduler/pause", tag = "scheduler", request_body(content = Option<PauseBody>),
    responses((status = 200, body = SchedulerView)))]
pub(crate) async fn pause(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SchedulerView>, ApiError> {
    let PauseBody { reason } = read_body(&headers, &body?)?;
    let count = reason.chars().count();
    if count > LONGEST_REASON {
        return Err(ApiError::invalid(format!("the reason has {count} characters; allowed are {LONGEST_REASON}")));
    }
    let pause = Pause { by: caller.trigger.to_string(), at: app.engine.now(), reason: reason.trim().to_owned() };
    note.add("reason", pause.reason.as_str());
    if app.engine.store().set_pause(Some(&pause)).await? {
        tracing::warn!(by = pause.by, reason = pause.reason, "scheduler paused");
    }
    show_pause(&app).await
}

/// Ends the pause, if there is one. Slots due from now on fire again; those it missed stay missed.
#[utoipa::path(post, path = "/admin/scheduler/resume", tag = "scheduler", responses((status = 200, body = SchedulerView)))]
pub(crate) async fn resume(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SchedulerView>, ApiError> {
    if app.engine.store().set_pause(None).await? {
        tracing::warn!(by = %caller.trigger, "scheduler resumed");
    }
    show_pause(&app).await
}
