//! PostgreSQL's `numeric` on the wire: digits in base 10 000 with a display scale. Read and written digit by digit,
//! because every decimal type at hand loses the scale, the range or `NaN`.

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Adds the text PostgreSQL itself would print. `None` for bytes that are not a numeric.
pub(crate) fn read(bytes: &[u8], text: &mut String) -> Option<()> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let count = usize::from(word(0)?);
    let weight = i32::from(word(2)? as i16);
    let sign = word(4)?;
    let scale = usize::from(word(6)?);
    let special = match sign {
        NAN => Some("NaN"),
        INFINITY => Some("Infinity"),
        MINUS_INFINITY => Some("-Infinity"),
        _ => None,
    };
    if let Some(special) = special {
        text.push_str(special);
        return Some(());
    }
    let digit = |index: i32| -> Option<u16> {
        match usize::try_from(index) {
            Ok(n) if n < count => word(8 + 2 * n),
            _ => Some(0),
        }
    };
    if sign == NEGATIVE {
        text.push('-');
    }
    if weight < 0 {
        text.push('0');
    }
    for group in 0..=weight {
        push_group(digit(group)?, group == 0, text);
    }
    if scale > 0 {
        text.push('.');
        let point = text.len();
        let mut group = weight + 1;
        while text.len() - point < scale {
            push_group(digit(group)?, false, text);
            group += 1;
        }
        text.truncate(point + scale);
    }
    Some(())
}

/// Four digits, without zeros in front when they are the first.
fn push_group(group: u16, is_first: bool, text: &mut String) {
    let mut is_leading = is_first;
    for unit in [1000, 100, 10, 1] {
        let digit = group / unit % 10;
        is_leading &= digit == 0 && unit > 1;
        if !is_leading {
            text.push(char::from(b'0' + digit as u8));
        }
    }
}

/// What stands before the point, cut toward zero. `None` for what is no number of this size.
pub(crate) fn whole(bytes: &[u8]) -> Option<i64> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (count, weight, sign) = (i32::from(word(0)?), i32::from(word(2)? as i16), word(4)?);
    if sign != 0 && sign != NEGATIVE {
        return None;
    }
    let mut value = 0_i64;
    for group in 0..=weight {
        let digits = if group < count { word(8 + 2 * group as usize)? } else { 0 };
        // Downward, because there is one more number below zero than above.
        value = value.checked_mul(10_000)?.checked_sub(digits.into())?;
    }
    if sign == NEGATIVE { Some(value) } else { value.checked_neg() }
}

/// Whether nothing but zeros is behind the point.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let word = |at: usize| Some(i32::from(i16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    // The server never sends trailing groups of zeros.
    word(0).zip(word(2)).is_some_and(|(count, weight)| count <= weight + 1)
}

/// Writes plain digits (`-12.340`), an exponent (`1.5e-7`, as floats print) or `NaN`. False when `text` is none of
/// these; nothing is written then.
pub(crate) fn write(text: &str, out: &mut Vec<u8>) -> bool {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" | "inf" => Some(INFINITY),
        "-Infinity" | "-inf" => Some(MINUS_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        return put(&[], 0, sign, 0, out);
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text.strip_prefix('+').unwrap_or(text)),
    };
    let Some((mantissa, exponent)) = split_exponent(unsigned) else { return false };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && part.is_empty() || !all_digits(whole) || !all_digits(part) {
        return false;
    }
    if exponent == 0 {
        return put_digits(whole, part, sign, out);
    }
    // Move the point; only floats come with an exponent, so this path may allocate.
    let digits = format!("{whole}{part}");
    let point = whole.len() as i32 + exponent;
    let (whole, part) = if point <= 0 {
        (String::new(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)))
    } else if point as usize >= digits.len() {
        (format!("{digits}{}", "0".repeat(point as usize - digits.len())), String::new())
    } else {
        (digits[..point as usize].to_owned(), digits[point as usize..].to_owned())
    };
    put_digits(&whole, &part, sign, out)
}

/// An exponent beyond a few thousand is no number a column can hold.
fn split_exponent(text: &str) -> Option<(&str, i32)> {
    match text.split_once(['e', 'E']) {
        None => Some((text, 0)),
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.parse().ok()?;
            (exponent.abs() <= 4_000).then_some((mantissa, exponent))
        }
    }
}

fn put_digits(whole: &str, part: &str, sign: u16, out: &mut Vec<u8>) -> bool {
    let whole = whole.trim_start_matches('0');
    if whole.len() > 131_072 || part.len() > 16_383 {
        return false;
    }
    let mut groups: Vec<u16> = Vec::with_capacity((whole.len() + part.len()) / 4 + 2);
    let mut group = 0_u16;
    let mut filled = (4 - whole.len() % 4) % 4;
    for digit in whole.bytes() {
        group = group * 10 + u16::from(digit - b'0');
        filled += 1;
        if filled == 4 {
            groups.push(std::mem::take(&mut group));
            filled = 0;
        }
    }
    // Whole groups so far; the padding in front of an empty whole part does not count.
    filled = 0;
    let mut weight = groups.len() as i32 - 1;
    for digit in part.bytes() {
        group = group * 10 + u16::from(digit - b'0');
        filled += 1;
        if filled == 4 {
            groups.push(std::mem::take(&mut group));
            filled = 0;
        }
    }
    if filled > 0 {
        groups.push(group * 10_u16.pow(4 - filled as u32));
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let leading = groups.iter().take_while(|g| **g == 0).count();
    groups.drain(..leading);
    weight -= leading as i32;
    if groups.is_empty() {
        weight = 0;
    }
    let sign = if groups.is_empty() { 0 } else { sign };
    put(&groups, weight as i16, sign, part.len() as u16, out)
}

fn put(groups: &[u16], weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) -> bool {
    out.extend((groups.len() as u16).to_be_bytes());
    out.extend(weight.to_be_bytes());
    out.extend(sign.to_be_bytes());
    out.extend(scale.to_be_bytes());
    for group in groups {
        out.extend(group.to_be_bytes());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        let mut wire = Vec::new();
        assert!(write(text, &mut wire), "{text}");
        let mut read_back = String::new();
        read(&wire, &mut read_back).unwrap();
        read_back
    }

    #[test]
    fn digits_and_scale_survive() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "1.20",
            "100000000.00",
            "0.0001",
            "0.00010",
            "-0.00000001",
            "9999",
            "10000",
            "10001.5",
            "123456789012345678901234567890.123456789012345678901234567890",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(round_trip(text), text);
        }
    }

    #[test]
    fn the_whole_part_is_cut_toward_zero() {
        for (text, want, is_exact) in [
            ("0", Some(0), true),
            ("0.0001", Some(0), false),
            ("-0.99", Some(0), false),
            ("12.99", Some(12), false),
            ("-12.99", Some(-12), false),
            ("12.00", Some(12), true),
            ("126001", Some(126_001), true),
            ("10000", Some(10_000), true),
            ("100000000.5", Some(100_000_000), false),
            ("9223372036854775807.9", Some(i64::MAX), false),
            ("-9223372036854775808", Some(i64::MIN), true),
            ("9223372036854775808", None, true),
            ("1e40", None, true),
            ("NaN", None, true),
        ] {
            let mut wire = Vec::new();
            assert!(write(text, &mut wire));
            assert_eq!(whole(&wire), want, "{text}");
            if want.is_some() {
                assert_eq!(is_whole(&wire), is_exact, "{text}");
            }
        }
    }

    #[test]
    fn other_spellings_are_normalised() {
        for (text, plain) in [
            ("+1.5", "1.5"),
            ("00012", "12"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("1.5e-7", "0.00000015"),
            ("1.25E1", "12.5"),
            ("1.7976931348623157e308", &format!("17976931348623157{}", "0".repeat(292))),
        ] {
            assert_eq!(round_trip(text), plain);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "abc", "1,5", "1e", "0x10", "1 ", "1e99999"] {
            let mut wire = Vec::new();
            assert!(!write(text, &mut wire), "{text}");
            assert!(wire.is_empty());
        }
    }

    #[test]
    fn cut_bytes_are_no_numeric() {
        assert_eq!(read(&[0, 1, 0, 0, 0, 0, 0], &mut String::new()), None);
        assert_eq!(read(&[0, 2, 0, 1, 0, 0, 0, 0, 0, 1], &mut String::new()), None);
    }
}
