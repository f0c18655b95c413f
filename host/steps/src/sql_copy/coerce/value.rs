//! The conversions of single cells. All exact: what has no exact result is handed back as it came.

use chrono::NaiveDate;

use crate::connector::cell::Cell;
use crate::connector::sqlite::value::is_plain_number;

/// A number in a date column that is no date.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoDate;

/// The text without white space at its end, or on both sides, and without NUL.
pub(super) fn trimmed<'a>(text: &'a str, both: bool, drop_nul: bool, scratch: &'a mut String) -> Cell<'a> {
    let text = if drop_nul && text.contains('\0') {
        scratch.clear();
        scratch.extend(text.chars().filter(|c| *c != '\0'));
        scratch.as_str()
    } else {
        text
    };
    Cell::Text(if both { text.trim() } else { text.trim_end() })
}

/// The number without what is behind its point, cut toward zero.
pub(super) fn whole<'a>(cell: Cell<'a>, scratch: &'a mut String) -> Cell<'a> {
    match cell {
        // Every float of this size is exactly the number its conversion makes.
        Cell::Float(f) if f.abs() < 9_223_372_036_854_775_807.0 => Cell::Int(f.trunc() as i64),
        Cell::Text(text) => {
            let text = text.trim();
            if !is_plain_number(text) {
                return cell;
            }
            let digits = text.split_once('.').map_or(text, |(digits, _)| digits);
            match digits {
                "" | "-" => Cell::Int(0),
                _ => match digits.parse() {
                    Ok(number) => Cell::Int(number),
                    // Longer than a bigint: a wider column may take it, any other refuses it by name.
                    Err(_) => {
                        scratch.clear();
                        scratch.push_str(digits);
                        Cell::Text(scratch)
                    }
                },
            }
        }
        other => other,
    }
}

/// `CYYDDD`: the century after 1900, the year in it, the day of the year. 0 and blank are no date and no mistake.
pub(super) fn julian(cell: Cell<'_>) -> Result<Option<NaiveDate>, NoDate> {
    let number = match cell {
        Cell::Null => return Ok(None),
        Cell::Int(number) => number,
        Cell::Float(f) if f.fract() == 0.0 && f.abs() < 1e9 => f as i64,
        Cell::Text(text) if text.trim().is_empty() => return Ok(None),
        Cell::Text(text) => {
            let (digits, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
            if fraction.bytes().any(|b| b != b'0') {
                return Err(NoDate);
            }
            digits.parse().map_err(|_| NoDate)?
        }
        Cell::Bool(_) | Cell::Float(_) | Cell::Bytes(_) => return Err(NoDate),
    };
    if number == 0 {
        return Ok(None);
    }
    if !(1..=999_999).contains(&number) {
        return Err(NoDate);
    }
    let (year, day) = (1900 + number / 1000, number % 1000);
    NaiveDate::from_yo_opt(year as i32, day as u32).map(Some).ok_or(NoDate)
}

/// `YYYY-MM-DD`.
pub(super) fn date_cell(date: NaiveDate, scratch: &mut String) -> Cell<'_> {
    use std::fmt::Write as _;
    scratch.clear();
    // Writing to a String cannot fail.
    let _ = write!(scratch, "{date}");
    Cell::Text(scratch)
}

/// The number with its point moved `digits` to the left.
pub(super) fn scaled<'a>(cell: Cell<'a>, digits: u32, is_whole: bool, scratch: &'a mut String) -> Cell<'a> {
    let number = match cell {
        Cell::Int(number) => number.to_string(),
        Cell::Float(f) => f.to_string(),
        Cell::Text(text) => text.trim().to_owned(),
        other => return other,
    };
    if !is_plain_number(&number) {
        return cell;
    }
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number.as_str()), |rest| ("-", rest));
    let (stored, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let fraction = if is_whole { "" } else { fraction };
    let places = digits as usize;
    let padded = format!("{stored:0>width$}", width = places + 1);
    let (whole, implied) = padded.split_at(padded.len() - places);
    scratch.clear();
    scratch.push_str(sign);
    scratch.push_str(whole);
    if !(implied.is_empty() && fraction.is_empty()) {
        scratch.push('.');
        scratch.push_str(implied);
        scratch.push_str(fraction);
    }
    Cell::Text(scratch)
}
