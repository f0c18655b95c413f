//! From the text of a cron expression to sets of values. Each list item is checked here, because the mistake needs its
//! place and a hint, then rewritten into the notation of the `cron` crate, which expands it. The crate puts the
//! second first, counts Sunday as 1 and knows neither 0 nor 7 for it: no other file may know that.
//!
//! `*` at the very start of a field has two meanings beyond "all values", both from Vixie's cron: in a day field it
//! selects how the two day fields combine, in the hour field it marks a schedule that follows real time.

use std::ops::Range;
use std::str::FromStr;

use cron::TimeUnitSpec;

use super::error::{CronField, ScheduleError, ScheduleProblem};

/// How day of month and day of week combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DayRule {
    /// One of the fields begins with `*`: a day must match both.
    Both,
    /// Both fields are restricted: a day may match either.
    Either,
}

/// The values of each field as bits; bit n stands for the value n.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u32,
    pub(super) days: u32,
    pub(super) months: u16,
    /// Bit 0 is Sunday, bit 6 Saturday.
    pub(super) weekdays: u8,
    pub(super) day_rule: DayRule,
    pub(super) has_wildcard_hour: bool,
}

/// The shorthands with what they stand for.
const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A part of the text and where it begins.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Piece<'a> {
    fn span(self) -> Range<usize> {
        self.offset..self.offset + self.text.len()
    }

    fn fail<T>(self, problem: ScheduleProblem) -> Result<T, ScheduleError> {
        Err(ScheduleError::new(problem, self.span()))
    }

    /// `text`, which must be a slice of this piece, with its place.
    fn part(self, text: &'a str) -> Piece<'a> {
        let offset = self.offset + (text.as_ptr() as usize - self.text.as_ptr() as usize);
        Piece { text, offset }
    }

    fn split(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        self.text.split(separator).map(move |text| self.part(text))
    }

    fn split_once(self, separator: char) -> Option<(Piece<'a>, Piece<'a>)> {
        let (before, after) = self.text.split_once(separator)?;
        Some((self.part(before), self.part(after)))
    }
}

impl Fields {
    /// Reads a whole cron text.
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let whole = Piece { text, offset: 0 }.part(text.trim());
        if whole.text.is_empty() {
            return Err(ScheduleError::new(ScheduleProblem::Empty, 0..text.len()));
        }
        if whole.text.starts_with('@') {
            return Self::parse_shorthand(whole);
        }
        let written: Vec<Piece<'_>> =
            text.split_whitespace().map(|word| Piece { text, offset: 0 }.part(word)).collect();
        let (Some(&[minute, hour, day, month, weekday]), seconds) = (written.first_chunk(), written.get(5..)) else {
            let found = written.len();
            return whole.fail(ScheduleProblem::TooFewFields { found });
        };
        if let Some(extra) = written.get(6) {
            let found = written.len();
            let span = extra.offset..whole.span().end;
            return Err(ScheduleError::new(ScheduleProblem::TooManyFields { found }, span));
        }
        let translated = format!(
            "{second} {minute} {hour} {day} {month} {weekday}",
            minute = translate(CronField::Minute, minute)?,
            hour = translate(CronField::Hour, hour)?,
            day = translate(CronField::DayOfMonth, day)?,
            month = translate(CronField::Month, month)?,
            weekday = translate(CronField::DayOfWeek, weekday)?,
            second = match seconds.and_then(<[_]>::first) {
                Some(&second) => translate(CronField::Second, second)?,
                None => "0".to_owned(),
            },
        );
        let expanded = match cron::Schedule::from_str(&translated) {
            Ok(schedule) => schedule,
            Err(refusal) => {
                let reason = refusal.to_string();
                return whole.fail(ScheduleProblem::Refused { reason });
            }
        };
        Ok(Self {
            seconds: bits(expanded.seconds()),
            minutes: bits(expanded.minutes()),
            hours: bits(expanded.hours()) as u32,
            days: bits(expanded.days_of_month()) as u32,
            months: bits(expanded.months()) as u16,
            // The crate's Sunday is 1.
            weekdays: (bits(expanded.days_of_week()) >> 1) as u8,
            day_rule: if starts_with_star(day) || starts_with_star(weekday) { DayRule::Both } else { DayRule::Either },
            has_wildcard_hour: starts_with_star(hour),
        })
    }

    fn parse_shorthand(written: Piece<'_>) -> Result<Self, ScheduleError> {
        if written.text.eq_ignore_ascii_case("@reboot") {
            return written.fail(ScheduleProblem::Reboot);
        }
        let known = SHORTHANDS.iter().find(|(name, _)| written.text.eq_ignore_ascii_case(name));
        match known {
            Some((_, meaning)) => Self::parse(meaning),
            None => {
                let found = written.text.to_owned();
                written.fail(ScheduleProblem::UnknownShorthand { found })
            }
        }
    }
}

/// Every value of the crate is below 64: the largest is second 59.
fn bits(values: &impl TimeUnitSpec) -> u64 {
    values.iter().fold(0, |set, value| set | 1 << value)
}

fn starts_with_star(field: Piece<'_>) -> bool {
    field.text.starts_with('*')
}

/// One field in the notation of the `cron` crate.
fn translate(field: CronField, written: Piece<'_>) -> Result<String, ScheduleError> {
    let mut translated = Vec::new();
    for item in written.split(',') {
        if item.text.is_empty() {
            // Nothing stands there to point at, so point at the comma next to it.
            let comma = item.offset.saturating_sub(1).max(written.offset);
            return Err(ScheduleError::new(ScheduleProblem::EmptyItem { field }, comma..comma + 1));
        }
        translated.push(translate_item(field, item)?);
    }
    Ok(translated.join(","))
}

/// One list item: `*`, `v`, `a-b`, each with or without `/step`. `v/step` runs from v to the last value.
fn translate_item(field: CronField, item: Piece<'_>) -> Result<String, ScheduleError> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(parse_step(field, step)?)),
        None => (item, None),
    };
    let not_a_value = || {
        let found = item.text.to_owned();
        item.fail(ScheduleProblem::NotAValue { field, found })
    };
    if base.text == "*" {
        return Ok(step.map_or_else(|| "*".to_owned(), |step| format!("*/{step}")));
    }
    let (first, last) = match base.split_once('-') {
        Some((from, to)) if !from.text.is_empty() && !to.text.is_empty() => parse_range(field, base, from, to)?,
        Some(_) => return not_a_value(),
        None if base.text.is_empty() => return not_a_value(),
        None => match (field, parse_value(field, base)?, step) {
            (CronField::DayOfWeek, value, Some(_)) => (value % 7, 6),
            (_, value, Some(_)) => (value, field.max()),
            (_, value, None) => (value, value),
        },
    };
    Ok(render_range(field, first, last, step.unwrap_or(1)))
}

fn parse_step(field: CronField, written: Piece<'_>) -> Result<u32, ScheduleError> {
    let found = written.text.to_owned();
    if found.is_empty() || found.contains(|c: char| !c.is_ascii_digit()) {
        // An empty step is shown by the slash in front of it.
        let span = written.span().start - usize::from(found.is_empty())..written.span().end;
        return Err(ScheduleError::new(ScheduleProblem::StepNotANumber { field, found }, span));
    }
    match found.parse() {
        Ok(step) if (1..=field.max()).contains(&step) => Ok(step),
        _ => written.fail(ScheduleProblem::StepOutOfRange { field, found }),
    }
}

fn parse_range(
    field: CronField,
    whole: Piece<'_>,
    from: Piece<'_>,
    to: Piece<'_>,
) -> Result<(u32, u32), ScheduleError> {
    let first = parse_value(field, from)?;
    let mut last = parse_value(field, to)?;
    // `fri-sun` ends with the Sunday after Friday. The number 0 stays the start of the week, as everywhere.
    let ends_by_name = to.text.starts_with(|c: char| c.is_ascii_alphabetic());
    if field == CronField::DayOfWeek && last == 0 && ends_by_name {
        last = if first == 0 { 0 } else { 7 };
    }
    if first > last {
        let (from, to) = (from.text.to_owned(), to.text.to_owned());
        return whole.fail(ScheduleProblem::BackwardRange { field, from, to });
    }
    Ok((first, last))
}

/// A number or a name. Sunday stays 0 or 7, as written; by name it is 0.
fn parse_value(field: CronField, written: Piece<'_>) -> Result<u32, ScheduleError> {
    let found = written.text.to_owned();
    if found.bytes().all(|byte| byte.is_ascii_digit()) {
        return match found.parse() {
            Ok(value) if (field.min()..=field.max()).contains(&value) => Ok(value),
            _ => written.fail(ScheduleProblem::OutOfRange { field, found }),
        };
    }
    let names: &[&str] = match field {
        CronField::Month => &MONTHS,
        CronField::DayOfWeek => &WEEKDAYS,
        CronField::Minute | CronField::Hour | CronField::DayOfMonth | CronField::Second => &[],
    };
    let named = (field.min()..)
        .zip(names)
        .find(|(_, name)| found.eq_ignore_ascii_case(name) || found.eq_ignore_ascii_case(&name[..3]));
    match named {
        Some((value, _)) => Ok(value),
        None => written.fail(ScheduleProblem::NotAValue { field, found }),
    }
}

/// A range with its step in the notation of the `cron` crate.
fn render_range(field: CronField, first: u32, last: u32, step: u32) -> String {
    if field != CronField::DayOfWeek {
        return format!("{first}-{last}/{step}");
    }
    let mut parts = Vec::new();
    if first < 7 {
        parts.push(format!("{}-{}/{step}", first + 1, last.min(6) + 1));
    }
    // A range that reaches 7 comes round to Sunday if its step lands there.
    if last == 7 && (last - first).is_multiple_of(step) {
        parts.push("1".to_owned());
    }
    parts.join(",")
}
