//! What can be wrong with a schedule's text, where, and what to write instead. The reader of these messages looks at
//! a job file with a caret under the offending characters; whoever renders them adds the file and the job.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// A mistake in a schedule's text and its place there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct ScheduleError {
    /// What is wrong.
    pub problem: ScheduleProblem,
    /// Where the offending characters begin, in bytes from the start of the text that was given.
    pub offset: usize,
    /// How many bytes they take; zero only for an empty text.
    pub len: usize,
}

impl ScheduleError {
    pub(super) fn new(problem: ScheduleProblem, span: Range<usize>) -> Self {
        Self { problem, offset: span.start, len: span.end - span.start }
    }

    /// The offending bytes of the text that was given.
    pub fn span(&self) -> Range<usize> {
        self.offset..self.offset + self.len
    }

    /// What to write instead.
    pub fn hint(&self) -> String {
        self.problem.hint()
    }
}

/// What is wrong with a schedule's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say what the variants and their fields mean")]
pub enum ScheduleProblem {
    #[error("the schedule is empty")]
    Empty,
    #[error("at least five fields are needed, found {found}")]
    TooFewFields { found: usize },
    #[error("at most six fields are allowed, found {found}")]
    TooManyFields { found: usize },
    #[error("`@reboot` is not a time")]
    Reboot,
    #[error("unknown shorthand `{found}`")]
    UnknownShorthand { found: String },
    #[error("{field} `{found}` is outside {min}-{max}", min = field.min(), max = field.max())]
    OutOfRange { field: CronField, found: String },
    #[error("`{found}` is not a value of the {field} field")]
    NotAValue { field: CronField, found: String },
    #[error("{field} range `{from}-{to}` runs backwards")]
    BackwardRange { field: CronField, from: String, to: String },
    #[error("empty item in the list of the {field} field")]
    EmptyItem { field: CronField },
    #[error("step `{found}` of the {field} field is not a number")]
    StepNotANumber { field: CronField, found: String },
    #[error("step `{found}` of the {field} field is outside 1-{max}", max = field.max())]
    StepOutOfRange { field: CronField, found: String },
    /// The `cron` crate refused what our own checks had let through.
    #[error("the cron grammar refuses it: {reason}")]
    Refused { reason: String },
    #[error("the interval is empty")]
    EmptyInterval,
    #[error("`{found}` is not an interval")]
    NotAnInterval { found: String },
    #[error("`{found}` has no unit")]
    MissingUnit { found: String },
    #[error("unknown unit `{found}`")]
    UnknownUnit { found: String },
    #[error("unit `{found}` stands after a smaller or equal one")]
    UnitOrder { found: String },
    #[error("an interval of zero never ends")]
    ZeroInterval,
    #[error("interval `{found}` is longer than {max_days} days")]
    LongInterval { found: String, max_days: u64 },
}

impl ScheduleProblem {
    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty | Self::TooFewFields { .. } => FIELD_ORDER.to_owned(),
            Self::TooManyFields { .. } => {
                format!("{FIELD_ORDER}; a year cannot be given")
            }
            Self::Reboot => {
                "a schedule names times; to start a job together with the server, trigger it from the service manager"
                    .to_owned()
            }
            Self::UnknownShorthand { found } if found.starts_with("@every") => {
                "write `every = \"15m\"` in place of the cron text".to_owned()
            }
            Self::UnknownShorthand { .. } => {
                "known are `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`"
                    .to_owned()
            }
            Self::OutOfRange { .. } | Self::Refused { .. } => FIELD_ORDER.to_owned(),
            Self::NotAValue { field, found } => not_a_value_hint(*field, found),
            Self::BackwardRange { field, from, to } => {
                let (last, first) = field.ends_like(from);
                format!("split it in two: `{from}-{last},{first}-{to}`")
            }
            Self::EmptyItem { .. } => "remove the extra comma".to_owned(),
            Self::StepNotANumber { .. } => "a step is written `*/15` or `10-30/5`".to_owned(),
            Self::StepOutOfRange { field, .. } => {
                format!("a step counts within one round of the {field} field; for longer intervals use `every`")
            }
            Self::EmptyInterval
            | Self::NotAnInterval { .. }
            | Self::MissingUnit { .. }
            | Self::UnknownUnit { .. }
            | Self::UnitOrder { .. } => {
                "write a number and `s`, `m`, `h` or `d`, the largest first: `15m`, `1h30m`".to_owned()
            }
            Self::ZeroInterval => "the shortest interval is `1s`".to_owned(),
            Self::LongInterval { .. } => "for rarer times use a cron text".to_owned(),
        }
    }
}

const FIELD_ORDER: &str =
    "the fields are `minute hour day month weekday`, and a sixth, the second, goes last: `30 2 * * mon-fri`";

fn not_a_value_hint(field: CronField, found: &str) -> String {
    if found.contains(['?', '#', 'L', 'W']) {
        return "`?`, `L`, `W` and `#` belong to other schedulers; here a field holds `*`, numbers, names, lists, \
                ranges and steps"
            .to_owned();
    }
    match field {
        CronField::Month => "write 1-12 or `jan` to `dec`".to_owned(),
        CronField::DayOfWeek => "write 0-7, where 0 and 7 are Sunday, or `sun` to `sat`".to_owned(),
        _ => format!(
            "write numbers from {} to {}, `*`, lists `1,2`, ranges `1-5` or steps `*/2`",
            field.min(),
            field.max()
        ),
    }
}

/// One of the six fields of a cron text, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CronField {
    /// 0-59.
    Minute,
    /// 0-23.
    Hour,
    /// 1-31.
    DayOfMonth,
    /// 1-12, or names.
    Month,
    /// 0-7, where 0 and 7 are Sunday, or names.
    DayOfWeek,
    /// 0-59.
    Second,
}

impl CronField {
    /// Every field, in the order in which they are written.
    pub const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek, Self::Second];

    /// The smallest value.
    pub fn min(self) -> u32 {
        match self {
            Self::DayOfMonth | Self::Month => 1,
            Self::Minute | Self::Hour | Self::DayOfWeek | Self::Second => 0,
        }
    }

    /// The largest value.
    pub fn max(self) -> u32 {
        match self {
            Self::Minute | Self::Second => 59,
            Self::Hour => 23,
            Self::DayOfMonth => 31,
            Self::Month => 12,
            Self::DayOfWeek => 7,
        }
    }

    /// The last and first value of a round, spelled in the way of `example`: as names or as numbers.
    fn ends_like(self, example: &str) -> (&'static str, &'static str) {
        let by_name = example.starts_with(|c: char| c.is_ascii_alphabetic());
        match (self, by_name) {
            (Self::Minute | Self::Second, _) => ("59", "0"),
            (Self::Hour, _) => ("23", "0"),
            (Self::DayOfMonth, _) => ("31", "1"),
            (Self::Month, false) => ("12", "1"),
            (Self::Month, true) => ("dec", "jan"),
            (Self::DayOfWeek, false) => ("6", "0"),
            (Self::DayOfWeek, true) => ("sat", "sun"),
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
            Self::Second => "second",
        })
    }
}
