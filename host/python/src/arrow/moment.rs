//! Dates and times as databases write them, to days and microseconds since 1970. A million of them are read at a time, so
//! the usual form is read digit by digit; whatever looks different goes to chrono, which knows the rest.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

/// Days from the first of January of year 1 to that of 1970.
const EPOCH_DAY: i32 = 719_163;
const DAY_SECONDS: i64 = 86_400;

/// Days since 1970.
pub(super) fn date(text: &str) -> Option<i32> {
    match text.as_bytes() {
        digits if digits.len() == 10 => usual_date(digits),
        _ => None,
    }
    .or_else(|| text.parse::<NaiveDate>().ok().map(|date| date.num_days_from_ce() - EPOCH_DAY))
}

/// Microseconds since 1970, and whether the text says a zone. None for what is no moment, or one between two microseconds.
pub(super) fn moment(text: &str) -> Option<(i64, bool)> {
    usual_moment(text.as_bytes()).or_else(|| {
        let (micros, nanos, zoned) = match text.parse::<NaiveDateTime>() {
            Ok(naive) => (naive.and_utc().timestamp_micros(), naive.and_utc().timestamp_subsec_nanos(), false),
            Err(_) => {
                let instant = DateTime::parse_from_rfc3339(text).ok()?;
                (instant.timestamp_micros(), instant.timestamp_subsec_nanos(), true)
            }
        };
        (nanos % 1_000 == 0).then_some((micros, zoned))
    })
}

/// `YYYY-MM-DDTHH:MM:SS[.f…]`, at most six digits of a second, then nothing, `Z` or `±HH:MM`.
fn usual_moment(text: &[u8]) -> Option<(i64, bool)> {
    let (head, tail) = text.split_at_checked(19)?;
    let [day @ .., b'T', h1, h2, b':', m1, m2, b':', s1, s2] = head else { return None };
    let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, tail) = match tail {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, tail) = rest.split_at(digits);
            (micros(digits)?, tail)
        }
        tail => (0, tail),
    };
    let (offset, zoned) = match tail {
        [] => (0, false),
        [b'Z'] => (0, true),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let seconds = (two(*h1, *h2)? * 60 + two(*m1, *m2)?) * 60;
            (if *sign == b'-' { -seconds } else { seconds }, true)
        }
        _ => return None,
    };
    let seconds = i64::from(usual_date(day)?) * DAY_SECONDS + (hour * 60 + minute) * 60 + second - offset;
    Some((seconds * 1_000_000 + fraction, zoned))
}

/// `YYYY-MM-DD`, a day of the calendar.
fn usual_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = i32::try_from(two(*y1, *y2)? * 100 + two(*y3, *y4)?).ok()?;
    let month = u32::try_from(two(*m1, *m2)?).ok()?;
    let day = u32::try_from(two(*d1, *d2)?).ok()?;
    NaiveDate::from_ymd_opt(year, month, day).map(|date| date.num_days_from_ce() - EPOCH_DAY)
}

/// One to six digits behind the point.
fn micros(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    let digit = |n: usize| i64::from(digits.get(n).map_or(0, |byte| byte - b'0'));
    Some((0..6).fold(0, |sum, n| sum * 10 + digit(n)))
}

fn two(a: u8, b: u8) -> Option<i64> {
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_count_from_1970() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("1969-12-31"), Some(-1));
        assert_eq!((date("2026-02-29"), date("infinity"), date("2026-1-1x")), (None, None, None));
        assert_eq!(moment("1970-01-01T01:00:00.000001+01:00"), Some((1, true)));
        assert_eq!(moment("1970-01-01T00:00:01"), Some((1_000_000, false)));
        assert_eq!(moment("1969-12-31T23:59:59.5"), Some((-500_000, false)));
        assert_eq!(moment("1970-01-01T00:00:00.25Z"), Some((250_000, true)));
        for wrong in
            ["2026-11-22", "2026-11-22T25:00:00", "2026-11-31T00:00:00", "2026-11-22T10:00:00.", "infinity", ""]
        {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_usual_form_is_read_as_chrono_reads_it() {
        for text in ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "2024-02-29T12:30:15.123"] {
            let naive: NaiveDateTime = text.parse().unwrap();
            assert_eq!(usual_moment(text.as_bytes()), Some((naive.and_utc().timestamp_micros(), false)), "{text}");
        }
        for text in ["2026-11-22T10:00:00-05:30", "2026-11-22T00:00:00.1+14:00", "2026-03-29T02:30:00Z"] {
            let instant = DateTime::parse_from_rfc3339(text).unwrap();
            assert_eq!(usual_moment(text.as_bytes()), Some((instant.timestamp_micros(), true)), "{text}");
        }
    }

    #[test]
    fn a_moment_finer_than_a_microsecond_is_not_cut() {
        assert_eq!(moment("1970-01-01T00:00:00.0000010"), Some((1, false)));
        assert_eq!(moment("1970-01-01T00:00:00.0000011"), None);
    }
}
