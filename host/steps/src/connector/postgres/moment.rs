//! Dates and times of PostgreSQL: days or microseconds since 2000-01-01 on the wire. Read here and not by the driver,
//! which panics on `infinity` and on years it cannot hold.

use chrono::{Datelike as _, NaiveDate};

/// 2000-01-01 counted in days of the common era.
const EPOCH: i32 = 730_120;
const DAY: i64 = 86_400_000_000;
/// Days of 400 years.
const ERA: i32 = 146_097;

/// Adds `YYYY-MM-DD`; false, and nothing added, for infinity and for years outside 1 to 9999.
pub(crate) fn push_date(days: i32, out: &mut String) -> bool {
    let date = days.checked_add(EPOCH).and_then(NaiveDate::from_num_days_from_ce_opt);
    let Some(date) = date.filter(|date| (1..=9999).contains(&date.year())) else { return false };
    let year = date.year().unsigned_abs();
    push_two(year / 100, out);
    push_two(year % 100, out);
    out.push('-');
    push_two(date.month(), out);
    out.push('-');
    push_two(date.day(), out);
    true
}

/// Adds `YYYY-MM-DDTHH:MM:SS[.ffffff]`, with the same limits.
pub(crate) fn push_timestamp(micros: i64, out: &mut String) -> bool {
    let days = i32::try_from(micros.div_euclid(DAY));
    if matches!(micros, i64::MIN | i64::MAX) || !days.is_ok_and(|days| push_date(days, out)) {
        return false;
    }
    out.push('T');
    push_time(micros.rem_euclid(DAY), out);
    true
}

/// The date where [`push_date`] has none: `infinity`, `0044-03-15 BC`, `12024-01-01`, as PostgreSQL prints them.
pub(crate) fn far_date_text(days: i32) -> String {
    match days {
        i32::MAX => return "infinity".to_owned(),
        i32::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    // PostgreSQL counts millions of years further than the calendar at hand, which repeats every 400.
    let date = NaiveDate::from_num_days_from_ce_opt(days.rem_euclid(ERA) + EPOCH).unwrap_or_default();
    let (year, month, day) = (date.year() + days.div_euclid(ERA) * 400, date.month(), date.day());
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    }
}

/// The same for timestamps, with `zone` (`+00` or nothing) where the server has it.
pub(crate) fn far_timestamp_text(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let date = far_date_text(i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX - 1));
    let mut time = String::new();
    push_time(micros.rem_euclid(DAY), &mut time);
    match date.strip_suffix(" BC") {
        Some(date) => format!("{date} {time}{zone} BC"),
        None => format!("{date} {time}{zone}"),
    }
}

/// Adds `HH:MM:SS[.ffffff]`; `24:00:00` stays what it is.
pub(crate) fn push_time(micros: i64, out: &mut String) {
    use std::fmt::Write as _;
    let (seconds, fraction) = ((micros / 1_000_000) as u32, micros % 1_000_000);
    push_two(seconds / 3600, out);
    out.push(':');
    push_two(seconds / 60 % 60, out);
    out.push(':');
    push_two(seconds % 60, out);
    if fraction != 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, ".{fraction:06}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Two digits; the formatting of the standard library takes longer than everything else about a date.
fn push_two(number: u32, out: &mut String) {
    for digit in [number / 10 % 10, number % 10] {
        out.push(char::from(b'0' + digit as u8));
    }
}

/// Days since 2000-01-01 of `YYYY-MM-DD`, and of what [`far_date_text`] writes.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    match text.strip_suffix(" BC") {
        Some(text) => parse_day(text, true),
        None => parse_day(text, false),
    }
}

fn parse_day(text: &str, is_bc: bool) -> Option<i32> {
    // The year has four digits or more, the rest has six characters.
    let rest = text.len().checked_sub(6).filter(|digits| (4..=7).contains(digits))?;
    let (year, month, day) = (number(text, 0, rest)?, number(text, rest + 1, 2)?, number(text, rest + 4, 2)?);
    let bytes = text.as_bytes();
    if bytes[rest] != b'-' || bytes[rest + 3] != b'-' || year == 0 {
        return None;
    }
    let year = i32::try_from(year).ok()?;
    let since = if is_bc { 1 - year } else { year } - 2000;
    let date = NaiveDate::from_ymd_opt(2000 + since.rem_euclid(400), month, day)?;
    since.div_euclid(400).checked_mul(ERA)?.checked_add(date.num_days_from_ce() - EPOCH)
}

/// Microseconds since 2000-01-01 in UTC of `YYYY-MM-DD[T ]HH:MM[:SS[.f…]][Z|±HH[:MM]]`, or of a bare date. Digits
/// beyond microseconds are refused unless they are zero; a missing offset means UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let (text, is_bc) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let (day, rest) = match text.split_once(['T', ' ']) {
        Some((day, rest)) => (day, Some(rest)),
        None => (text, None),
    };
    let midnight = i64::from(parse_day(day, is_bc)?).checked_mul(DAY)?;
    let Some(rest) = rest else { return Some(midnight) };
    let cut = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(cut);
    midnight.checked_add(parse_time(clock.trim_end())? - parse_offset(offset)?)
}

/// Microseconds of `HH:MM[:SS[.f…]]`, up to `24:00:00`.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let bytes = whole.as_bytes();
    let (hour, minute) = (number(whole, 0, 2)?, number(whole, 3, 2)?);
    let second = match bytes.len() {
        5 => 0,
        8 if bytes[5] == b':' => number(whole, 6, 2)?,
        _ => return None,
    };
    if bytes[2] != b':' || hour > 24 || minute > 59 || second > 59 {
        return None;
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.bytes().skip(6).any(|b| b != b'0') {
        return None;
    }
    let micros =
        fraction.bytes().chain(std::iter::repeat(b'0')).take(6).fold(0_i64, |n, b| n * 10 + i64::from(b - b'0'));
    let total = i64::from(hour * 3600 + minute * 60 + second) * 1_000_000 + micros;
    (total <= DAY).then_some(total)
}

fn parse_offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        None | Some(b'Z') => return (text.len() <= 1).then_some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let (hours, minutes) = match text.len() {
        3 => (number(text, 1, 2)?, 0),
        5 => (number(text, 1, 2)?, number(text, 3, 2)?),
        6 if text.as_bytes()[3] == b':' => (number(text, 1, 2)?, number(text, 4, 2)?),
        _ => return None,
    };
    Some(sign * i64::from(hours * 3600 + minutes * 60) * 1_000_000)
}

fn number(text: &str, from: usize, digits: usize) -> Option<u32> {
    let part = text.as_bytes().get(from..from + digits)?;
    part.iter().try_fold(0_u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date_text(days: i32) -> Option<String> {
        let mut out = String::new();
        push_date(days, &mut out).then_some(out)
    }

    fn timestamp_text(micros: i64) -> Option<String> {
        let mut out = String::new();
        push_timestamp(micros, &mut out).then_some(out)
    }

    fn time_text(micros: i64) -> String {
        let mut out = String::new();
        push_time(micros, &mut out);
        out
    }

    #[test]
    fn moments_survive_a_round_trip() {
        for text in ["2000-01-01", "1999-12-31", "0001-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(date_text(parse_date(text).unwrap()).as_deref(), Some(text));
        }
        for text in
            ["2013-01-01T05:00:00", "1969-12-31T23:59:59.999999", "0001-01-01T00:00:00", "9999-12-31T23:59:59.5"]
        {
            assert_eq!(timestamp_text(parse_timestamp(text).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(time_text(parse_time("24:00:00").unwrap()), "24:00:00");
    }

    #[test]
    fn years_far_away_survive_a_round_trip() {
        for text in [
            "4714-11-24 BC",
            "0001-12-31 BC",
            "0004-02-29 AD",
            "0005-02-29 BC",
            "10000-01-01",
            "262144-02-29",
            "5874897-12-31",
        ] {
            let text = text.trim_end_matches(" AD");
            assert_eq!(far_date_text(parse_date(text).unwrap()), text);
        }
        for text in ["0044-03-15 12:00:00.5 BC", "294276-12-31 23:59:59.999999", "10000-01-01 00:00:00"] {
            assert_eq!(far_timestamp_text(parse_timestamp(text).unwrap(), ""), text);
        }
        assert_eq!(parse_timestamp("0044-03-15 12:00:00+00 BC"), parse_timestamp("0044-03-15T12:00:00 BC"));
        for text in ["0000-01-01", "0000-01-01 BC", "0004-02-29 BC", "99999999-01-01", "-001-01-01", "294277-01-01 BCE"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert_eq!(parse_timestamp("5874897-12-31"), None, "days reach further than microseconds");
    }

    #[test]
    fn offsets_turn_into_utc() {
        let utc = parse_timestamp("2024-03-31 00:30:00").unwrap();
        for text in
            ["2024-03-31T02:30:00+02:00", "2024-03-31T00:30:00Z", "2024-03-30 19:30:00-05", "2024-03-31T06:00:00+0530"]
        {
            assert_eq!(parse_timestamp(text), Some(utc), "{text}");
        }
        assert_eq!(parse_timestamp("2024-03-31"), Some(utc - 1_800_000_000));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "2024-02-30", "2024-2-3", "2024/02/03", "20240203", "2024-02-0é"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        for text in [
            "2024-02-03x10:00:00",
            "2024-02-03T25:00:00",
            "2024-02-03T24:00:01",
            "2024-02-03T10:00:00.1234567",
            "2024-02-03T10:00:00+2",
            "2024-02-03T1é:00",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn infinity_and_years_beyond_the_calendar_have_no_text() {
        assert_eq!(date_text(i32::MAX), None);
        assert_eq!(date_text(i32::MIN), None);
        assert_eq!(date_text(-800_000), None);
        assert_eq!(timestamp_text(i64::MAX), None);
        assert_eq!(timestamp_text(i64::MIN), None);
        assert_eq!(far_date_text(i32::MAX), "infinity");
        assert_eq!(far_date_text(-746_117), "0044-03-15 BC");
        assert_eq!(far_timestamp_text(i64::MIN, "+00"), "-infinity");
        // The first and the last day PostgreSQL knows.
        assert_eq!(far_date_text(-2_451_545), "4714-11-24 BC");
        assert_eq!(far_date_text(2_145_031_948), "5874897-12-31");
        assert_eq!(far_timestamp_text(i64::from(-746_117_i32) * DAY, "+00"), "0044-03-15 00:00:00+00 BC");
    }
}
