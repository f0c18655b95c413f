//! Cells of SQLite. The storage class of a cell decides, not its column; the declared type only tells booleans, dates,
//! timestamps and decimals apart where the cell looks like one, so that a guest sees the same cases as on PostgreSQL.

use host_model::value::{CellRef, Value};
use rusqlite::types::ValueRef;

/// What a declared column type promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Boolean,
    Date,
    Timestamp,
    Decimal,
    Other,
}

impl Declared {
    /// Reads `VARCHAR(20)`, `timestamp`, nothing at all.
    pub(crate) fn parse(declared: Option<&str>) -> Self {
        let word = declared.unwrap_or_default().split(['(', ' ']).next().unwrap_or_default().to_ascii_lowercase();
        match word.as_str() {
            "bool" | "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" | "timestamp" | "timestamptz" => Self::Timestamp,
            "decimal" | "numeric" | "number" | "money" => Self::Decimal,
            _ => Self::Other,
        }
    }
}

/// The cell as steps and guests see it.
pub(crate) fn to_value(cell: ValueRef<'_>, declared: Declared) -> Value {
    to_cell(cell, declared, &mut String::new()).to_value()
}

/// The same without a copy; what has to be written first goes to `scratch`.
pub(crate) fn to_cell<'a>(cell: ValueRef<'a>, declared: Declared, scratch: &'a mut String) -> CellRef<'a> {
    match cell {
        ValueRef::Null => CellRef::Null,
        ValueRef::Integer(n @ (0 | 1)) if declared == Declared::Boolean => CellRef::Bool(n == 1),
        ValueRef::Integer(n) => CellRef::Int(n),
        ValueRef::Real(f) => CellRef::Float(f),
        ValueRef::Blob(bytes) => CellRef::Bytes(bytes),
        // SQLite does not check the encoding of what it is given.
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text_cell(text, declared, scratch),
            Err(_) => CellRef::Bytes(bytes),
        },
    }
}

fn text_cell<'a>(text: &'a str, declared: Declared, scratch: &'a mut String) -> CellRef<'a> {
    match declared {
        Declared::Date if is_date(text) => CellRef::Date(text),
        Declared::Timestamp if is_timestamp(text) => {
            scratch.clear();
            scratch.push_str(&text[..10]);
            scratch.push('T');
            scratch.push_str(&text[11..]);
            CellRef::Timestamp(scratch)
        }
        Declared::Decimal if is_plain_number(text) => CellRef::Decimal(text),
        _ => CellRef::Text(text),
    }
}

/// What is bound for a cell. Timestamps take a space for their `T`, the form of SQLite's own date functions, which is
/// written to `scratch`; SQLite stores a bound NaN as NULL, so it travels as text.
pub(crate) fn bound<'a>(cell: CellRef<'a>, scratch: &'a mut String) -> ValueRef<'a> {
    match cell {
        CellRef::Null => ValueRef::Null,
        CellRef::Bool(b) => ValueRef::Integer(i64::from(b)),
        CellRef::Int(n) => ValueRef::Integer(n),
        CellRef::Float(f) if f.is_nan() => ValueRef::Text(b"NaN"),
        CellRef::Float(f) => ValueRef::Real(f),
        CellRef::Decimal(t) | CellRef::Text(t) | CellRef::Date(t) | CellRef::Other(_, t) => {
            ValueRef::Text(t.as_bytes())
        }
        CellRef::Bytes(bytes) => ValueRef::Blob(bytes),
        CellRef::Timestamp(t) => {
            scratch.clear();
            scratch.push_str(t);
            with_space(scratch);
            ValueRef::Text(scratch.as_bytes())
        }
    }
}

fn with_space(timestamp: &mut String) {
    if let Some(at) = timestamp.find('T') {
        timestamp.replace_range(at..=at, " ");
    }
}

/// `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    matches_shape(text, b"dddd-dd-dd")
}

/// `YYYY-MM-DD HH:MM:SS`, `T` for the blank, then a fraction, then `Z` or an offset.
fn is_timestamp(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(19) else { return false };
    if !matches_shape(head, b"dddd-dd-dd?dd:dd:dd") || !matches!(head.as_bytes()[10], b' ' | b'T') {
        return false;
    }
    let tail = match tail.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        None => tail,
    };
    matches!(tail, "" | "Z") || matches_shape(tail, b"+dd:dd") || matches_shape(tail, b"-dd:dd")
}

fn matches_shape(text: &str, shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape).all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            b'?' => true,
            literal => byte == *literal,
        })
}

/// `-12.340`: a sign, digits, one point.
pub(crate) fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    !(whole.is_empty() && part.is_empty()) && whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_is_believed_only_when_the_cell_looks_like_it() {
        let text = |t: &'static str, d: &str| to_value(ValueRef::Text(t.as_bytes()), Declared::parse(Some(d)));
        assert_eq!(text("2024-02-29", "DATE"), Value::Date("2024-02-29".into()));
        assert_eq!(text("29.2.2024", "DATE"), Value::Text("29.2.2024".into()));
        assert_eq!(text("2024-02-29 10:00:00.5Z", "DATETIME"), Value::Timestamp("2024-02-29T10:00:00.5Z".into()));
        assert_eq!(
            text("2024-02-29T10:00:00+02:00", "timestamp"),
            Value::Timestamp("2024-02-29T10:00:00+02:00".into())
        );
        assert_eq!(text("2024-02-29 10:00", "timestamp"), Value::Text("2024-02-29 10:00".into()));
        assert_eq!(text("-1.20", "NUMERIC(15,2)"), Value::Decimal("-1.20".into()));
        assert_eq!(text("1e5", "NUMERIC"), Value::Text("1e5".into()));
        assert_eq!(to_value(ValueRef::Integer(1), Declared::parse(Some("BOOLEAN"))), Value::Bool(true));
        assert_eq!(to_value(ValueRef::Integer(2), Declared::parse(Some("BOOLEAN"))), Value::Int(2));
        assert_eq!(to_value(ValueRef::Text(&[0xff]), Declared::Other), Value::Bytes(vec![0xff]));
    }
}
