//! Maintenance windows: spans of time in which no schedule fires, on any replica, announced beforehand or from now on.
//! Manual runs go on. What becomes of the slots inside is said by `host_engine::scheduler::fate`.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::TimeDelta;
use host_catalogue::system_zone;
use host_model::event::Event;
use host_model::hold::Maintenance;
use host_model::schedule::{read_instant, read_zone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::read_body;
use crate::App;
use crate::audit::Note;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::hold::MaintenanceView;
use crate::view::instant;

/// Longest reason, in characters: it stands in every slot a window skips.
const LONGEST_REASON: usize = 200;
/// Longest window.
const LONGEST: TimeDelta = TimeDelta::days(92);
/// Windows that are not over.
const MOST: usize = 200;

/// The body of `POST /admin/maintenance`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MaintenanceBody {
    /// RFC 3339, or a date or time by the clock of `zone`; now without one.
    #[schema(example = "2026-12-24T22:00")]
    from: Option<String>,
    /// The first instant at which schedules fire again.
    #[schema(example = "2026-12-25T06:00")]
    to: String,
    /// Name of a time zone for `from` and `to`; the server's without one.
    zone: Option<String>,
    /// Stands in every slot the window skips.
    #[schema(max_length = 200, example = "database upgrade")]
    reason: String,
}

/// Windows.
#[derive(Serialize, ToSchema)]
pub(crate) struct MaintenanceList {
    /// The latest first; those of the last year.
    maintenance: Vec<MaintenanceView>,
}

/// Windows that were, are and will be.
#[utoipa::path(get, path = "/admin/maintenance", tag = "scheduler", responses((status = 200, body = MaintenanceList)))]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<MaintenanceList>, ApiError> {
    let (holds, now) = (app.engine.holds().await?, app.engine.now());
    let maintenance = holds.windows.iter().rev().map(|window| MaintenanceView::new(window, now)).collect();
    Ok(Json(MaintenanceList { maintenance }))
}

/// Announces a window; from its beginning to its end no schedule fires.
#[utoipa::path(post, path = "/admin/maintenance", tag = "scheduler", request_body(content = MaintenanceBody),
    responses((status = 201, body = MaintenanceView)))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<MaintenanceView>), ApiError> {
    let body: MaintenanceBody = read_body(&headers, &body?)?;
    let count = body.reason.chars().count();
    if count > LONGEST_REASON || body.reason.chars().any(char::is_control) {
        let detail = format!("the reason has {count} characters; allowed are {LONGEST_REASON}, on one line");
        return Err(ApiError::invalid(detail));
    }
    let zone = match body.zone.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => read_zone(name).map_err(|error| ApiError::invalid(error.to_string()))?,
        None => system_zone(),
    };
    if body.to.is_empty() {
        return Err(ApiError::invalid("`to` is missing: say when schedules fire again")
            .with("hint", "to stop all schedules without an end, pause the scheduler"));
    }
    let now = app.engine.now();
    let read = |text: &str| read_instant(&text.replace(' ', "+"), zone);
    let from = body.from.as_deref().filter(|text| !text.is_empty()).map(read).transpose()?;
    // What is over cannot be held back any more.
    let (from, until) = (from.unwrap_or(now).max(now), read(&body.to)?);
    if until <= from || until - from > LONGEST {
        let days = LONGEST.num_days();
        let detail = format!("`to` has to be after `from` and after now, by {days} days at most");
        return Err(ApiError::invalid(detail));
    }
    if app.engine.holds().await?.windows.iter().filter(|window| window.until > now).count() >= MOST {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "too-many-windows",
            format!("there are {MOST} windows already"),
        ));
    }
    let window = Maintenance {
        id: app.engine.next_run_id().to_string(),
        from,
        until,
        reason: body.reason.trim().to_owned(),
        by: caller.trigger.to_string(),
        at: now,
    };
    for (key, value) in [("from", instant(from)), ("to", instant(until)), ("reason", window.reason.clone())] {
        note.add(key, value.as_str());
    }
    app.engine.store().add_maintenance(&window).await?;
    tracing::warn!(by = window.by, from = %from, to = %until, reason = window.reason, "maintenance announced");
    app.engine.bus().publish(Event::Holds);
    Ok((StatusCode::CREATED, Json(MaintenanceView::new(&window, now))))
}

/// Ends a window now, or takes one back that has not begun. Slots it has skipped stay skipped.
#[utoipa::path(delete, path = "/admin/maintenance/{id}", tag = "scheduler",
    params(("id" = String, Path, description = "A window")), responses((status = 200, body = MaintenanceView)))]
pub(crate) async fn end(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<MaintenanceView>, ApiError> {
    let now = app.engine.now();
    let Some(was) = app.engine.store().end_maintenance(&id, now).await? else {
        return Err(ApiError::not_found(format!("there is no maintenance window `{id}` that is not over")));
    };
    tracing::warn!(by = %caller.trigger, id, "maintenance ended");
    app.engine.bus().publish(Event::Holds);
    let ended = Maintenance { until: was.until.min(now).max(was.from), ..was };
    Ok(Json(MaintenanceView::new(&ended, now)))
}
