//! Dates and times of PostgreSQL: days or microseconds since 2000-01-01 on the wire. Read here and not by the driver,
//! which panics on `infinity` and on years it cannot hold.

use chrono::{Datelike as _, NaiveDate};

/// 2000-01-01 counted in days of the common era.
const EPOCH: i32 = 730_120;
const DAY: i64 = 86_400_000_000;

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
    match days.checked_add(EPOCH).and_then(NaiveDate::from_num_days_from_ce_opt) {
        Some(date) if date.year() < 1 => format!("{:04}-{:02}-{:02} BC", 1 - date.year(), date.month(), date.day()),
        Some(date) => format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        // PostgreSQL counts 32 000 years further than the calendar at hand.
        None => format!("{days} days since 2000-01-01"),
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

/// Days since 2000-01-01 of `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let (year, month, day) = (number(text, 0, 4)?, number(text, 5, 2)?, number(text, 8, 2)?);
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    Some(NaiveDate::from_ymd_opt(year as i32, month, day)?.num_days_from_ce() - EPOCH)
}

/// Microseconds since 2000-01-01 in UTC of `YYYY-MM-DD[T ]HH:MM[:SS[.f…]][Z|±HH[:MM]]`, or of a bare date. Digits
/// beyond microseconds are refused unless they are zero; a missing offset means UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let days = i64::from(parse_date(text.get(..10)?)?);
    if text.len() == 10 {
        return Some(days * DAY);
    }
    if !matches!(text.as_bytes()[10], b'T' | b' ') {
        return None;
    }
    let rest = text.get(11..)?;
    let cut = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(cut);
    Some(days * DAY + parse_time(clock.trim_end())? - parse_offset(offset)?)
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
        assert_eq!(far_timestamp_text(i64::from(-746_117_i32) * DAY, "+00"), "0044-03-15 00:00:00+00 BC");
    }
}
