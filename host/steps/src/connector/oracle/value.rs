//! Cells and parameters of Oracle. A NUMBER is read and bound as its decimal digits, never as a float; a DATE has a time
//! of day; an instant comes as UTC, because the driver drops the offset it was written with; `''` is NULL.

use host_model::value::{Column, Row, Value};
use oracledb::{Metadata, OracleNumber, OracleTimestamp, ToDbValue};

/// Why a cell cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CellError {
    #[error("the column `{column}` of type `{kind}` cannot be read: {why}; select it as text")]
    Type { column: String, kind: String, why: String },
}

/// The column with the full name of its type: `number(15,2)`.
pub(super) fn column(metadata: &Metadata) -> Column {
    let kind = metadata.data_type().to_ascii_lowercase();
    Column { name: metadata.name().to_owned(), kind, nullable: metadata.nullable() }
}

/// The cell as steps and guests see it.
pub(super) fn value(row: &oracledb::Row, n: usize, column: &Column) -> Result<Value, CellError> {
    let cannot = |error: oracledb::Error| CellError::Type {
        column: column.name.clone(),
        kind: column.kind.clone(),
        why: super::fault::text(&error),
    };
    let base = column.kind.split(['(', ' ']).next().unwrap_or_default();
    let found = match base {
        "number" | "binary_integer" => {
            let number = row.get::<Option<OracleNumber>>(n).map_err(cannot)?;
            number.map(|number| decimal(&number.to_string(), &column.kind))
        }
        "binary_double" => row.get::<Option<f64>>(n).map_err(cannot)?.map(Value::Float),
        "binary_float" => {
            // By way of its shortest text, so that 0.1 stays 0.1.
            let float = row.get::<Option<f32>>(n).map_err(cannot)?;
            float.map(|f| Value::Float(f.to_string().parse().unwrap_or(f64::from(f))))
        }
        "boolean" => row.get::<Option<bool>>(n).map_err(cannot)?.map(Value::Bool),
        "date" | "timestamp" => {
            let at = row.get::<Option<OracleTimestamp>>(n).map_err(cannot)?;
            at.map(|at| moment(&at, &column.kind))
        }
        "raw" | "blob" => row.get::<Option<Vec<u8>>>(n).map_err(cannot)?.map(Value::Bytes),
        "long" if column.kind.ends_with("raw") => row.get::<Option<Vec<u8>>>(n).map_err(cannot)?.map(Value::Bytes),
        _ => row.get::<Option<String>>(n).map_err(cannot)?.map(Value::Text),
    };
    Ok(found.unwrap_or(Value::Null))
}

/// A whole number where the column holds nothing else, else a decimal with all digits of the column's scale.
fn decimal(text: &str, kind: &str) -> Value {
    let sizes = kind.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner);
    let mut parts = sizes.unwrap_or_default().split(',').map(|part| part.trim().parse::<i16>().ok());
    let (precision, scale) = (parts.next().flatten(), parts.next().flatten().unwrap_or(0));
    match (precision, scale) {
        (Some(1..=18), 0) => text.parse().map_or_else(|_| Value::Decimal(text.to_owned()), Value::Int),
        (Some(_), 1..) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let width = usize::from(scale.unsigned_abs());
            Value::Decimal(format!("{whole}.{fraction:0<width$}"))
        }
        _ => Value::Decimal(text.to_owned()),
    }
}

fn moment(at: &OracleTimestamp, kind: &str) -> Value {
    let (date, time) = (
        format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day()),
        format!("{:02}:{:02}:{:02}.{:09}", at.hour(), at.minute(), at.second(), at.nanoseconds()),
    );
    let time = time.trim_end_matches('0').trim_end_matches('.');
    // Of the three kinds of timestamps this one alone is an instant in words everybody reads alike.
    let zone = if kind.ends_with("with time zone") { "Z" } else { "" };
    let text = format!("{date}T{time}{zone}");
    // Before our era there is no spelling that all databases share.
    if at.year() < 1 { Value::Other(kind.to_owned(), text) } else { Value::Timestamp(text) }
}

/// What is bound for a value that is not NULL.
pub(super) fn bound(value: &Value) -> Box<dyn ToDbValue> {
    Lane::of(value).unwrap_or(Lane::Text).bound(value)
}

/// The type all values of a column are bound by; a batch has one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Number,
    Double,
    Bytes,
    Stamp,
    Text,
}

/// One lane for each column: what all its values fit in, text where they are of several kinds.
pub(super) fn lanes(rows: &[Row], width: usize) -> Vec<Lane> {
    let join = |n: usize| {
        let kinds = rows.iter().filter_map(|row| row.get(n).and_then(Lane::of));
        kinds.reduce(|a, b| if a == b { a } else { Lane::Text }).unwrap_or(Lane::Text)
    };
    (0..width).map(join).collect()
}

impl Lane {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            // Before 23ai there is no BOOLEAN in SQL; people use 0 and 1.
            Value::Bool(_) | Value::Int(_) => Self::Number,
            Value::Decimal(text) if number(text).is_some() => Self::Number,
            Value::Float(_) => Self::Double,
            Value::Bytes(_) => Self::Bytes,
            Value::Date(text) | Value::Timestamp(text) if stamp(text).is_some() => Self::Stamp,
            _ => Self::Text,
        })
    }

    /// The value by this type, NULL where it is one.
    pub(super) fn bound(self, value: &Value) -> Box<dyn ToDbValue> {
        match self {
            Self::Number => Box::new(match value {
                Value::Bool(b) => Some(OracleNumber::from(i64::from(*b))),
                Value::Int(n) => Some(OracleNumber::from(*n)),
                Value::Decimal(text) => number(text),
                _ => None,
            }),
            Self::Double => Box::new(if let Value::Float(f) = value { Some(*f) } else { None }),
            Self::Bytes => Box::new(if let Value::Bytes(bytes) = value { Some(bytes.clone()) } else { None }),
            Self::Stamp => Box::new(match value {
                Value::Date(text) | Value::Timestamp(text) => stamp(text),
                _ => None,
            }),
            Self::Text => Box::new(text(value)),
        }
    }
}

fn number(text: &str) -> Option<OracleNumber> {
    // More than 38 digits are no NUMBER, and the driver counts up to 40.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > 38 { None } else { text.parse().ok() }
}

/// A date or a date and time without an offset. Instants go as text: the driver forgets to write their offset.
fn stamp(text: &str) -> Option<OracleTimestamp> {
    let at = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok();
    let at = at.or_else(|| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    // A year of Oracle has four digits.
    (1..=9999).contains(&chrono::Datelike::year(&at)).then(|| at.into())
}

/// The value as the text the session's settings read.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => i64::from(*b).to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Bytes(bytes) => bytes.iter().map(|b| format!("{b:02X}")).collect(),
        Value::Timestamp(text) => instant(text).unwrap_or_else(|| text.replacen('T', " ", 1)),
        Value::Decimal(t) | Value::Text(t) | Value::Date(t) | Value::Other(_, t) => t.clone(),
    })
}

fn instant(text: &str) -> Option<String> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.format("%Y-%m-%d %H:%M:%S%.9f %:z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_every_digit_and_the_scale_of_its_column() {
        for (text, kind, want) in [
            ("126001", "number(6)", Value::Int(126_001)),
            ("-7", "number(18)", Value::Int(-7)),
            (
                "12345678901234567890123456789012345678",
                "number(38)",
                Value::Decimal("12345678901234567890123456789012345678".into()),
            ),
            ("1.5", "number(15,2)", Value::Decimal("1.50".into())),
            ("-0.05", "number(15,2)", Value::Decimal("-0.05".into())),
            ("3", "number(15,2)", Value::Decimal("3.00".into())),
            ("0.1", "number", Value::Decimal("0.1".into())),
            ("1200", "number(5,-2)", Value::Decimal("1200".into())),
        ] {
            assert_eq!(decimal(text, kind), want, "{text} {kind}");
        }
    }

    #[test]
    fn the_driver_reads_and_writes_decimals_digit_by_digit() {
        for text in ["0", "0.1", "-12.34", "99999999999999999999999999999999999999", "0.00000000000000000001", "100"] {
            assert_eq!(number(text).unwrap().to_string(), text);
        }
        assert_eq!(number("1.20").unwrap().to_string(), "1.2");
        assert!(number("1e5").is_none() && number("").is_none());
        assert!(number("123456789012345678901234567890123456789").is_none());
    }

    #[test]
    fn moments_have_an_offset_only_where_they_are_instants() {
        let at = OracleTimestamp::new_timestamp(2026, 11, 2, 9, 5, 0, 120_000_000);
        assert_eq!(moment(&at, "timestamp(6)"), Value::Timestamp("2026-11-02T09:05:00.12".into()));
        assert_eq!(moment(&at, "timestamp(6) with time zone"), Value::Timestamp("2026-11-02T09:05:00.12Z".into()));
        assert_eq!(moment(&at, "timestamp(6) with local time zone"), Value::Timestamp("2026-11-02T09:05:00.12".into()));
        let day = OracleTimestamp::new_date(1, 1, 1);
        assert_eq!(moment(&day, "date"), Value::Timestamp("0001-01-01T00:00:00".into()));
        let before = OracleTimestamp::new_date(-4712, 1, 1);
        assert!(matches!(moment(&before, "date"), Value::Other(..)));
    }

    #[test]
    fn dates_are_bound_as_dates_and_instants_as_text_with_their_offset() {
        assert_eq!(stamp("2026-11-02"), Some(OracleTimestamp::new_date(2026, 11, 2)));
        assert_eq!(
            stamp("2026-11-02T09:05:00.5"),
            Some(OracleTimestamp::new_timestamp(2026, 11, 2, 9, 5, 0, 500_000_000))
        );
        assert_eq!(stamp("2026-11-02T09:05:00+02:00"), None);
        assert_eq!(stamp("+12026-11-02"), None);
        let instant = Value::Timestamp("2026-11-02T09:05:00+02:00".into());
        assert_eq!(text(&instant).as_deref(), Some("2026-11-02 09:05:00.000000000 +02:00"));
        assert_eq!(
            text(&Value::Timestamp("2026-11-02T09:05:00Z".into())).as_deref(),
            Some("2026-11-02 09:05:00.000000000 +00:00")
        );
    }

    #[test]
    fn a_column_of_a_batch_has_one_type_whatever_its_rows_hold() {
        let rows = vec![
            vec![Value::Null, Value::Int(1), Value::Int(1), Value::Null],
            vec![Value::Decimal("1.5".into()), Value::Text("x".into()), Value::Bool(true), Value::Null],
        ];
        assert_eq!(lanes(&rows, 4), [Lane::Number, Lane::Text, Lane::Number, Lane::Text]);
        assert_eq!(text(&Value::Bytes(vec![0, 255])).as_deref(), Some("00FF"));
    }
}
