//! A schedule in the words of a caller (the command line, the preview of the API) read into a [`ScheduleSpec`]. Job
//! files are read by the catalogue, which knows places in files; both give the same advice about zones.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use thiserror::Error;

use super::{CronExpr, Every, Fold, Gap, ScheduleError, ScheduleKind, ScheduleSpec};
use crate::diagnostic::nearest;

/// The texts of a schedule; exactly one of `expression` and `every` is needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScheduleRequest<'a> {
    /// A cron text.
    pub expression: Option<&'a str>,
    /// An interval.
    pub every: Option<&'a str>,
    /// An IANA zone name.
    pub timezone: Option<&'a str>,
    /// A spelling of [`Gap`].
    pub gap: Option<&'a str>,
    /// A spelling of [`Fold`].
    pub fold: Option<&'a str>,
}

impl ScheduleRequest<'_> {
    /// Reads the texts; without a zone it is `default_zone`.
    ///
    /// # Errors
    /// [`RequestError`] at the first text that is wrong.
    pub fn read(self, default_zone: Tz) -> Result<ScheduleSpec, RequestError> {
        let kind = match (self.expression, self.every) {
            (Some(text), None) => ScheduleKind::Cron(CronExpr::parse(text)?),
            (None, Some(text)) => ScheduleKind::Every(Every::parse(text)?),
            (None, None) => return Err(RequestError::Neither),
            (Some(_), Some(_)) => return Err(RequestError::Both),
        };
        let zone = self.timezone.map_or(Ok(default_zone), read_zone)?;
        Ok(ScheduleSpec {
            kind,
            zone,
            gap: read_rule("gap", self.gap, Gap::parse, &Gap::ALL.map(Gap::as_str))?,
            fold: read_rule("fold", self.fold, Fold::parse, &Fold::ALL.map(Fold::as_str))?,
        })
    }
}

fn read_rule<T>(
    name: &'static str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    allowed: &[&str],
) -> Result<Option<T>, RequestError> {
    let Some(found) = text else { return Ok(None) };
    match parse(found) {
        Some(rule) => Ok(Some(rule)),
        None => Err(RequestError::Rule { name, found: found.to_owned(), allowed: allowed.join("`, `") }),
    }
}

/// Reads the name of a zone.
///
/// # Errors
/// [`RequestError::Zone`].
pub fn read_zone(text: &str) -> Result<Tz, RequestError> {
    text.parse().map_err(|_| RequestError::Zone { found: text.to_owned() })
}

/// The names of all zones there are.
pub fn zone_names() -> impl Iterator<Item = &'static str> {
    TZ_VARIANTS.iter().map(|zone| zone.name())
}

/// What to write in place of a zone that does not exist.
pub fn zone_hint(found: &str) -> String {
    let city = format!("/{}", found.trim().to_lowercase().replace(' ', "_"));
    let near = nearest(found, zone_names()).or_else(|| zone_names().find(|name| name.to_lowercase().ends_with(&city)));
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write an IANA name such as `Europe/Paris` or `UTC`".to_owned(),
    }
}

/// Reads an instant in RFC 3339, or a wall time of `zone`: `2026-03-29` or `2026-03-29T14:30`. A wall time that comes
/// twice means the earlier instant.
///
/// # Errors
/// [`RequestError::Instant`], or [`RequestError::NoSuchTime`] for a wall time inside a gap.
pub fn read_instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, RequestError> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let times = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    let time = times.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN));
    let Some(wall) = time.or_else(|| date().ok()) else {
        return Err(RequestError::Instant { found: text.to_owned() });
    };
    let at = zone.from_local_datetime(&wall).earliest();
    at.map(|at| at.to_utc()).ok_or_else(|| RequestError::NoSuchTime { found: text.to_owned(), zone: zone.name() })
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say what the variants and their fields mean")]
pub enum RequestError {
    #[error("neither a cron expression nor an interval is given")]
    Neither,
    #[error("both a cron expression and an interval are given")]
    Both,
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error("unknown timezone `{found}`")]
    Zone { found: String },
    #[error("{name} is `{found}`; allowed are `{allowed}`")]
    Rule { name: &'static str, found: String, allowed: String },
    #[error("`{found}` is not an instant")]
    Instant { found: String },
    #[error("the wall time `{found}` does not exist in {zone}")]
    NoSuchTime { found: String, zone: &'static str },
}

impl RequestError {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Neither | Self::Both => Some("give one of the two".to_owned()),
            Self::Schedule(error) => Some(error.hint()),
            Self::Zone { found } => Some(zone_hint(found)),
            Self::Rule { .. } => None,
            Self::Instant { .. } => {
                Some("write `2026-03-29T02:30:00+01:00`, or a wall time of the zone: `2026-03-29T02:30`".to_owned())
            }
            Self::NoSuchTime { .. } => Some("the clocks jump over it; name a time before or after".to_owned()),
        }
    }

    /// The offending bytes of the expression or the interval, when one of them is wrong.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::Schedule(error) => Some(error.span()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Europe::Paris, Tz};

    use super::{RequestError, ScheduleRequest, read_instant};
    use crate::schedule::{Fold, Gap, ScheduleKind};

    #[test]
    fn the_texts_become_a_schedule_with_its_zone_and_rules() {
        let request = ScheduleRequest {
            expression: Some("30 2 * * *"),
            timezone: Some("Europe/Paris"),
            gap: Some("skip"),
            fold: Some("both"),
            ..ScheduleRequest::default()
        };
        let spec = request.read(Tz::UTC).unwrap();
        assert_eq!((spec.zone, spec.gap, spec.fold), (Paris, Some(Gap::Skip), Some(Fold::Both)));
        let every = ScheduleRequest { every: Some("15m"), ..ScheduleRequest::default() }.read(Paris).unwrap();
        assert!(matches!(every.kind, ScheduleKind::Every(_)) && every.zone == Paris);
    }

    #[test]
    fn a_wrong_text_is_named_with_what_to_write_instead() {
        let good = ScheduleRequest { expression: Some("0 0 * * *"), ..ScheduleRequest::default() };
        let cases = [
            (ScheduleRequest::default(), "neither a cron expression nor an interval is given", "give one of the two"),
            (
                ScheduleRequest { every: Some("1h"), ..good },
                "both a cron expression and an interval are given",
                "give one of the two",
            ),
            (
                ScheduleRequest { timezone: Some("europe/pariss"), ..good },
                "unknown timezone `europe/pariss`",
                "did you mean `Europe/Paris`?",
            ),
            (
                ScheduleRequest { timezone: Some("New York"), ..good },
                "unknown timezone `New York`",
                "did you mean `America/New_York`?",
            ),
            (ScheduleRequest { gap: Some("jump"), ..good }, "gap is `jump`; allowed are `shift`, `skip`", ""),
            (
                ScheduleRequest { fold: Some("last"), ..good },
                "fold is `last`; allowed are `first`, `second`, `both`",
                "",
            ),
        ];
        for (request, message, hint) in cases {
            let error = request.read(Tz::UTC).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.hint().unwrap_or_default().as_str()), (message, hint));
            assert_eq!(error.span(), None);
        }
        let error = ScheduleRequest { expression: Some("0 24 * * *"), ..good }.read(Tz::UTC).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.span()), ("hour `24` is outside 0-23", Some(2..4)));
    }

    #[test]
    fn an_instant_is_rfc_3339_or_a_wall_time_of_the_zone() {
        let read = |text| read_instant(text, Paris).map(|at| at.to_rfc3339());
        assert_eq!(read("2026-03-29T02:30:00+01:00").unwrap(), "2026-03-29T01:30:00+00:00");
        assert_eq!(read("2026-07-01").unwrap(), "2026-06-30T22:00:00+00:00");
        assert_eq!(read("2026-07-01T12:00:30").unwrap(), "2026-07-01T10:00:30+00:00");
        assert_eq!(read("2026-10-25T02:30").unwrap(), "2026-10-25T00:30:00+00:00", "the earlier of the two");
        assert!(matches!(read("2026-03-29T02:30"), Err(RequestError::NoSuchTime { .. })));
        assert!(matches!(read("tomorrow"), Err(RequestError::Instant { .. })));
        assert!(matches!(read("2026-02-30"), Err(RequestError::Instant { .. })));
    }
}
