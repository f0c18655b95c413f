//! Skipping one slot of a schedule before it is due, and taking that back. The slot's row of the ledger is written at once
//! (see `host_model::hold`), so nothing can fire it any more.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::TimeDelta;
use host_model::event::Event;
use host_model::fire::Slot;
use host_model::hold::FARTHEST_SKIP;
use host_model::job::JobSchedule;
use host_model::schedule::{read_instant, rfc3339_in};
use host_model::{Instant, Job};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::jobs::{no_such_job, read_body};
use crate::App;
use crate::audit::Note;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::instant;

/// A skip is taken back until so long before the slot is due. Somebody whose clock is ahead may have looked at it already,
/// and a slot whose row is taken out after that would be silent.
const LATEST_UNDO: TimeDelta = TimeDelta::seconds(30);

/// The body of `POST …/skip`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SkipBody {
    /// The slot, RFC 3339 or a wall time of the schedule; without one, its next fire.
    #[schema(example = "2026-11-24T02:00:00Z")]
    due_at: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UndoQuery {
    /// The slot.
    due_at: String,
}

/// A slot that is skipped once, or is not any more.
#[derive(Serialize, ToSchema)]
pub(crate) struct Skipped {
    job_id: String,
    schedule: String,
    #[schema(format = DateTime)]
    due_at: String,
    /// By the clock of the schedule.
    #[schema(format = DateTime)]
    local: String,
    /// When the schedule fires next, as things are now.
    #[schema(format = DateTime)]
    next: Option<String>,
}

type Names = Result<Path<(String, String)>, PathRejection>;

/// The schedule of an address.
async fn answer(app: &App, job: &Job, schedule: &JobSchedule, due_at: Instant) -> Result<Json<Skipped>, ApiError> {
    let holds = app.engine.holds().await?;
    Ok(Json(Skipped {
        job_id: job.id.to_string(),
        schedule: schedule.name.clone(),
        due_at: instant(due_at),
        local: rfc3339_in(due_at, schedule.spec.zone),
        next: holds.next_fires(job, schedule, app.engine.now()).next().map(instant),
    }))
}

fn find<'j>(job: &'j Job, name: &str) -> Result<&'j JobSchedule, ApiError> {
    job.schedules.iter().find(|schedule| schedule.name == name).ok_or_else(|| {
        let names: Vec<&str> = job.schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let problem = ApiError::not_found(format!("job `{}` has no schedule `{name}`", job.id));
        if names.is_empty() { problem } else { problem.with("hint", format!("it has: {}", names.join(", "))) }
    })
}

/// Skips one slot that is not due yet.
#[utoipa::path(post, path = "/admin/jobs/{id}/schedules/{name}/skip", tag = "schedules",
    params(("id" = String, Path, description = "A job"), ("name" = String, Path, description = "A schedule of it")),
    request_body(content = Option<SkipBody>), responses((status = 200, body = Skipped)))]
pub(crate) async fn skip(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    names: Names,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Skipped>, ApiError> {
    let Path((id, name)) = names?;
    let body: SkipBody = read_body(&headers, &body?)?;
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let schedule = find(job, &name)?;
    let off = |why: String| ApiError::new(StatusCode::CONFLICT, "schedule-off", why);
    if !job.enabled {
        return Err(off(format!("job `{id}` is disabled: nothing of it fires")));
    }
    if !schedule.enabled {
        return Err(off(format!("schedule `{name}` of job `{id}` is off: it does not fire")));
    }
    let now = app.engine.now();
    let due_at = match body.due_at.as_deref().filter(|text| !text.is_empty()) {
        None => {
            let holds = app.engine.holds().await?;
            let next = holds.next_fires(job, schedule, now).next();
            next.ok_or_else(|| off(format!("schedule `{name}` of job `{id}` does not fire any more")))?
        }
        Some(text) => {
            let due_at = read_instant(&text.replace(' ', "+"), schedule.spec.zone)?;
            if schedule.spec.next_after(due_at - TimeDelta::milliseconds(1)) != Some(due_at) {
                let next = schedule.spec.next_after(due_at).map(|at| format!("due next is {}", instant(at)));
                let problem = ApiError::invalid(format!("schedule `{name}` is not due at {}", instant(due_at)));
                return Err(next.into_iter().fold(problem, |problem, hint| problem.with("hint", hint)));
            }
            due_at
        }
    };
    if due_at <= now || due_at - now > FARTHEST_SKIP {
        let days = FARTHEST_SKIP.num_days();
        return Err(ApiError::invalid(format!("a slot is skipped before it is due, by {days} days at most")));
    }
    note.add("due_at", instant(due_at).as_str());
    let slot = Slot { job_id: job.id.clone(), schedule: name, due_at };
    if !app.engine.skip_once(slot, &caller.trigger.to_string()).await? {
        let detail = format!("the slot of job `{id}` at {} was decided before", instant(due_at));
        return Err(ApiError::new(StatusCode::CONFLICT, "slot-decided", detail));
    }
    tracing::info!(by = %caller.trigger, job.id = %job.id, due = %due_at, "slot will be skipped");
    app.engine.bus().publish(Event::Holds);
    answer(&app, job, schedule, due_at).await
}

/// Takes the skip of a slot back; it will fire as if nobody had skipped it.
#[utoipa::path(delete, path = "/admin/jobs/{id}/schedules/{name}/skip", tag = "schedules",
    params(("id" = String, Path, description = "A job"), ("name" = String, Path, description = "A schedule of it"), UndoQuery),
    responses((status = 200, body = Skipped)))]
pub(crate) async fn undo(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(note): Extension<Note>,
    names: Names,
    query: Result<Query<UndoQuery>, QueryRejection>,
) -> Result<Json<Skipped>, ApiError> {
    let (Path((id, name)), Query(query)) = (names?, query?);
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let schedule = find(job, &name)?;
    let due_at = read_instant(&query.due_at.replace(' ', "+"), schedule.spec.zone)?;
    note.add("due_at", instant(due_at).as_str());
    let latest = app.engine.now() + LATEST_UNDO;
    let slot = Slot { job_id: job.id.clone(), schedule: name, due_at };
    if !app.engine.store().undo_skip(&slot, latest).await? {
        let detail = format!("the slot of job `{id}` at {} is not skipped", instant(due_at));
        let seconds = LATEST_UNDO.num_seconds();
        return Err(ApiError::new(StatusCode::CONFLICT, "not-skipped", detail)
            .with("hint", format!("a skip is taken back until {seconds} s before the slot is due")));
    }
    tracing::info!(by = %caller.trigger, job.id = %job.id, due = %due_at, "skip taken back");
    app.engine.bus().publish(Event::Holds);
    answer(&app, job, schedule, due_at).await
}
