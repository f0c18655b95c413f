//! When something would fire: the preview of a schedule that is being written, and the next fires of a job. Every
//! instant comes from the scheduler's own code in the model.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use host_catalogue::system_zone;
use host_model::hold::Holds;
use host_model::schedule::{Note, RequestError, ScheduleRequest, read_instant, rfc3339_in, zone_names};
use host_model::{Instant, Job};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::jobs::no_such_job;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::instant;

/// Fires in a preview (seeds, create-a-job: the next three).
const DEFAULT_PREVIEW: u32 = 3;
const MOST_PREVIEW: u32 = 100;
const DEFAULT_NEXT: u32 = 10;
const MOST_NEXT: u32 = 1000;

/// A schedule as the editor has it at the moment; an empty text counts as none, but for the expression.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// Five or six fields of cron; `schedule` is taken too.
    #[serde(alias = "schedule")]
    #[param(example = "*/5 8-18 * * MON-FRI")]
    expression: Option<String>,
    /// A rhythm in place of an expression: `90s`, `15m`.
    every: Option<String>,
    /// Name of a time zone; the server's without one.
    #[param(example = "Europe/Paris")]
    timezone: Option<String>,
    /// What becomes of an instant that a change of the clocks leaves out.
    gap: Option<String>,
    /// What becomes of one that it brings twice.
    fold: Option<String>,
    /// The fires after this instant; now without one.
    from: Option<String>,
    /// 1 to 100; 3 without one.
    #[param(minimum = 1, maximum = 100)]
    count: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NextQuery {
    /// 1 to 1000; 10 without one.
    #[param(minimum = 1, maximum = 1000)]
    count: Option<u32>,
}

/// An instant, by UTC and by the clock of its zone.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocalInstant {
    #[schema(format = DateTime)]
    at: String,
    #[schema(format = DateTime)]
    local: String,
}

/// Something worth knowing about a schedule.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleNote {
    #[schema(value_type = String)]
    code: &'static str,
    #[schema(format = DateTime)]
    at: Option<String>,
    message: String,
}

/// What a schedule would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct CronPreview {
    expression: String,
    timezone: String,
    next: Vec<LocalInstant>,
    never_fires: bool,
    notes: Vec<ScheduleNote>,
}

/// A fire to come.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextFire {
    #[schema(format = DateTime)]
    at: String,
    /// By the clock of the schedule.
    #[schema(format = DateTime)]
    local: String,
    timezone: String,
    schedule: String,
}

/// The next fires of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextFires {
    job_id: String,
    enabled: bool,
    next: Vec<NextFire>,
    /// Why there are none.
    reason: Option<String>,
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn read_count(count: Option<u32>, default: u32, most: u32) -> Result<usize, ApiError> {
    match count.unwrap_or(default) {
        count if (1..=most).contains(&count) => Ok(count as usize),
        count => Err(ApiError::invalid(format!("count is {count}; allowed are 1 to {most}"))),
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let mut problem = Self::invalid(error.to_string());
        if let Some(span) = error.span() {
            problem = problem.with("span", json!({ "offset": span.start, "len": span.len() }));
        }
        match error.hint() {
            Some(hint) => problem.with("hint", hint),
            None => problem,
        }
    }
}

fn note(note: &Note) -> ScheduleNote {
    ScheduleNote { code: note.code, at: note.at.map(instant), message: note.message.clone() }
}

/// The time zones that schedules may name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ZoneList {
    timezones: Vec<&'static str>,
    /// The zone of a schedule that names none.
    #[schema(value_type = String)]
    server: &'static str,
}

/// Every time zone that this server knows.
#[utoipa::path(get, path = "/admin/jobs/timezones", tag = "schedules", responses((status = 200, body = ZoneList)))]
pub(crate) async fn zones() -> Json<ZoneList> {
    Json(ZoneList { timezones: zone_names().collect(), server: system_zone().name() })
}

/// What a schedule would do, saved or not.
#[utoipa::path(get, path = "/admin/jobs/cron-preview", tag = "schedules", params(PreviewQuery),
    responses((status = 200, body = CronPreview)))]
pub(crate) async fn preview(
    State(app): State<App>,
    query: Result<Query<PreviewQuery>, QueryRejection>,
) -> Result<Json<CronPreview>, ApiError> {
    let Query(query) = query?;
    let count = read_count(query.count, DEFAULT_PREVIEW, MOST_PREVIEW)?;
    let request = ScheduleRequest {
        expression: query.expression.as_deref(),
        every: filled(query.every.as_ref()),
        timezone: filled(query.timezone.as_ref()),
        gap: filled(query.gap.as_ref()),
        fold: filled(query.fold.as_ref()),
    };
    let spec = request.read(system_zone())?;
    let from = match filled(query.from.as_ref()) {
        // An instant holds no blank: this is the plus of an offset that was not escaped.
        Some(text) => read_instant(&text.replace(' ', "+"), spec.zone)?,
        None => app.engine.now(),
    };
    let shown = spec.preview(from, count);
    let local = |at: &Instant| LocalInstant { at: instant(*at), local: rfc3339_in(*at, spec.zone) };
    Ok(Json(CronPreview {
        expression: spec.kind.to_string(),
        timezone: spec.zone.name().to_owned(),
        next: shown.fires.iter().map(local).collect(),
        never_fires: spec.never_fires(),
        notes: shown.notes.iter().map(note).collect(),
    }))
}

/// The next fires of a job over all its schedules, and why there are none if so.
#[utoipa::path(get, path = "/admin/jobs/{id}/next", tag = "schedules",
    params(("id" = String, Path, description = "A job"), NextQuery), responses((status = 200, body = NextFires)))]
pub(crate) async fn next(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    query: Result<Query<NextQuery>, QueryRejection>,
) -> Result<Json<NextFires>, ApiError> {
    let Query(query) = query?;
    let count = read_count(query.count, DEFAULT_NEXT, MOST_NEXT)?;
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let next =
        if job.enabled { upcoming(job, &app.engine.holds().await?, app.engine.now(), count) } else { Vec::new() };
    let reason = next.is_empty().then(|| why_never(job));
    Ok(Json(NextFires { job_id: id, enabled: job.enabled, next, reason }))
}

/// The fires of every enabled schedule, merged, without those that are held back. Two schedules due at one instant are two
/// slots, and stay two.
fn upcoming(job: &Job, holds: &Holds, now: Instant, count: usize) -> Vec<NextFire> {
    let enabled = job.schedules.iter().filter(|schedule| schedule.enabled);
    let mut fires: Vec<_> =
        enabled.flat_map(|s| holds.next_fires(job, s, now).take(count).map(move |at| (at, s))).collect();
    fires.sort_by_key(|(at, _)| *at);
    let view = |(at, schedule): (Instant, &host_model::job::JobSchedule)| NextFire {
        at: instant(at),
        local: rfc3339_in(at, schedule.spec.zone),
        timezone: schedule.spec.zone.name().to_owned(),
        schedule: schedule.name.clone(),
    };
    fires.into_iter().take(count).map(view).collect()
}

fn why_never(job: &Job) -> String {
    let id = &job.id;
    if !job.enabled {
        format!("job `{id}` is disabled: nothing fires until it is enabled")
    } else if job.schedules.is_empty() {
        format!("job `{id}` has no schedule: it runs on demand only")
    } else if job.schedules.iter().all(|schedule| !schedule.enabled) {
        format!("every schedule of job `{id}` is off")
    } else {
        format!("no schedule of job `{id}` ever fires")
    }
}
