//! The calendar: when every schedule fires in a span of time, what ran in it and which slots fell through. Fires at a steady
//! rhythm come as one band, so that a week of many jobs stays small; instants come from the scheduler's own code.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use chrono::TimeDelta;
use host_catalogue::system_zone;
use host_model::fire::SlotRecord;
use host_model::history::RunTime;
use host_model::hold::Holds;
use host_model::job::JobSchedule;
use host_model::schedule::{read_instant, read_zone};
use host_model::{Instant, Job, JobId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stats::{durations, percentile};
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::hold::MaintenanceView;
use crate::view::words::{RunStatusWord, SlotOutcomeWord};

/// Longest span.
const LONGEST: TimeDelta = TimeDelta::days(42);
/// Without an end.
const USUAL: TimeDelta = TimeDelta::days(7);
/// Instants of a schedule that are looked at: a week of every five minutes. What fires more often is told as going on at the
/// rhythm it has by then.
const MOST_FIRES: usize = 2_100;
/// So many fires at one rhythm make a band.
const SHORTEST_BAND: usize = 3;
const MOST_RUNS: u32 = 2_000;
const MOST_SLOTS: u32 = 1_000;
/// Runs of each job that its usual length is taken from.
pub(super) const LOOKED_AT: u32 = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CalendarQuery {
    /// RFC 3339, or a date or time by the clock of `zone`; now without one.
    #[param(example = "2026-11-23")]
    from: Option<String>,
    /// At most 42 days later; 7 days without one.
    to: Option<String>,
    /// Name of a time zone for `from` and `to`; the server's without one.
    zone: Option<String>,
}

/// Fires at a steady rhythm.
#[derive(Serialize, ToSchema, Clone, PartialEq, Debug)]
pub(crate) struct Band {
    every_seconds: i64,
    count: u64,
    #[schema(format = DateTime)]
    first: String,
    #[schema(format = DateTime)]
    last: String,
    /// The count is reckoned from the rhythm.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    approximate: bool,
}

/// A schedule of a job. What it fires is in `fires` and `bands` together.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalendarRow {
    /// The job.
    id: String,
    schedule: String,
    timezone: String,
    /// Of both the job and the schedule.
    enabled: bool,
    /// Usual length of its runs; null when none succeeded.
    p50_seconds: Option<f64>,
    p95_seconds: Option<f64>,
    #[schema(format = DateTime)]
    fires: Vec<String>,
    bands: Vec<Band>,
}

/// A run in the calendar.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalendarRun {
    id: String,
    job_id: String,
    schedule: Option<String>,
    #[schema(value_type = RunStatusWord)]
    status: &'static str,
    /// When it began, or was queued.
    #[schema(format = DateTime)]
    at: String,
    /// Null while it runs.
    seconds: Option<f64>,
}

/// A slot that did not fire.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalendarSlot {
    job_id: String,
    schedule: String,
    #[schema(format = DateTime)]
    due_at: String,
    #[schema(value_type = SlotOutcomeWord)]
    outcome: &'static str,
    reason: Option<String>,
}

/// A span of time with what fires, ran and fell through in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Calendar {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    /// Fires before this instant have become runs or slots.
    #[schema(format = DateTime)]
    now: String,
    /// A row for each schedule, by job.
    jobs: Vec<CalendarRow>,
    /// The newest of the span, newest first.
    runs: Vec<CalendarRun>,
    /// Newest first; those to come are skipped once.
    slots: Vec<CalendarSlot>,
    /// Maintenance windows that reach into the span, by their beginning. Nothing in `jobs` falls into one.
    maintenance: Vec<MaintenanceView>,
    /// There are more runs or slots than are shown.
    truncated: bool,
}

/// To the second, as short as it gets: a calendar holds thousands.
fn short(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// When every schedule fires in a span of time, what ran in it and which slots fell through.
#[utoipa::path(get, path = "/admin/schedule", tag = "schedules", params(CalendarQuery),
    responses((status = 200, body = Calendar)))]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<CalendarQuery>, QueryRejection>,
) -> Result<Json<Calendar>, ApiError> {
    let Query(query) = query?;
    let now = app.engine.now();
    let (from, to) = span(&query, now)?;
    let past = to.min(now + TimeDelta::milliseconds(1));
    let (runs, slots) = if from < past {
        (app.history.runs_between(from, past, MOST_RUNS).await?, app.history.lost_slots(from, past, MOST_SLOTS).await?)
    } else {
        (Vec::new(), Vec::new())
    };
    let holds = app.engine.holds().await?;
    let ahead = holds.skips.iter().rev().filter(|row| row.slot.due_at >= past.max(from) && row.slot.due_at < to);
    let slots: Vec<SlotRecord> = ahead.cloned().chain(slots).collect();
    let windows = holds.windows.iter().filter(|window| window.from < to && window.until > from);
    let maintenance = windows.map(|window| MaintenanceView::new(window, now)).collect();
    let truncated = runs.len() == MOST_RUNS as usize || slots.len() >= MOST_SLOTS as usize;
    let lengths = lengths(&app.history.recent_runs(&[], LOOKED_AT).await?);
    let may_see = |job: &JobId| caller.permissions.has_job(job.as_str());
    let jobs: Vec<_> = app.engine.jobs().values().filter(|job| may_see(&job.id)).cloned().collect();
    let walk = move || {
        let mut known = HashMap::new();
        let each = jobs.iter().flat_map(|job| job.schedules.iter().map(move |schedule| (job, schedule)));
        each.map(|(job, schedule)| row(job, schedule, (from.max(now), to), &lengths, &holds, &mut known)).collect()
    };
    let jobs = tokio::task::spawn_blocking(walk).await.map_err(|error| {
        tracing::error!(%error, "the calendar broke off");
        ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "calendar", "the calendar cannot be made")
    })?;
    let runs = runs.iter().filter(|run| may_see(&run.job_id)).map(|run| CalendarRun {
        id: run.id.to_string(),
        job_id: run.job_id.to_string(),
        schedule: run.schedule.clone(),
        status: run.status.as_str(),
        at: short(run.started_at.unwrap_or(run.queued_at)),
        seconds: run.seconds(),
    });
    let slots = slots.into_iter().filter(|record| may_see(&record.slot.job_id)).map(|record| CalendarSlot {
        job_id: record.slot.job_id.to_string(),
        schedule: record.slot.schedule,
        due_at: short(record.slot.due_at),
        outcome: record.outcome.as_str(),
        reason: record.reason,
    });
    let (runs, slots) = (runs.collect(), slots.collect());
    Ok(Json(Calendar { from: short(from), to: short(to), now: short(now), jobs, runs, slots, maintenance, truncated }))
}

fn span(query: &CalendarQuery, now: Instant) -> Result<(Instant, Instant), ApiError> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let zone = match filled(&query.zone) {
        Some(name) => read_zone(&name).map_err(|error| ApiError::invalid(error.to_string()))?,
        None => system_zone(),
    };
    let read = |text: String| read_instant(&text.replace(' ', "+"), zone);
    let from = filled(&query.from).map(read).transpose()?.unwrap_or(now);
    let end = || from.checked_add_signed(USUAL).unwrap_or(from);
    let to = filled(&query.to).map(read).transpose()?.unwrap_or_else(end);
    if to <= from || to - from > LONGEST {
        let days = LONGEST.num_days();
        return Err(ApiError::invalid(format!("`to` has to be after `from`, by {days} days at most")));
    }
    Ok((from, to))
}

pub(super) type Lengths = HashMap<JobId, (Option<f64>, Option<f64>)>;

pub(super) fn lengths(times: &[RunTime]) -> Lengths {
    let of_job = |times: &[RunTime]| {
        let sorted = durations(times.iter());
        (percentile(&sorted, 50), percentile(&sorted, 95))
    };
    times.chunk_by(|a, b| a.job_id == b.job_id).map(|chunk| (chunk[0].job_id.clone(), of_job(chunk))).collect()
}

type Fires = (Vec<String>, Vec<Band>);

/// `known` keeps what was found for a wording: many jobs share one.
fn row<'j>(
    job: &'j Job,
    schedule: &'j JobSchedule,
    (from, to): (Instant, Instant),
    lengths: &Lengths,
    holds: &Holds,
    known: &mut HashMap<(String, &'static str), Fires>,
) -> CalendarRow {
    let zone = schedule.spec.zone;
    let look = || {
        let is_out = |at: &Instant| {
            !job.blackouts.iter().any(|blackout| blackout.covers(*at, zone))
                && holds.window_of(*at, schedule.fire_at(&job.id, *at)).is_none()
                && !holds.skips(&job.id, &schedule.name, *at)
        };
        let mut fires: Vec<Instant> = if from < to {
            let all = schedule.spec.upcoming(from - TimeDelta::milliseconds(1)).take_while(|at| *at < to);
            all.take(MOST_FIRES).collect()
        } else {
            Vec::new()
        };
        let is_cut = fires.len() == MOST_FIRES;
        fires.retain(is_out);
        compress(&fires, is_cut.then_some(to))
    };
    let is_like_others = job.blackouts.is_empty()
        && schedule.jitter_seconds == 0
        && holds.skips.iter().all(|skip| skip.slot.job_id != job.id);
    let (fires, bands) = if is_like_others {
        known.entry((schedule.spec.kind.to_string(), zone.name())).or_insert_with(look).clone()
    } else {
        look()
    };
    let (p50_seconds, p95_seconds) = lengths.get(&job.id).copied().unwrap_or_default();
    CalendarRow {
        id: job.id.to_string(),
        schedule: schedule.name.clone(),
        timezone: zone.name().to_owned(),
        enabled: job.enabled && schedule.enabled,
        p50_seconds,
        p95_seconds,
        fires,
        bands,
    }
}

/// Stretches at one rhythm become bands, the others stay. `until`: the fires were cut off, and the last stretch goes on.
fn compress(fires: &[Instant], until: Option<Instant>) -> Fires {
    let (mut single, mut bands) = (Vec::new(), Vec::<Band>::new());
    let mut start = 0;
    while start < fires.len() {
        let mut end = start + 1;
        let gap = fires.get(end).map_or(TimeDelta::zero(), |next| *next - fires[start]);
        while end < fires.len() && fires[end] - fires[end - 1] == gap {
            end += 1;
        }
        if end - start >= SHORTEST_BAND {
            bands.push(Band {
                every_seconds: gap.num_seconds(),
                count: (end - start) as u64,
                first: short(fires[start]),
                last: short(fires[end - 1]),
                approximate: false,
            });
            start = end;
        } else {
            single.push(short(fires[start]));
            start += 1;
        }
    }
    if let (Some(until), Some(band), Some(last)) = (until, bands.last_mut(), fires.last())
        && band.every_seconds > 0
    {
        let more = ((until - *last).num_seconds() - 1).max(0) / band.every_seconds;
        band.count += more.unsigned_abs();
        band.last = short(*last + TimeDelta::seconds(more * band.every_seconds));
        band.approximate = true;
    }
    (single, bands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_steady_rhythm_is_a_band_and_the_rest_stays_as_it_is() {
        let fires: Vec<Instant> = [0, 60, 120, 180, 1000, 5000, 5300, 5600].map(at).into();
        let (single, bands) = compress(&fires, None);
        assert_eq!(single, [short(at(1000))]);
        let told: Vec<(i64, u64)> = bands.iter().map(|band| (band.every_seconds, band.count)).collect();
        assert_eq!(told, [(60, 4), (300, 3)]);
        assert_eq!((&bands[0].first, &bands[0].last), (&short(at(0)), &short(at(180))));
    }

    #[test]
    fn what_was_cut_off_goes_on_at_its_rhythm() {
        let fires: Vec<Instant> = (0..10).map(|n| at(n * 60)).collect();
        let (single, bands) = compress(&fires, Some(at(1200)));
        assert_eq!((single.len(), bands[0].count, bands[0].approximate), (0, 20, true));
        assert_eq!(bands[0].last, short(at(1140)));
        assert!(compress(&[], Some(at(1))).1.is_empty());
    }
}
