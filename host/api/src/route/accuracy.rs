//! How close to their instants schedules fire, and which instants fell through.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DurationRound as _, TimeDelta};
use host_model::Instant;
use host_model::care::FireTime;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stats::percentile;
use crate::App;
use crate::error::ApiError;
use crate::view::instant;
use crate::view::words::SlotOutcomeWord;

const USUAL_HOURS: u32 = 24;
const MOST_HOURS: u32 = 24 * 31;
/// Fires that are looked at: a day of one every four seconds.
const MOST_FIRES: u32 = 20_000;
const MOST_LOST: u32 = 200;
/// The latest fires that are named.
const NAMED: usize = 10;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccuracyQuery {
    /// The last so many hours; 24 without one.
    #[param(minimum = 1, maximum = 744)]
    hours: Option<u32>,
}

/// How much later than due, in seconds; null without a fire.
#[derive(Serialize, ToSchema, Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Lateness {
    p50: Option<f64>,
    p95: Option<f64>,
    max: Option<f64>,
}

/// An hour.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccuracyHour {
    #[schema(format = DateTime)]
    at: String,
    fires: usize,
    /// Slots that did not fire.
    lost: usize,
    /// Until the run began.
    start: Lateness,
}

/// A fire that came late.
#[derive(Serialize, ToSchema)]
pub(crate) struct LateFire {
    run_id: String,
    job_id: String,
    schedule: String,
    #[schema(format = DateTime)]
    due_at: String,
    /// Until its run began.
    seconds: f64,
}

/// A slot that did not fire.
#[derive(Serialize, ToSchema)]
pub(crate) struct LostSlot {
    job_id: String,
    schedule: String,
    #[schema(format = DateTime)]
    due_at: String,
    #[schema(value_type = SlotOutcomeWord)]
    outcome: &'static str,
    reason: Option<String>,
}

/// How accurately schedules fired.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accuracy {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    fires: usize,
    /// Until the run was recorded.
    fire: Lateness,
    /// Until the run began: also what it waited for others.
    start: Lateness,
    hours: Vec<AccuracyHour>,
    /// The latest ten.
    latest: Vec<LateFire>,
    /// Newest first, at most 200.
    lost: Vec<LostSlot>,
    /// There are more fires or slots than were looked at.
    truncated: bool,
}

fn seconds(from: Instant, to: Instant) -> f64 {
    (to - from).as_seconds_f64().max(0.0)
}

fn lateness(all: impl Iterator<Item = f64>) -> Lateness {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    Lateness { p50: percentile(&all, 50), p95: percentile(&all, 95), max: all.last().copied() }
}

fn started(fires: &[&FireTime]) -> Lateness {
    lateness(fires.iter().filter_map(|fire| Some(seconds(fire.due_at, fire.started_at?))))
}

fn hour_of(at: Instant) -> Instant {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// How much later than due schedules fired and their runs began in the last hours, the latest fires, and the slots that
/// did not fire, each with its cause.
#[utoipa::path(get, path = "/admin/scheduler/accuracy", tag = "scheduler", params(AccuracyQuery),
    responses((status = 200, body = Accuracy)))]
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<AccuracyQuery>, QueryRejection>,
) -> Result<Json<Accuracy>, ApiError> {
    let Query(query) = query?;
    let hours = query.hours.unwrap_or(USUAL_HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        return Err(ApiError::invalid(format!("`hours` is {hours}; it may be 1 to {MOST_HOURS}")));
    }
    let to = app.engine.now();
    let from = to - TimeDelta::hours(i64::from(hours));
    let fires = app.care.fire_times(from, to, MOST_FIRES).await?;
    let lost = app.history.lost_slots(from, to, MOST_LOST).await?;
    let all: Vec<&FireTime> = fires.iter().collect();
    let mut by_hour = Vec::new();
    let mut at = hour_of(from);
    while at <= to {
        let of_hour: Vec<&FireTime> = all.iter().copied().filter(|fire| hour_of(fire.due_at) == at).collect();
        by_hour.push(AccuracyHour {
            at: instant(at),
            fires: of_hour.len(),
            lost: lost.iter().filter(|slot| hour_of(slot.slot.due_at) == at).count(),
            start: started(&of_hour),
        });
        at += TimeDelta::hours(1);
    }
    let mut late: Vec<(f64, &FireTime)> =
        all.iter().filter_map(|fire| Some((seconds(fire.due_at, fire.started_at?), *fire))).collect();
    late.sort_by(|a, b| b.0.total_cmp(&a.0));
    let late_fire = |(seconds, fire): &(f64, &FireTime)| LateFire {
        run_id: fire.run_id.to_string(),
        job_id: fire.job_id.to_string(),
        schedule: fire.schedule.clone(),
        due_at: instant(fire.due_at),
        seconds: *seconds,
    };
    Ok(Json(Accuracy {
        from: instant(from),
        to: instant(to),
        fires: fires.len(),
        fire: lateness(fires.iter().map(|fire| seconds(fire.due_at, fire.queued_at))),
        start: started(&all),
        hours: by_hour,
        latest: late.iter().take(NAMED).map(late_fire).collect(),
        truncated: fires.len() == MOST_FIRES as usize || lost.len() == MOST_LOST as usize,
        lost: lost
            .into_iter()
            .map(|slot| LostSlot {
                job_id: slot.slot.job_id.to_string(),
                schedule: slot.slot.schedule,
                due_at: instant(slot.slot.due_at),
                outcome: slot.outcome.as_str(),
                reason: slot.reason,
            })
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_that_of_the_middle_the_tail_and_the_worst() {
        assert_eq!(lateness(std::iter::empty()), Lateness::default());
        let of_many = lateness((1..=100).rev().map(f64::from));
        assert_eq!((of_many.p50, of_many.max), (Some(50.0), Some(100.0)));
        assert!(of_many.p95.is_some_and(|p95| (95.0..=96.0).contains(&p95)), "{of_many:?}");
    }
}
