//! Blackouts: times at which the schedules of a job do not fire, written as wall times. Manual runs do not ask.
//!
//! A daily blackout speaks of what the clock on the wall shows at an instant, so a time that a change of the clocks shows
//! twice is inside twice, and one it jumps over is inside never. The two ends of a dated one are instants: one that comes
//! twice means the earlier for `from` and the later for `to`; one that is jumped over means the first instant after it.

pub use chrono::Weekday;
use chrono::{Datelike, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use thiserror::Error;

use crate::Instant;

/// A time without scheduled fires. `from` is inside, `to` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blackout {
    /// Unique in its job; the reason of the slots it skips names it.
    pub name: String,
    /// Whose wall clock it speaks of; `None` = that of the schedule.
    pub zone: Option<Tz>,
    /// When.
    pub span: BlackoutSpan,
}

/// When a blackout holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlackoutSpan {
    /// Between two times of the day; over midnight when the first is later.
    Daily {
        /// First minute inside.
        from: NaiveTime,
        /// First minute outside again.
        to: NaiveTime,
        /// The days on which it begins; empty = every day.
        days: Vec<Weekday>,
    },
    /// Once, between two dates.
    Dated {
        /// First minute inside.
        from: NaiveDateTime,
        /// First minute outside again.
        to: NaiveDateTime,
    },
}

/// What is wrong with the two ends of a blackout.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlackoutError {
    /// Neither form of time.
    #[error("`{found}` is neither a time of day nor a date with time")]
    NotATime {
        /// The text.
        found: String,
    },
    /// A time of day on one side, a date on the other.
    #[error("`from` and `to` must both be times of day or both be dates with times")]
    Mixed,
    /// It would hold never.
    #[error("a blackout from `{from}` to `{to}` is empty")]
    Empty {
        /// The first end.
        from: String,
        /// The other.
        to: String,
    },
    /// Days make sense for times of day only.
    #[error("`days` goes with times of day only")]
    DaysOfDates,
}

impl BlackoutError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotATime { .. } | Self::Mixed => "write `22:00`, or `2026-12-24T00:00`",
            Self::Empty { .. } => "`to` is the first minute outside; a whole day is `00:00` to `24:00`",
            Self::DaysOfDates => "leave `days` out",
        }
    }
}

enum End {
    Time(NaiveTime),
    /// `24:00`, the midnight that ends a day.
    Midnight,
    Date(NaiveDateTime),
}

fn read_end(text: &str) -> Result<End, BlackoutError> {
    if text == "24:00" {
        return Ok(End::Midnight);
    }
    let time = |format| (text.len() == 5).then(|| NaiveTime::parse_from_str(text, format).ok()).flatten();
    let date =
        || ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"].iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
    match (time("%H:%M"), date()) {
        (Some(time), _) => Ok(End::Time(time)),
        (None, Some(date)) => Ok(End::Date(date)),
        (None, None) => Err(BlackoutError::NotATime { found: text.to_owned() }),
    }
}

/// Reads `mon` to `sun`.
pub fn read_day(text: &str) -> Option<Weekday> {
    DAYS.iter().find(|(word, _)| *word == text).map(|(_, day)| *day)
}

/// The days as files spell them.
pub const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

impl BlackoutSpan {
    /// Reads the two ends as files write them: `22:00` and `06:00`, or `2026-12-24T00:00` and `2026-12-27T00:00`.
    ///
    /// # Errors
    /// [`BlackoutError`].
    pub fn read(from: &str, to: &str, days: Vec<Weekday>) -> Result<Self, BlackoutError> {
        let empty = || BlackoutError::Empty { from: from.to_owned(), to: to.to_owned() };
        match (read_end(from)?, read_end(to)?) {
            (End::Time(start), End::Time(end)) if start == end => Err(empty()),
            (End::Time(from), End::Time(to)) => Ok(Self::Daily { from, to, days }),
            (End::Time(from), End::Midnight) => Ok(Self::Daily { from, to: NaiveTime::MIN, days }),
            (End::Date(_), End::Date(_)) if !days.is_empty() => Err(BlackoutError::DaysOfDates),
            (End::Date(start), End::Date(end)) if start >= end => Err(empty()),
            (End::Date(from), End::Date(to)) => Ok(Self::Dated { from, to }),
            (End::Midnight, _) => Err(BlackoutError::NotATime { found: from.to_owned() }),
            _ => Err(BlackoutError::Mixed),
        }
    }
}

impl Blackout {
    /// Whether a slot due at `at` falls into it. `zone` is the schedule's.
    pub fn covers(&self, at: Instant, zone: Tz) -> bool {
        let zone = self.zone.unwrap_or(zone);
        match &self.span {
            BlackoutSpan::Dated { from, to } => first_instant(zone, *from) <= at && at < last_instant(zone, *to),
            BlackoutSpan::Daily { from, to, days } => {
                let local = at.with_timezone(&zone).naive_local();
                let (today, time) = (local.weekday(), local.time());
                let begins_on = |day: Weekday| days.is_empty() || days.contains(&day);
                if from < to {
                    *from <= time && time < *to && begins_on(today)
                } else {
                    // Over midnight; also when it ends with the day, or lasts a whole one.
                    (*from <= time && begins_on(today)) || (time < *to && begins_on(today.pred()))
                }
            }
        }
    }
}

fn first_instant(zone: Tz, wall: NaiveDateTime) -> Instant {
    zone.from_local_datetime(&wall).earliest().map_or_else(|| after_gap(zone, wall), |at| at.to_utc())
}

fn last_instant(zone: Tz, wall: NaiveDateTime) -> Instant {
    zone.from_local_datetime(&wall).latest().map_or_else(|| after_gap(zone, wall), |at| at.to_utc())
}

/// The first instant after the gap `wall` lies in. The offset before the gap is the one that reads it as later.
fn after_gap(zone: Tz, wall: NaiveDateTime) -> Instant {
    let mut minute = wall;
    // No zone ever jumped by more than a day.
    for _ in 0..=24 * 60 {
        minute += TimeDelta::minutes(1);
        if let Some(at) = zone.from_local_datetime(&minute).earliest() {
            return at.to_utc();
        }
    }
    wall.and_utc()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;

    fn blackout(from: &str, to: &str, days: &[&str]) -> Blackout {
        let days = days.iter().filter_map(|day| read_day(day)).collect();
        let span = BlackoutSpan::read(from, to, days).unwrap_or_else(|error| panic!("{error}"));
        Blackout { name: "quiet".to_owned(), zone: None, span }
    }

    fn at(text: &str) -> Instant {
        chrono::DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_utc()
    }

    #[track_caller]
    fn table(blackout: &Blackout, zone: Tz, rows: &[(&str, bool)]) {
        for (text, inside) in rows {
            assert_eq!(blackout.covers(at(text), zone), *inside, "{text}");
        }
    }

    #[test]
    fn the_first_minute_is_inside_and_the_last_is_not() {
        table(
            &blackout("12:00", "13:00", &[]),
            Tz::UTC,
            &[
                ("2026-11-22T11:59:59Z", false),
                ("2026-11-22T12:00:00Z", true),
                ("2026-11-22T12:59:59Z", true),
                ("2026-11-22T13:00:00Z", false),
            ],
        );
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        // 20 November 2026 is a Friday.
        table(
            &blackout("22:00", "06:00", &["fri"]),
            Tz::UTC,
            &[
                ("2026-11-20T05:00:00Z", false),
                ("2026-11-20T22:00:00Z", true),
                ("2026-11-21T05:59:00Z", true),
                ("2026-11-21T06:00:00Z", false),
                ("2026-11-21T22:00:00Z", false),
            ],
        );
    }

    #[test]
    fn a_day_may_be_taken_to_its_end_or_whole() {
        let rows = [("2026-11-21T23:59:59Z", true), ("2026-11-22T00:00:00Z", false), ("2026-11-20T23:00:00Z", false)];
        table(&blackout("20:00", "24:00", &["sat"]), Tz::UTC, &rows);
        table(&blackout("00:00", "24:00", &["sat"]), Tz::UTC, &rows);
        table(&blackout("00:00", "24:00", &["sat"]), Tz::UTC, &[("2026-11-21T00:00:00Z", true)]);
    }

    #[test]
    fn wall_times_are_those_of_the_schedule_unless_it_names_a_zone() {
        let mut night = blackout("22:00", "23:00", &[]);
        table(&night, Paris, &[("2026-07-01T20:30:00Z", true), ("2026-07-01T22:30:00Z", false)]);
        night.zone = Some(Tz::UTC);
        table(&night, Paris, &[("2026-07-01T20:30:00Z", false), ("2026-07-01T22:30:00Z", true)]);
    }

    #[test]
    fn a_wall_time_that_comes_twice_is_inside_twice_and_one_jumped_over_never() {
        let early = blackout("02:00", "03:00", &[]);
        // 25 October 2026, 03:00 becomes 02:00 in Paris.
        table(
            &early,
            Paris,
            &[
                ("2026-10-24T23:59:00Z", false),
                ("2026-10-25T00:30:00Z", true),
                ("2026-10-25T01:30:00Z", true),
                ("2026-10-25T02:00:00Z", false),
            ],
        );
        // 29 March 2026, 02:00 becomes 03:00.
        table(&early, Paris, &[("2026-03-29T00:59:00Z", false), ("2026-03-29T01:00:00Z", false)]);
    }

    #[test]
    fn the_ends_of_a_dated_one_are_instants() {
        let feast = blackout("2026-12-24T00:00", "2026-12-27T00:00", &[]);
        table(
            &feast,
            Paris,
            &[
                ("2026-12-23T22:59:59Z", false),
                ("2026-12-23T23:00:00Z", true),
                ("2026-12-26T22:59:59Z", true),
                ("2026-12-26T23:00:00Z", false),
            ],
        );
        let autumn = blackout("2026-10-25T02:30", "2026-10-25T02:45", &[]);
        table(
            &autumn,
            Paris,
            &[
                ("2026-10-25T00:29:00Z", false),
                ("2026-10-25T00:30:00Z", true),
                ("2026-10-25T01:00:00Z", true),
                ("2026-10-25T01:44:00Z", true),
                ("2026-10-25T01:45:00Z", false),
            ],
        );
        let spring = blackout("2026-03-29T02:30", "2026-03-29T03:30", &[]);
        table(
            &spring,
            Paris,
            &[("2026-03-29T00:59:59Z", false), ("2026-03-29T01:00:00Z", true), ("2026-03-29T01:30:00Z", false)],
        );
    }

    #[test]
    fn two_ends_that_make_no_time_are_refused() {
        let error = |from, to| BlackoutSpan::read(from, to, vec![]).map_err(|error| error.to_string());
        for (from, to, message) in [
            ("25:00", "26:00", "`25:00` is neither a time of day nor a date with time"),
            ("9:00", "10:00", "`9:00` is neither a time of day nor a date with time"),
            ("24:00", "06:00", "`24:00` is neither a time of day nor a date with time"),
            ("22:00", "2026-12-24T00:00", "`from` and `to` must both be times of day or both be dates with times"),
            ("10:00", "10:00", "a blackout from `10:00` to `10:00` is empty"),
            (
                "2026-12-24T00:00",
                "2026-12-23T00:00",
                "a blackout from `2026-12-24T00:00` to `2026-12-23T00:00` is empty",
            ),
        ] {
            assert_eq!(error(from, to), Err(message.to_owned()));
        }
        let dated = BlackoutSpan::read("2026-12-24T00:00", "2026-12-25T00:00", vec![Weekday::Mon]);
        assert_eq!(dated, Err(BlackoutError::DaysOfDates));
    }
}
