//! The fires to come as an iCalendar file (RFC 5545), for calendars that subscribe to an address. Such programs send no
//! headers, so the token stands in the address, and only one that opens nothing else is taken there.
//!
//! Every fire of the next 30 days is an event of its own. A schedule that fires more than once an hour on average is left
//! out and named in the description: no calendar is of use with a mark every five minutes.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use host_model::access::Permissions;
use host_model::hold::Holds;
use host_model::job::INTERNAL_PREFIX;
use host_model::{Instant, Job};
use serde::Deserialize;
use utoipa::IntoParams;

use super::calendar::{LOOKED_AT, Lengths, lengths};
use crate::App;
use crate::auth::{self, Visitor};
use crate::error::ApiError;

/// How far ahead.
const SPAN: TimeDelta = TimeDelta::days(30);
/// Fires of one schedule in that time; one that has more is left out.
const MOST: usize = 30 * 24;
/// Events of one file.
const MOST_EVENTS: usize = 20_000;
/// How long a fire is shown whose usual length nobody knows, in seconds.
const UNKNOWN: i64 = 300;
/// Longest line, in bytes (RFC 5545 §3.1).
const LINE: usize = 75;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IcsQuery {
    /// An API token with the permission `schedule:read` alone; without one the request is asked as any other.
    token: Option<String>,
    /// Of this job only.
    job: Option<String>,
}

/// The fires of the next 30 days as an iCalendar file.
#[utoipa::path(get, path = "/admin/schedule.ics", tag = "schedules", params(IcsQuery),
    responses((status = 200, body = String, content_type = "text/calendar")))]
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<IcsQuery>, QueryRejection>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let may = match query.token.as_deref() {
        Some(token) => auth::subscriber(&app, token, &Visitor::of(&parts).address).await?,
        None => {
            let caller = auth::caller_of(&app, &parts).await?;
            if caller.must_change_password || !caller.permissions.has_some_job() {
                return Err(crate::surface::denied("job:*"));
            }
            caller.permissions
        }
    };
    let (now, holds) = (app.engine.now(), app.engine.holds().await?);
    let lengths = lengths(&app.history.recent_runs(&[], LOOKED_AT).await?);
    let jobs: Vec<_> = app.engine.jobs().values().filter(|job| is_asked(job, &query, &may)).cloned().collect();
    let make = move || file(jobs.iter().map(AsRef::as_ref), &holds, &lengths, now);
    let text = tokio::task::spawn_blocking(make).await.map_err(|error| {
        tracing::error!(%error, "the calendar file broke off");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "calendar", "the calendar cannot be made")
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"nomaflow.ics\""),
    ];
    Ok((headers, Body::from(text)).into_response())
}

fn is_asked(job: &Job, query: &IcsQuery, may: &Permissions) -> bool {
    let is_ours = job.id.as_str().starts_with(INTERNAL_PREFIX);
    may.has_job(job.id.as_str()) && query.job.as_deref().map_or(!is_ours, |id| job.id.as_str() == id)
}

/// The whole file.
fn file<'j>(jobs: impl Iterator<Item = &'j Job>, holds: &Holds, lengths: &Lengths, now: Instant) -> String {
    let (until, stamp) = (now + SPAN, utc(now));
    let (mut events, mut left_out, mut count) = (File::default(), Vec::new(), 0);
    for job in jobs.filter(|job| job.enabled) {
        let usual = lengths.get(&job.id).and_then(|(p50, _)| *p50).map_or(UNKNOWN, |seconds| seconds.ceil() as i64);
        for schedule in job.schedules.iter().filter(|schedule| schedule.enabled) {
            let name = match schedule.name.as_str() {
                "default" => job.id.to_string(),
                other => format!("{} ({other})", job.id),
            };
            let due: Vec<Instant> =
                holds.next_fires(job, schedule, now).take_while(|at| *at < until).take(MOST + 1).collect();
            if due.len() > MOST || count + due.len() > MOST_EVENTS {
                left_out.push(name);
                continue;
            }
            count += due.len();
            for at in due {
                events.line("BEGIN:VEVENT");
                events.line(&format!("UID:{}@nomaflow", uid(&[job.id.as_str(), &schedule.name], at)));
                events.line(&format!("DTSTAMP:{stamp}"));
                events.line(&format!("DTSTART:{}", utc(at)));
                events.line(&format!("DURATION:PT{}S", usual.max(1)));
                events.line(&format!("SUMMARY:{}", escaped(&name)));
                let about = match job.description.as_str() {
                    "" => format!("{} {}", schedule.text, schedule.spec.zone.name()),
                    text => format!("{text}\n{} {}", schedule.text, schedule.spec.zone.name()),
                };
                events.line(&format!("DESCRIPTION:{}", escaped(&about)));
                if !job.tags.is_empty() {
                    let tags: Vec<String> = job.tags.iter().map(|tag| escaped(tag)).collect();
                    events.line(&format!("CATEGORIES:{}", tags.join(",")));
                }
                events.line("TRANSP:TRANSPARENT");
                events.line("END:VEVENT");
            }
        }
    }
    for window in holds.windows.iter().filter(|window| window.until > now && window.from < until) {
        events.line("BEGIN:VEVENT");
        events.line(&format!("UID:maintenance-{}@nomaflow", window.id));
        events.line(&format!("DTSTAMP:{stamp}"));
        events.line(&format!("DTSTART:{}", utc(window.from)));
        events.line(&format!("DTEND:{}", utc(window.until)));
        events.line(&format!("SUMMARY:{}", escaped(&window.why())));
        events.line("DESCRIPTION:No schedule fires.");
        events.line("END:VEVENT");
    }
    let mut out = File::default();
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Nomaflow//schedule//EN", "CALSCALE:GREGORIAN"] {
        out.line(line);
    }
    for line in
        ["METHOD:PUBLISH", "X-WR-CALNAME:Nomaflow", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"]
    {
        out.line(line);
    }
    if !left_out.is_empty() {
        let text = format!("Left out, because they fire more than once an hour: {}", left_out.join(", "));
        out.line(&format!("X-WR-CALDESC:{}", escaped(&text)));
    }
    out.0.push_str(&events.0);
    out.line("END:VCALENDAR");
    out.0
}

/// The same for the same slot in every file, so that calendars see one event, moved by nothing.
fn uid(names: &[&str], at: Instant) -> String {
    let mut text = String::new();
    for byte in names.join("/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => text.push(char::from(byte)),
            // Writing to a text does not fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    format!("{text}/{}", at.timestamp())
}

fn utc(at: Instant) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// Text as a value (RFC 5545 §3.3.11).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[derive(Default)]
struct File(String);

impl File {
    /// Adds a line, folded where it is too long and never inside a character.
    fn line(&mut self, text: &str) {
        let mut length = 0;
        for c in text.chars() {
            if length + c.len_utf8() > LINE {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(c);
            length += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters_and_values_escaped() {
        let mut file = File::default();
        file.line(&format!("SUMMARY:{}", escaped(&"été, à 9;\n".repeat(20))));
        assert!(file.0.split("\r\n").all(|line| line.len() <= LINE), "{}", file.0);
        let unfolded = file.0.replace("\r\n ", "");
        assert_eq!(unfolded.trim_end(), format!("SUMMARY:{}", "été\\, à 9\\;\\n".repeat(20)));
    }

    #[test]
    fn a_slot_has_one_name_for_ever() {
        let at = Instant::from_timestamp(1_795_003_200, 0).unwrap();
        assert_eq!(uid(&["nightly", "à midi"], at), "nightly/%C3%A0%20midi/1795003200");
    }
}
