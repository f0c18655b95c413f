//! The interval `every = "15m"`. It knows no zone and no daylight saving: its instants are the multiples of its length
//! counted from the epoch, so that restarts and other replicas agree on them without having stored anything.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::error::{ScheduleError, ScheduleProblem};

const MAX_DAYS: u64 = 366;

/// Units with their seconds, the largest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// An interval of one second to 366 days.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Every {
    text: String,
    seconds: u64,
}

impl Every {
    /// Reads numbers with the units `d`, `h`, `m`, `s`, the largest first and each at most once: `15m`, `1h30m`.
    ///
    /// # Errors
    /// [`ScheduleError`] with the place of the first number or unit that is wrong.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let start = text.len() - text.trim_start().len();
        let body = text.trim();
        let end = start + body.len();
        let fail = |problem, span| Err(ScheduleError::new(problem, span));
        if body.is_empty() {
            return fail(ScheduleProblem::EmptyInterval, 0..text.len());
        }
        let long = || ScheduleProblem::LongInterval { found: body.to_owned(), max_days: MAX_DAYS };

        let mut seconds: u64 = 0;
        let mut smallest_unit = u64::MAX;
        let mut at = start;
        while at < end {
            let digits = run_of(text, at..end, |c| c.is_ascii_digit());
            let unit = run_of(text, digits.end..end, |c| !c.is_ascii_digit());
            let found = text[unit.clone()].to_owned();
            if digits.is_empty() {
                let found = body.to_owned();
                return fail(ScheduleProblem::NotAnInterval { found }, start..end);
            }
            if unit.is_empty() {
                let found = text[digits.clone()].to_owned();
                return fail(ScheduleProblem::MissingUnit { found }, digits);
            }
            let Some(&(_, unit_seconds)) = UNITS.iter().find(|(name, _)| *name == found) else {
                return fail(ScheduleProblem::UnknownUnit { found }, unit);
            };
            if unit_seconds >= smallest_unit {
                return fail(ScheduleProblem::UnitOrder { found }, unit);
            }
            let Some(total) = text[digits.clone()]
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(unit_seconds))
                .and_then(|part| part.checked_add(seconds))
            else {
                return fail(long(), start..end);
            };
            seconds = total;
            smallest_unit = unit_seconds;
            at = unit.end;
        }
        match seconds {
            0 => fail(ScheduleProblem::ZeroInterval, start..end),
            n if n > MAX_DAYS * 86_400 => fail(long(), start..end),
            _ => Ok(Self { text: body.to_owned(), seconds }),
        }
    }

    /// The length in seconds, at least 1.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// The text as it was written, without the blanks around it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first multiple of the length, counted from the epoch, strictly after `after`.
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let length = i64::try_from(self.seconds).ok()?;
        let slot = after.timestamp().div_euclid(length).checked_add(1)?;
        DateTime::from_timestamp(slot.checked_mul(length)?, 0)
    }
}

/// The characters at the start of `within` that `belongs` accepts.
fn run_of(text: &str, within: Range<usize>, belongs: impl Fn(char) -> bool) -> Range<usize> {
    let rest = &text[within.clone()];
    let len = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    within.start..within.start + len
}

impl FromStr for Every {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
