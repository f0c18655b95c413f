//! What became of the instants at which a job was due: the ledger, and the answer to "why did it (not) run?". Instants
//! that are not in the ledger come from the scheduler's own code in the model.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use chrono::TimeDelta;
use host_catalogue::system_zone;
use host_model::fire::{SlotFilter, SlotOutcome, SlotRecord};
use host_model::hold::Holds;
use host_model::job::JobSchedule;
use host_model::schedule::{read_instant, rfc3339_in};
use host_model::{Instant, Job, JobId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::jobs::no_such_job;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, Id};
use crate::view::instant;
use crate::view::slot::{DueInstant, Nearest, SlotPage, SlotView, Why, WhyAnswer};

const DEFAULT_SLOTS: u32 = 50;
const MOST_SLOTS: u32 = 1000;
/// Most rows, and instants of a schedule, of one answer.
const AROUND: u32 = 1000;
/// How far back the nearest instant before another is looked for: the rarest date, 29 February on a given weekday,
/// comes back after 40 years at most.
const LOOK_BACK: [i64; 6] = [1, 24, 31 * 24, 366 * 24, 5 * 366 * 24, 41 * 366 * 24];

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SlotQuery {
    /// 1 to 1000; 50 without one.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhyQuery {
    /// The instant; a date is the whole day, a time without seconds the whole minute.
    at: Option<String>,
    /// Without an instant: how many of the latest, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

fn slot(record: &SlotRecord) -> SlotView {
    SlotView {
        schedule: record.slot.schedule.clone(),
        due_at: instant(record.slot.due_at),
        outcome: record.outcome.as_str(),
        reason: record.reason.clone(),
        run_id: record.run_id.map(|run| run.to_string()),
        decided_at: instant(record.decided_at),
    }
}

fn read_limit(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit.unwrap_or(DEFAULT_SLOTS) {
        limit if (1..=MOST_SLOTS).contains(&limit) => Ok(limit),
        limit => Err(ApiError::invalid(format!("limit is {limit}; allowed are 1 to {MOST_SLOTS}"))),
    }
}

/// The ledger of a job, newest first. Also of a job that is no longer in the catalogue, as long as it has rows.
#[utoipa::path(get, path = "/admin/jobs/{id}/slots", tag = "schedules",
    params(("id" = String, Path, description = "A job"), SlotQuery), responses((status = 200, body = SlotPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    query: Result<Query<SlotQuery>, QueryRejection>,
) -> Result<Json<SlotPage>, ApiError> {
    let Query(query) = query?;
    let limit = read_limit(query.limit)?;
    // `next` of the page before: the instant and, after a comma, the schedule.
    let before = match query.before.as_deref() {
        None => None,
        Some(text) => {
            let (at, schedule) = text.split_once(',').unwrap_or((text, ""));
            Some((read_instant(&at.replace(' ', "+"), system_zone())?, schedule.to_owned()))
        }
    };
    let job_id = JobId::new(&id).map_err(|_| no_such_job(&app, &caller, &id))?;
    let filter = SlotFilter { job_id, from: None, before, limit };
    let found = app.engine.store().find_slots(&filter).await?;
    if found.is_empty() && !app.engine.jobs().contains_key(id.as_str()) {
        return Err(no_such_job(&app, &caller, &id));
    }
    let next = found.last().filter(|_| found.len() == limit as usize);
    let next = next.map(|last| format!("{},{}", instant(last.slot.due_at), last.slot.schedule));
    Ok(Json(SlotPage { job_id: id, slots: found.iter().map(slot).collect(), next }))
}

/// What happened, or will, at an instant; without one, at the latest slots and the next.
#[utoipa::path(get, path = "/admin/jobs/{id}/why", tag = "schedules",
    params(("id" = String, Path, description = "A job"), WhyQuery), responses((status = 200, body = Why)))]
pub(crate) async fn why(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    query: Result<Query<WhyQuery>, QueryRejection>,
) -> Result<Json<Why>, ApiError> {
    let Query(query) = query?;
    let limit = read_limit(query.limit)?;
    let jobs = app.engine.jobs();
    let Some(job) = jobs.get(id.as_str()) else { return Err(no_such_job(&app, &caller, &id)) };
    let store = app.engine.store();
    let now = app.engine.now();
    let Some(text) = query.at.as_deref() else {
        let filter = SlotFilter { job_id: job.id.clone(), from: None, before: None, limit };
        let found = store.find_slots(&filter).await?;
        let mut answers = Vec::with_capacity(found.len());
        for record in &found {
            answers.push(answer(&app, job, record).await?);
        }
        return Ok(Json(Why { job_id: id, at: None, answers, nearest: nearest(job, now) }));
    };
    let zone = job.schedules.first().map_or_else(system_zone, |schedule| schedule.spec.zone);
    let at = read_instant(&text.replace(' ', "+"), zone)?;
    // An instant is asked for by the second or the minute, as people write it: every slot inside that.
    let (from, to) = asked(text, at);
    let filter =
        SlotFilter { job_id: job.id.clone(), from: Some(from), before: Some((to, String::new())), limit: AROUND };
    let decided = store.find_slots(&filter).await?;
    let mut answers = Vec::new();
    for record in decided.iter().rev() {
        answers.push(answer(&app, job, record).await?);
    }
    let holds = app.engine.holds().await?;
    // Of a long time with more rows than are shown, the rows are the answer.
    let may_lack = decided.len() < AROUND as usize;
    for schedule in job.schedules.iter().filter(|_| may_lack) {
        let due = schedule.spec.upcoming(from - TimeDelta::milliseconds(1)).take_while(|due| *due < to);
        for due in due.take(AROUND as usize) {
            let is_known = decided.iter().any(|r| r.slot.due_at == due && r.slot.schedule == schedule.name);
            if !is_known {
                let (verdict, text) = undecided(job, schedule, due, now, &holds);
                answers.push(WhyAnswer {
                    schedule: Some(schedule.name.clone()),
                    due_at: Some(instant(due)),
                    local: Some(rfc3339_in(due, schedule.spec.zone)),
                    ..WhyAnswer::new(verdict, text)
                });
            }
        }
    }
    answers.sort_by(|a, b| a.due_at.cmp(&b.due_at));
    if answers.is_empty() {
        let text = match why_silent(job) {
            Some(why) => format!("not due: {why}"),
            None => "not due: no schedule of the job names this time".to_owned(),
        };
        answers.push(WhyAnswer::new("not_due", text));
    }
    Ok(Json(Why { job_id: id, at: Some(instant(at)), answers, nearest: nearest(job, at) }))
}

/// The span a text speaks of: `…T03:00` is a minute, a date a day, anything else with seconds is a second.
fn asked(text: &str, at: Instant) -> (Instant, Instant) {
    let length = match text.split_once('T') {
        None => TimeDelta::days(1),
        Some((_, time)) => {
            let wall: String = time.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
            if wall.matches(':').count() < 2 { TimeDelta::minutes(1) } else { TimeDelta::seconds(1) }
        }
    };
    (at, at + length)
}

/// A row of the ledger in words, with the state of its run.
async fn answer(app: &App, job: &Job, record: &SlotRecord) -> Result<WhyAnswer, ApiError> {
    let run = match record.run_id {
        Some(run) => app.engine.store().find_run(run).await?,
        None => None,
    };
    let status = run.as_ref().map(|run| run.status.as_str());
    let reason = record.reason.as_deref().unwrap_or("no reason was recorded");
    let text = match (record.outcome, record.run_id) {
        (SlotOutcome::Fired, Some(id)) => match status {
            Some(status) => format!("it fired: run {id} is {status}"),
            None => format!("it fired: run {id}, no longer in the history"),
        },
        (SlotOutcome::Fired, None) => "it fired".to_owned(),
        (SlotOutcome::Skipped, _) if record.slot.due_at > app.engine.now() => format!("it will be skipped: {reason}"),
        (SlotOutcome::Skipped, _) => format!("it was skipped: {reason}"),
        (SlotOutcome::Missed, _) => format!("it was missed: {reason}"),
        (SlotOutcome::FailedToStart, _) => format!("its run could not be created: {reason}"),
    };
    let zone = job.schedules.iter().find(|s| s.name == record.slot.schedule).map(|s| s.spec.zone);
    let SlotView { schedule, due_at, outcome, reason, run_id, decided_at } = slot(record);
    Ok(WhyAnswer {
        schedule: Some(schedule),
        due_at: Some(due_at),
        local: Some(rfc3339_in(record.slot.due_at, zone.unwrap_or_else(system_zone))),
        reason,
        run_id,
        run_status: status,
        outcome: Some(outcome),
        decided_at: Some(decided_at),
        ..WhyAnswer::new(outcome, text)
    })
}

/// An instant that fits the schedule but has no row.
fn undecided(job: &Job, schedule: &JobSchedule, due: Instant, now: Instant, holds: &Holds) -> (&'static str, String) {
    let off = match (job.enabled, schedule.enabled) {
        (false, _) => Some(format!("job `{}` is disabled", job.id)),
        (_, false) => Some(format!("schedule `{}` is off", schedule.name)),
        _ => None,
    };
    let fire_at = schedule.fire_at(&job.id, due);
    match (off, due > now, fire_at > now) {
        (Some(off), true, _) => ("not_due", format!("not yet, and it will not fire as things are: {off}")),
        (Some(off), false, _) => ("not_due", format!("it did not count: {off}")),
        (None, true, _) => {
            if let Some(blackout) = job.blackouts.iter().find(|b| b.covers(due, schedule.spec.zone)) {
                ("not_yet", format!("not yet, and it will be skipped: blackout `{}`", blackout.name))
            } else if let Some(window) = holds.window_of(due, fire_at) {
                ("not_yet", format!("not yet, and it will be skipped: {}", window.why()))
            } else if let Some(pause) = &holds.pause {
                ("not_yet", format!("not yet; the scheduler is paused by {} at the moment", pause.by))
            } else {
                ("not_yet", "not yet".to_owned())
            }
        }
        (None, false, true) => ("not_yet", format!("due, and delayed by its jitter until {}", instant(fire_at))),
        (None, false, false) => (
            "unknown",
            "the schedule names this time, but the ledger has no row: the schedule was not yet known or enabled then, \
             the row is older than the history, or it is being decided"
                .to_owned(),
        ),
    }
}

/// Why no schedule of the job fires at all, if so.
fn why_silent(job: &Job) -> Option<String> {
    if job.schedules.is_empty() {
        Some(format!("job `{}` has no schedule", job.id))
    } else if !job.enabled {
        Some(format!("job `{}` is disabled", job.id))
    } else if job.schedules.iter().all(|schedule| !schedule.enabled) {
        Some(format!("every schedule of job `{}` is off", job.id))
    } else {
        None
    }
}

/// The due instants next to `at`, over all schedules.
fn nearest(job: &Job, at: Instant) -> Nearest {
    let view = |(due, schedule): (Instant, &JobSchedule)| DueInstant {
        at: instant(due),
        local: rfc3339_in(due, schedule.spec.zone),
        schedule: schedule.name.clone(),
        enabled: job.enabled && schedule.enabled,
    };
    let before = job.schedules.iter().filter_map(|s| Some((last_before(s, at)?, s))).max_by_key(|(due, _)| *due);
    let after = job.schedules.iter().filter_map(|s| Some((s.spec.next_after(at)?, s))).min_by_key(|(due, _)| *due);
    Nearest { before: before.map(view), after: after.map(view) }
}

/// The last instant of the schedule before `at`. The model walks forward only: it begins further and further back until
/// it meets one, then halves the way.
fn last_before(schedule: &JobSchedule, at: Instant) -> Option<Instant> {
    let next = |from: Instant| schedule.spec.next_after(from).filter(|due| *due < at);
    let mut found = LOOK_BACK.iter().find_map(|hours| next(at - TimeDelta::hours(*hours)))?;
    let mut to = at;
    while to - found > TimeDelta::milliseconds(1) {
        let middle = found + (to - found) / 2;
        match next(middle) {
            Some(later) => found = later,
            None => to = middle,
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use host_model::job::Overrides;
    use host_model::schedule::{CronExpr, ScheduleKind, ScheduleSpec, read_zone};

    use super::*;

    fn at(text: &str) -> Instant {
        let utc = read_zone("UTC").unwrap_or_else(|error| panic!("{error}"));
        read_instant(text, utc).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_instant_before_is_found_however_rare_it_is() {
        let cases = [
            ("*/5 * * * *", "2026-03-01T12:03", Some("2026-03-01T12:00")),
            ("* * * * * *", "2026-03-01T12:03:00", Some("2026-03-01T12:02:59")),
            ("0 3 * * *", "2026-03-01T03:00", Some("2026-02-28T03:00")),
            ("0 3 1 1 *", "2026-03-01T03:00", Some("2026-01-01T03:00")),
            ("0 0 29 2 *", "2026-03-01T03:00", Some("2024-02-29T00:00")),
            ("0 0 30 2 *", "2026-03-01T03:00", None),
        ];
        let utc = read_zone("UTC").unwrap_or_else(|error| panic!("{error}"));
        for (text, before, expected) in cases {
            let cron = CronExpr::parse(text).unwrap_or_else(|error| panic!("{error}"));
            let schedule = JobSchedule {
                name: "default".to_owned(),
                text: text.to_owned(),
                spec: ScheduleSpec::new(ScheduleKind::Cron(cron), utc),
                enabled: true,
                jitter_seconds: 0,
                placement: None,
                overrides: Overrides::default(),
            };
            assert_eq!(last_before(&schedule, at(before)), expected.map(at), "{text}");
        }
    }

    #[test]
    fn a_text_asks_for_as_long_as_it_is_precise() {
        for (text, seconds) in [
            ("2026-03-01", 86_400),
            ("2026-03-01T12:03", 60),
            ("2026-03-01T12:03:04", 1),
            ("2026-03-01T12:03:04Z", 1),
            ("2026-03-01T12:03:04+02:00", 1),
        ] {
            let (from, to) = asked(text, at(text));
            assert_eq!((to - from).num_seconds(), seconds, "{text}");
        }
    }
}
