//! When a job is due: a cron text or an interval, a zone, and the rule for daylight saving, as one pure function,
//! "the first instant after this one". Jitter, the ledger of slots and the clock itself live elsewhere.
//!
//! `fields` reads the text (the `cron` crate expands the single fields), `calendar` finds the next wall time in a
//! calendar without zones, `walk` turns wall times into instants, `every` is the interval, `error` says what is wrong
//! and where, `request` reads the texts of a caller, `preview` shows people what comes next. Invariant: the instants of
//! a schedule strictly increase, and each one is a whole second.

mod calendar;
mod error;
mod every;
mod fields;
mod preview;
mod request;
mod walk;

#[cfg(test)]
mod generator;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub use error::{CronField, ScheduleError, ScheduleProblem};
pub use every::Every;
pub use preview::{Note, Preview, rfc3339_in};
pub use request::{RequestError, ScheduleRequest, read_instant, read_zone, zone_hint, zone_names};

use fields::Fields;
use walk::Walk;

/// A cron text that was read and understood: `minute hour day month weekday`, and the second in last place when there
/// are six fields, or one of `@hourly @daily @midnight @weekly @monthly @yearly @annually`.
///
/// ```
/// let nightly = host_model::schedule::CronExpr::parse("30 2 * * mon-fri")?;
/// assert_eq!(nightly.to_string(), "30 2 * * mon-fri");
/// # Ok::<(), host_model::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CronExpr {
    text: String,
    fields: Fields,
    never_fires: bool,
}

impl CronExpr {
    /// Reads a cron text.
    ///
    /// # Errors
    /// [`ScheduleError`] at the first field or list item that is wrong, with its place in `text`.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields = Fields::parse(text)?;
        Ok(Self { text: text.trim().to_owned(), never_fires: !fields.has_any_date(), fields })
    }

    /// The text as it was written, without the blanks around it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether no date of any year matches, as in `0 0 30 2 *`. Such a schedule is accepted; whoever checks it warns.
    pub fn never_fires(&self) -> bool {
        self.never_fires
    }

    /// Whether the hour field begins with `*`, which makes the schedule keep its real-time rhythm when clocks change.
    pub fn has_wildcard_hour(&self) -> bool {
        self.fields.has_wildcard_hour
    }
}

impl FromStr for CronExpr {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What becomes of wall times that a clock going forward jumps over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gap {
    /// They fire once, together, at the first instant after the gap.
    Shift,
    /// They do not fire that day.
    Skip,
}

impl Gap {
    /// Every rule.
    pub const ALL: [Self; 2] = [Self::Shift, Self::Skip];

    /// The only spelling in files and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Skip => "skip",
        }
    }

    /// Reads the spelling of [`Gap::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

/// Which of the two instants counts when a clock going back shows a wall time twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// The earlier one.
    First,
    /// The later one.
    Second,
    /// Both, in the order of the instants.
    Both,
}

impl Fold {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::First, Self::Second, Self::Both];

    /// The only spelling in files and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Both => "both",
        }
    }

    /// Reads the spelling of [`Fold::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

/// The rhythm of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScheduleKind {
    /// Wall times of the zone.
    Cron(CronExpr),
    /// A fixed interval, whatever the zone.
    Every(Every),
}

/// The text for people: the cron text, or `every 15m`.
impl fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(cron) => cron.fmt(f),
            Self::Every(every) => write!(f, "every {every}"),
        }
    }
}

/// One schedule of a job.
///
/// Without overrides a cron with a wildcard hour fires at every instant whose wall time matches; any other cron fires
/// once for wall times that a gap swallows, at the first instant after it, and once for wall times that come twice,
/// at the first. Two matches on one instant are one slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScheduleSpec {
    /// The rhythm.
    pub kind: ScheduleKind,
    /// Whose wall clock a cron text speaks of. An interval ignores it, and both rules below.
    pub zone: Tz,
    /// Overrides what happens in a gap.
    pub gap: Option<Gap>,
    /// Overrides what happens in an overlap.
    pub fold: Option<Fold>,
}

impl ScheduleSpec {
    /// A schedule with the default rules for daylight saving.
    pub fn new(kind: ScheduleKind, zone: Tz) -> Self {
        Self { kind, zone, gap: None, fold: None }
    }

    /// The first instant strictly after `after`, or `None` if there is none before the year 10000.
    ///
    /// Zone rules are those compiled in; past their last year (2100) the last offset stays.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.kind {
            ScheduleKind::Every(every) => every.next_after(after),
            ScheduleKind::Cron(cron) if cron.never_fires => None,
            ScheduleKind::Cron(cron) => {
                let (gap, fold) = self.rules(cron);
                Walk { fields: &cron.fields, zone: self.zone, gap, fold }.next_after(after)
            }
        }
    }

    /// Everything that decides about its instants, in one text: two schedules with the same text have the same slots.
    pub fn wording(&self) -> String {
        match &self.kind {
            ScheduleKind::Every(every) => format!("every {} s", every.seconds()),
            ScheduleKind::Cron(cron) => {
                let (gap, fold) = self.rules(cron);
                format!("{cron} {} gap={} fold={}", self.zone.name(), gap.as_str(), fold.as_str())
            }
        }
    }

    /// The rules in force: the overrides, else what the hour field asks for.
    fn rules(&self, cron: &CronExpr) -> (Gap, Fold) {
        let (gap, fold) = if cron.has_wildcard_hour() { (Gap::Skip, Fold::Both) } else { (Gap::Shift, Fold::First) };
        (self.gap.unwrap_or(gap), self.fold.unwrap_or(fold))
    }

    /// The instants strictly after `after`, in order. Endless for any schedule that fires; take what you need.
    pub fn upcoming(&self, after: DateTime<Utc>) -> Upcoming<'_> {
        Upcoming { spec: self, after: Some(after) }
    }

    /// Whether no date of any year matches; see [`CronExpr::never_fires`].
    pub fn never_fires(&self) -> bool {
        match &self.kind {
            ScheduleKind::Cron(cron) => cron.never_fires,
            ScheduleKind::Every(_) => false,
        }
    }
}

/// The instants of a schedule in order; made by [`ScheduleSpec::upcoming`].
#[derive(Debug, Clone)]
pub struct Upcoming<'a> {
    spec: &'a ScheduleSpec,
    /// `None` once the schedule has ended.
    after: Option<DateTime<Utc>>,
}

impl Iterator for Upcoming<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        self.after = self.spec.next_after(self.after?);
        self.after
    }
}

impl std::iter::FusedIterator for Upcoming<'_> {}
