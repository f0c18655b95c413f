//! What a person wants to see before trusting a schedule: its next instants, and notes on what may surprise about
//! them. The instants are the scheduler's own; what clock changes did to them is found by asking the same walk under
//! the other rules, so that a note cannot disagree with a fire.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::fields::DayRule;
use super::{Fold, Gap, ScheduleKind, ScheduleSpec};

/// A schedule that waits for longer than the longest month is more often a slip than a wish.
const LONG_DAYS: i64 = 31;

/// The next instants of a schedule with what to know about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// In order; fewer than asked for when the schedule ends.
    pub fires: Vec<DateTime<Utc>>,
    /// In order of kind, then of time.
    pub notes: Vec<Note>,
}

/// Something that may surprise about a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `gap-shifted`, `gap-skipped`, `fold-first`, `fold-second`, `fold-both`, `long-wait`, `every-second` or
    /// `either-day`.
    pub code: &'static str,
    /// The instant it is about: the fire, or for `gap-skipped` the turn of the clock; none for the whole schedule.
    pub at: Option<DateTime<Utc>>,
    /// For people: lower-case start, no final stop.
    pub message: String,
}

/// An instant in RFC 3339 with the offset of `zone`. Where the offset is no whole number of minutes, which RFC 3339
/// cannot write and no zone has had since 1972, in UTC.
pub fn rfc3339_in(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    if local.offset().fix().local_minus_utc() % 60 == 0 {
        local.to_rfc3339_opts(SecondsFormat::Secs, false)
    } else {
        at.to_rfc3339_opts(SecondsFormat::Secs, false)
    }
}

impl ScheduleSpec {
    /// The first `count` instants after `after`, with notes.
    pub fn preview(&self, after: DateTime<Utc>, count: usize) -> Preview {
        let fires: Vec<DateTime<Utc>> = self.upcoming(after).take(count).collect();
        let mut notes = Vec::new();
        if let ScheduleKind::Cron(cron) = &self.kind {
            // A schedule that follows real time has its rhythm across a change of the clocks; nothing is lost or moved.
            let (gap, fold) = self.rules(cron);
            match gap {
                Gap::Shift => notes.extend(self.shifted(&fires)),
                Gap::Skip if !cron.has_wildcard_hour() => notes.extend(self.skipped(after, &fires)),
                Gap::Skip => {}
            }
            if fold != Fold::Both || !cron.has_wildcard_hour() {
                notes.extend(self.doubled(fold, &fires));
            }
            if cron.fields.day_rule == DayRule::Either {
                let message = "day of month and day of week are both set: a day that matches either one counts";
                notes.push(Note { code: "either-day", at: None, message: message.to_owned() });
            }
        }
        notes.extend(self.long_wait(after, &fires));
        if let [first, second, ..] = fires[..]
            && second - first == TimeDelta::seconds(1)
        {
            let message = "this fires every second: a sixth field, in last place, holds the seconds";
            notes.push(Note { code: "every-second", at: None, message: message.to_owned() });
        }
        Preview { fires, notes }
    }

    fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// The fires that are there only because a gap moved them.
    fn shifted(&self, fires: &[DateTime<Utc>]) -> Vec<Note> {
        let skipping = Self { gap: Some(Gap::Skip), ..self.clone() };
        let is_moved = |at: DateTime<Utc>| skipping.next_after(at - TimeDelta::seconds(1)) != Some(at);
        let moved = fires.iter().copied().filter(|at| is_moved(*at));
        let note = |at| {
            let wall = self.wall(at);
            let message = format!(
                "the clocks jump over a time this is set for on {}; it fires at {} instead, right after the jump",
                wall.date(),
                wall.time()
            );
            Note { code: "gap-shifted", at: Some(at), message }
        };
        moved.map(note).collect()
    }

    /// The turns at which a gap swallowed a fire, up to the last one shown.
    fn skipped(&self, after: DateTime<Utc>, fires: &[DateTime<Utc>]) -> Vec<Note> {
        let Some(last) = fires.last() else { return Vec::new() };
        let shifting = Self { gap: Some(Gap::Shift), ..self.clone() };
        let lost = shifting.upcoming(after).take_while(|at| at < last).filter(|at| fires.binary_search(at).is_err());
        let note = |turn| {
            let date = self.wall(turn).date();
            let message = format!("the clocks jump over a time this is set for on {date}; it is left out");
            Note { code: "gap-skipped", at: Some(turn), message }
        };
        lost.map(note).collect()
    }

    /// The fires whose wall time comes twice, one note a day.
    fn doubled(&self, fold: Fold, fires: &[DateTime<Utc>]) -> Vec<Note> {
        let is_doubled = |wall| matches!(self.zone.from_local_datetime(&wall), MappedLocalTime::Ambiguous(..));
        let doubled: Vec<_> =
            fires.iter().map(|at| (*at, self.wall(*at))).filter(|(_, wall)| is_doubled(*wall)).collect();
        let days = doubled.chunk_by(|(_, one), (_, other)| one.date() == other.date());
        let (code, which) = match fold {
            Fold::First => ("fold-first", "at the first only"),
            Fold::Second => ("fold-second", "at the second only"),
            Fold::Both => ("fold-both", "both times"),
        };
        let note = |day: &[(DateTime<Utc>, NaiveDateTime)]| {
            let (at, wall) = *day.first()?;
            let message =
                format!("the clocks go back on {}: {} comes twice, and this fires {which}", wall.date(), wall.time());
            Some(Note { code, at: Some(at), message })
        };
        days.filter_map(note).collect()
    }

    /// A long wait for the first fire or, failing that, for the second. Counted in days of the calendar, because a
    /// month with a change of the clocks is an hour longer than its days.
    fn long_wait(&self, after: DateTime<Utc>, fires: &[DateTime<Utc>]) -> Option<Note> {
        let days = |from, to| (self.wall(to).date() - self.wall(from).date()).num_days();
        let first = *fires.first()?;
        let wait = days(after, first);
        if wait > LONG_DAYS {
            let message = format!("the first fire is {wait} days away");
            return Some(Note { code: "long-wait", at: Some(first), message });
        }
        let second = *fires.get(1)?;
        let wait = days(first, second);
        let message = format!("{wait} days pass between the first fire and the second");
        (wait > LONG_DAYS).then_some(Note { code: "long-wait", at: Some(second), message })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Africa::Monrovia, Europe::Paris, Tz};

    use super::rfc3339_in;
    use crate::schedule::{Preview, ScheduleRequest, read_instant};

    fn preview(request: ScheduleRequest<'_>, from: &str, count: usize) -> Preview {
        let spec = request.read(Paris).unwrap();
        spec.preview(read_instant(from, spec.zone).unwrap(), count)
    }

    fn cron(expression: &str) -> ScheduleRequest<'_> {
        ScheduleRequest { expression: Some(expression), ..ScheduleRequest::default() }
    }

    fn codes(preview: &Preview) -> Vec<(&'static str, String)> {
        let at = |at: Option<chrono::DateTime<_>>| at.map(|at| rfc3339_in(at, Paris)).unwrap_or_default();
        preview.notes.iter().map(|note| (note.code, at(note.at))).collect()
    }

    #[test]
    fn a_fire_that_a_gap_moved_is_flagged_and_no_other() {
        let shown = preview(cron("30 2 * * *"), "2026-03-27", 4);
        assert_eq!(codes(&shown), [("gap-shifted", "2026-03-29T03:00:00+02:00".to_owned())]);
        // At 03:00 it would fire anyway: the two are one slot, and nothing has moved.
        assert_eq!(codes(&preview(cron("0 2,3 * * *"), "2026-03-27", 8)), []);
        assert_eq!(codes(&preview(cron("30 2 * * *"), "2026-03-30", 4)), []);
    }

    #[test]
    fn a_fire_that_a_gap_swallowed_is_flagged_at_the_turn() {
        let skipping = ScheduleRequest { gap: Some("skip"), ..cron("30 2 * * *") };
        let shown = preview(skipping, "2026-03-27T12:00", 2);
        assert_eq!(codes(&shown), [("gap-skipped", "2026-03-29T03:00:00+02:00".to_owned())]);
        assert_eq!(codes(&preview(skipping, "2026-03-27T12:00", 1)), [], "the gap comes after the last fire shown");
    }

    #[test]
    fn a_doubled_wall_time_is_flagged_once_a_day_with_the_rule_that_chose() {
        let daily = cron("0,30 2 * * *");
        for (fold, code, first) in [
            ("first", "fold-first", "2026-10-25T02:00:00+02:00"),
            ("second", "fold-second", "2026-10-25T02:00:00+01:00"),
            ("both", "fold-both", "2026-10-25T02:00:00+02:00"),
        ] {
            let shown = preview(ScheduleRequest { fold: Some(fold), ..daily }, "2026-10-24T12:00", 4);
            assert_eq!(codes(&shown), [(code, first.to_owned())]);
        }
    }

    #[test]
    fn a_schedule_that_follows_real_time_needs_no_note() {
        for expression in ["*/20 * * * *", "30 * * * *"] {
            assert_eq!(codes(&preview(cron(expression), "2026-03-28T23:00", 20)), []);
            assert_eq!(codes(&preview(cron(expression), "2026-10-24T23:00", 20)), []);
        }
        let every = ScheduleRequest { every: Some("20m"), ..ScheduleRequest::default() };
        assert_eq!(codes(&preview(every, "2026-10-24T23:00", 20)), []);
    }

    #[test]
    fn a_long_first_wait_is_flagged_but_an_hour_more_than_a_month_is_not() {
        let far = preview(cron("0 9 24 12 *"), "2026-03-01", 3);
        assert_eq!(codes(&far), [("long-wait", "2026-12-24T09:00:00+01:00".to_owned())]);
        let yearly = preview(cron("0 9 24 12 *"), "2026-12-20", 3);
        assert_eq!(codes(&yearly), [("long-wait", "2027-12-24T09:00:00+01:00".to_owned())]);
        // October has 31 days and, in Paris, one hour more.
        assert_eq!(codes(&preview(cron("0 0 1 * *"), "2026-09-30", 3)), []);
    }

    #[test]
    fn easily_misread_fields_are_flagged() {
        assert_eq!(codes(&preview(cron("* * * * * *"), "2026-07-01", 3)), [("every-second", String::new())]);
        assert_eq!(codes(&preview(cron("0 0 13 * fri"), "2026-07-01", 3)), [("either-day", String::new())]);
        assert_eq!(codes(&preview(cron("0 0 * * fri"), "2026-07-01", 3)), []);
    }

    #[test]
    fn a_schedule_that_never_fires_has_an_empty_preview() {
        let shown = preview(cron("0 0 30 2 *"), "2026-07-01", 3);
        assert!(shown.fires.is_empty() && shown.notes.is_empty());
    }

    #[test]
    fn an_offset_with_seconds_is_written_as_utc() {
        let at = read_instant("1971-06-01T00:00:00Z", Tz::UTC).unwrap();
        assert_eq!(rfc3339_in(at, Monrovia), "1971-06-01T00:00:00+00:00");
        assert_eq!(rfc3339_in(at, Tz::UTC), "1971-06-01T00:00:00+00:00");
        assert_eq!(rfc3339_in(at, Paris), "1971-06-01T01:00:00+01:00");
    }
}
