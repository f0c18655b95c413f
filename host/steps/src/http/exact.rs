//! JSON as servers write it, read without bending its numbers: one that a double cannot give back digit by digit (an
//! amount of twenty digits) is kept as text, as the databases' decimals are. Everything else is serde_json's.

use std::borrow::Cow;

use host_model::Json;

/// Some servers begin with it, although JSON has none.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a JSON text.
pub(super) fn read(text: &[u8]) -> serde_json::Result<Json> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    serde_json::from_slice(&with_exact_numbers(text))
}

/// The text with quotes around the numbers that would be bent.
fn with_exact_numbers(text: &[u8]) -> Cow<'_, [u8]> {
    let mut quoted = Vec::new();
    // What of `text` is in `quoted`.
    let mut taken = 0;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => at = end_of_string(text, at),
            b'-' | b'0'..=b'9' => {
                let rest = &text[at..];
                let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
                let end = at + rest.iter().position(|b| !is_part(b)).unwrap_or(rest.len());
                if is_bent(&text[at..end]) {
                    quoted.extend_from_slice(&text[taken..at]);
                    quoted.push(b'"');
                    quoted.extend_from_slice(&text[at..end]);
                    quoted.push(b'"');
                    taken = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if taken == 0 {
        return Cow::Borrowed(text);
    }
    quoted.extend_from_slice(&text[taken..]);
    Cow::Owned(quoted)
}

/// Behind the closing quote of the string that begins at `start`.
fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Whether a number comes back with other digits. What is no number is left to the parser.
fn is_bent(number: &[u8]) -> bool {
    // Fifteen digits always come back.
    if number.len() <= 15 {
        return false;
    }
    let (Ok(text), Ok(read)) = (std::str::from_utf8(number), serde_json::from_slice::<serde_json::Number>(number))
    else {
        return false;
    };
    !read.is_i64() && !read.is_u64() && parts(text) != parts(&read.to_string())
}

/// The significant digits of a number and the power of ten of the first one; its sign never bends.
fn parts(number: &str) -> (String, i64) {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let leading = (all.len() - significant.len()) as i64;
    let digits = significant.trim_end_matches('0').to_owned();
    match digits.is_empty() {
        true => (digits, 0),
        false => (digits, exponent.parse::<i64>().unwrap_or_default() + whole.len() as i64 - leading),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_keeps_its_digits_or_becomes_text() {
        for (text, value) in [
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("-12345678901234567.89", json!("-12345678901234567.89")),
            ("0.1000000000000000055511151231257827", json!("0.1000000000000000055511151231257827")),
            ("18446744073709551616", json!("18446744073709551616")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("9007199254740993", json!(9_007_199_254_740_993_i64)),
            ("0.30000000000000004", json!(0.300_000_000_000_000_04)),
            ("1.7976931348623157e308", json!(f64::MAX)),
            ("1.0000000000000000000", json!(1.0)),
            ("0.00000000000000000000", json!(0.0)),
            ("1000000000000000000000000", json!(1e24)),
            ("0.000000000000000000000012", json!(1.2e-23)),
            ("19.99", json!(19.99)),
            ("1e22", json!(1e22)),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn digits_in_strings_and_names_are_left_alone() {
        let text =
            r#"{"12345678901234567890123": "\\\"12345678901234567.89", "n": [ 12345678901234567.89 ,1], "e": "\\"}"#;
        let read = read(text.as_bytes()).unwrap();
        let n = json!(["12345678901234567.89", 1]);
        assert_eq!(read, json!({"12345678901234567890123": "\\\"12345678901234567.89", "n": n, "e": "\\"}));
    }

    #[test]
    fn a_mark_of_byte_order_is_passed_over_and_what_is_no_json_is_refused() {
        assert_eq!(read("\u{feff}{\"a\": 1}".as_bytes()).unwrap(), json!({"a": 1}));
        for text in ["", "{", "0123456789012345678", "1234567890123456.", "--12345678901234567", "\"", "\"\\"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
