//! Quiet hours: a span of the local day in which a route does not disturb anybody. Pure; days are counted in the zone of
//! the span, so they are as long as clocks say.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::{Keys, Problem, Severity};
use crate::job::word_enum;
use crate::{Instant, Json, JsonMap};

word_enum!(
    /// What becomes of a message in quiet hours.
    Quiet {
        /// It goes out when they end.
        Hold = "hold",
        /// It does not go out.
        Drop = "drop",
    }
);

/// The quiet hours of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct QuietHours {
    /// When they begin, by the clocks of the zone.
    pub from: NaiveTime,
    /// When they end; at or before `from` means on the next day.
    pub to: NaiveTime,
    /// Whose clocks.
    pub zone: Tz,
    /// What happens to messages.
    pub then: Quiet,
    /// Events of this severity or worse go out all the same.
    pub let_through: Option<Severity>,
}

const FORM: &str = "%H:%M";

impl QuietHours {
    /// The end of the quiet hours that `at` is in.
    pub fn end_of(&self, at: Instant) -> Option<Instant> {
        let today = at.with_timezone(&self.zone).date_naive();
        // Those that began yesterday may not be over.
        [today.checked_sub_days(Days::new(1)), Some(today)].into_iter().flatten().find_map(|day| {
            let last = if self.to > self.from { Some(day) } else { day.checked_add_days(Days::new(1)) };
            let (begin, end) = (self.instant(day, self.from)?, self.instant(last?, self.to)?);
            (begin <= at && at < end).then_some(end)
        })
    }

    /// The first instant at which the clocks show the time or, where they jump over it, the first after the jump.
    fn instant(&self, day: NaiveDate, time: NaiveTime) -> Option<Instant> {
        let wall = day.and_time(time);
        // No gap is longer than a day, and they end on a quarter of an hour.
        let walls = (0..=96).map(|quarter| wall + TimeDelta::minutes(15 * quarter));
        let found = walls.into_iter().find_map(|wall| self.zone.from_local_datetime(&wall).earliest());
        found.map(|found| found.to_utc())
    }

    /// Reads `{ from, to, timezone, then, let_through }`; `zone` is that of spans that name none.
    pub(crate) fn read(map: &JsonMap, zone: Tz) -> Result<Self, Vec<Problem>> {
        let mut keys = Keys::new(map);
        let mut time = |key: &'static str| {
            let text = keys.text(key);
            let time = text.as_deref().and_then(|text| NaiveTime::parse_from_str(text, FORM).ok());
            if time.is_none() {
                keys.wrong(key, format!("`{key}` must be a time of the day such as `22:00`"));
            }
            time
        };
        let (from, to) = (time("from"), time("to"));
        let zone = match keys.text("timezone") {
            None => Some(zone),
            Some(name) => {
                let zone = name.parse::<Tz>().ok();
                if zone.is_none() {
                    keys.wrong("timezone", format!("there is no time zone `{name}`"));
                }
                zone
            }
        };
        let then = keys.word("then", "`hold`, `drop`", Quiet::parse).unwrap_or(Quiet::Hold);
        let let_through = keys.word("let_through", "`low`, `medium`, `high`", Severity::parse);
        let problems = keys.finish();
        match (from, to, zone) {
            (Some(from), Some(to), Some(zone)) if problems.is_empty() => Ok(Self { from, to, zone, then, let_through }),
            _ => Err(problems),
        }
    }

    /// What [`QuietHours::read`] reads.
    pub(crate) fn to_json(&self) -> Json {
        let mut map = JsonMap::new();
        map.insert("from".into(), self.from.format(FORM).to_string().into());
        map.insert("to".into(), self.to.format(FORM).to_string().into());
        map.insert("timezone".into(), self.zone.name().into());
        map.insert("then".into(), self.then.as_str().into());
        if let Some(severity) = self.let_through {
            map.insert("let_through".into(), severity.as_str().into());
        }
        Json::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, to: &str, zone: Tz) -> QuietHours {
        let map = serde_json::json!({ "from": from, "to": to });
        QuietHours::read(map.as_object().unwrap(), zone).unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_over_midnight_end_on_the_next_morning() {
        let night = hours("22:00", "07:00", Tz::Europe__Paris);
        let morning = Some(at("2026-11-24T06:00:00Z"));
        for (moment, end) in [
            ("2026-11-23T20:59:59Z", None),
            ("2026-11-23T21:00:00Z", morning),
            ("2026-11-24T03:00:00Z", morning),
            ("2026-11-24T05:59:59Z", morning),
            ("2026-11-24T06:00:00Z", None),
            ("2026-11-24T12:00:00Z", None),
        ] {
            assert_eq!(night.end_of(at(moment)), end, "{moment}");
        }
        let noon = hours("12:00", "14:00", Tz::UTC);
        assert_eq!(noon.end_of(at("2026-11-23T13:00:00Z")), Some(at("2026-11-23T14:00:00Z")));
        assert_eq!(noon.end_of(at("2026-11-23T14:00:00Z")), None);
    }

    #[test]
    fn quiet_hours_follow_the_clocks_through_a_change() {
        // In the night of 2026-03-29 the clocks of Paris jump from 02:00 to 03:00.
        let night = hours("22:00", "02:30", Tz::Europe__Paris);
        assert_eq!(night.end_of(at("2026-03-29T00:30:00Z")), Some(at("2026-03-29T01:00:00Z")));
        assert_eq!(night.end_of(at("2026-03-29T01:00:00Z")), None);
        // In that of 2026-10-25 02:30 comes twice: the first one counts.
        assert_eq!(night.end_of(at("2026-10-24T23:00:00Z")), Some(at("2026-10-25T00:30:00Z")));
    }

    #[test]
    fn the_same_time_twice_is_the_whole_day() {
        let always = hours("00:00", "00:00", Tz::UTC);
        assert_eq!(always.end_of(at("2026-11-23T13:00:00Z")), Some(at("2026-11-24T00:00:00Z")));
    }
}
