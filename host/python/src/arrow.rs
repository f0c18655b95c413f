//! Rows as Arrow record batches, in the streaming form of Arrow IPC: one stream for one cursor, its schema with the first
//! batch. A million rows cross as columns of plain memory and not as a million Python objects.
//!
//! The first batch settles the type of each column: by its values, and where all are NULL by the database's name for it.
//! What a later value cannot be said in is refused with the column's name; nothing is rounded or cut.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use host_model::value::{Column, Row, Value};
use host_model::{StepError, StepErrorKind};

/// Digits of the widest decimal that Arrow's 128 bits hold.
const DIGITS: u8 = 38;
/// Days from the first of January of year 1 to that of 1970.
const EPOCH_DAY: i32 = 719_163;

/// What a column is in Arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    Decimal {
        scale: i8,
    },
    Date,
    Timestamp {
        zoned: bool,
    },
    Bytes,
    /// Takes any value as its text.
    Text,
}

/// One stream of record batches.
#[derive(Default)]
pub(crate) struct ArrowBatches {
    begun: Option<Begun>,
}

struct Begun {
    kinds: Vec<Kind>,
    schema: Arc<Schema>,
    writer: StreamWriter<Vec<u8>>,
}

impl ArrowBatches {
    /// The bytes of the next part of the stream; `None` after its end, which an empty batch of rows means. A result
    /// without rows still has its schema.
    ///
    /// # Errors
    /// When a value has no place in its column.
    pub(crate) fn next(&mut self, columns: &[Column], rows: &[Row]) -> Result<Option<Vec<u8>>, StepError> {
        if rows.is_empty() && self.begun.is_some() {
            return Ok(None);
        }
        let begun = match &mut self.begun {
            Some(begun) => begun,
            none => none.insert(Begun::new(columns, rows)?),
        };
        let arrays = begun.kinds.iter().enumerate().map(|(n, kind)| {
            build(*kind, rows.len(), rows.iter().map(|row| row.get(n).unwrap_or(&Value::Null)))
                .map_err(|value| misfit(&columns[n].name, *kind, value))
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        if !arrays.is_empty() && !rows.is_empty() {
            let batch = RecordBatch::try_new(Arc::clone(&begun.schema), arrays).map_err(broken)?;
            begun.writer.write(&batch).map_err(broken)?;
        }
        Ok(Some(std::mem::take(begun.writer.get_mut())))
    }
}

impl Begun {
    fn new(columns: &[Column], rows: &[Row]) -> Result<Self, StepError> {
        let kinds: Vec<Kind> = (columns.iter().enumerate())
            .map(|(n, column)| {
                let values = rows.iter().filter_map(|row| row.get(n));
                kind_of_values(values).unwrap_or_else(|| kind_of_name(&column.kind))
            })
            .collect();
        // Nullable throughout: a later batch may hold what the first did not.
        let fields: Vec<Field> =
            columns.iter().zip(&kinds).map(|(column, kind)| Field::new(&column.name, kind.data_type(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let writer = StreamWriter::try_new(Vec::new(), &schema).map_err(broken)?;
        Ok(Self { kinds, schema, writer })
    }
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Decimal { scale } => DataType::Decimal128(DIGITS, scale),
            Self::Date => DataType::Date32,
            Self::Timestamp { zoned } => DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into())),
            Self::Bytes => DataType::Binary,
            Self::Text => DataType::Utf8,
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Bool => "booleans".to_owned(),
            Self::Int => "whole numbers".to_owned(),
            Self::Float => "floating point numbers".to_owned(),
            Self::Decimal { scale } => format!("decimals with {scale} places"),
            Self::Date => "dates".to_owned(),
            Self::Timestamp { zoned: true } => "instants".to_owned(),
            Self::Timestamp { zoned: false } => "timestamps without zone".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Text => "text".to_owned(),
        }
    }

    /// The narrowest kind that holds values of both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::Int, decimal @ Self::Decimal { .. }) | (decimal @ Self::Decimal { .. }, Self::Int) => decimal,
            (Self::Decimal { scale: a }, Self::Decimal { scale: b }) => Self::Decimal { scale: a.max(b) },
            _ => Self::Text,
        }
    }
}

/// The kind all values have in common; `None` when all are NULL.
fn kind_of_values<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Kind> {
    values.filter_map(kind_of).reduce(Kind::and)
}

fn kind_of(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::Decimal(text) => match decimal_places(text) {
            Some(scale) => Kind::Decimal { scale },
            None => Kind::Text,
        },
        // `infinity`, and years that no calendar here knows, are text.
        Value::Date(text) => date(text).map_or(Kind::Text, |_| Kind::Date),
        Value::Timestamp(text) => moment(text).map_or(Kind::Text, |(_, zoned)| Kind::Timestamp { zoned }),
        Value::Bytes(_) => Kind::Bytes,
        Value::Text(_) | Value::Other(..) => Kind::Text,
    })
}

fn kind_of_name(name: &str) -> Kind {
    let word = name.split(['(', ' ']).next().unwrap_or_default();
    match word {
        "bool" | "boolean" => Kind::Bool,
        "int2" | "int4" | "int8" | "smallint" | "integer" | "int" | "bigint" | "oid" => Kind::Int,
        "float4" | "float8" | "real" | "double" | "float" => Kind::Float,
        "date" => Kind::Date,
        "timestamp" | "datetime" => Kind::Timestamp { zoned: false },
        "timestamptz" => Kind::Timestamp { zoned: true },
        "bytea" | "blob" => Kind::Bytes,
        _ => Kind::Text,
    }
}

/// Builds one column; a value that does not fit comes back.
fn build<'a>(kind: Kind, n: usize, values: impl Iterator<Item = &'a Value>) -> Result<ArrayRef, &'a Value> {
    macro_rules! fill {
        ($builder:expr, $($value:pat => $read:expr),+) => {{
            let mut builder = $builder;
            for value in values {
                match value {
                    Value::Null => builder.append_null(),
                    $($value => match $read {
                        Some(read) => builder.append_value(read),
                        None => return Err(value),
                    },)+
                    #[allow(unreachable_patterns, reason = "one arm of this macro takes every value")]
                    _ => return Err(value),
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    Ok(match kind {
        Kind::Bool => fill!(BooleanBuilder::with_capacity(n), Value::Bool(b) => Some(*b)),
        Kind::Int => fill!(Int64Builder::with_capacity(n), Value::Int(i) => Some(*i)),
        Kind::Float => fill!(
            Float64Builder::with_capacity(n), Value::Float(f) => Some(*f), Value::Int(i) => exact_float(*i)
        ),
        Kind::Decimal { scale } => fill!(
            Decimal128Builder::with_capacity(n).with_data_type(kind.data_type()),
            Value::Decimal(text) => unscaled(text, scale),
            Value::Int(i) => 10_i128.checked_pow(u32::from(scale.unsigned_abs())).and_then(|p| p.checked_mul(i128::from(*i)))
        ),
        Kind::Date => fill!(Date32Builder::with_capacity(n), Value::Date(text) => date(text)),
        Kind::Timestamp { zoned } => fill!(
            TimestampMicrosecondBuilder::with_capacity(n).with_data_type(kind.data_type()),
            Value::Timestamp(text) => moment(text).filter(|(_, has_zone)| *has_zone == zoned).map(|(micros, _)| micros)
        ),
        Kind::Bytes => fill!(BinaryBuilder::with_capacity(n, n * 16), Value::Bytes(bytes) => Some(bytes)),
        Kind::Text => fill!(
            StringBuilder::with_capacity(n, n * 16),
            Value::Text(text) | Value::Decimal(text) | Value::Date(text) | Value::Timestamp(text)
                | Value::Other(_, text) => Some(text.as_str()),
            Value::Bool(b) => Some(if *b { "true" } else { "false" }),
            Value::Int(i) => Some(i.to_string()),
            Value::Float(f) => Some(f.to_string()),
            bytes @ Value::Bytes(_) => bytes.to_json().as_str().map(str::to_owned)
        ),
    })
}

/// The float of a whole number, unless it is not the same number.
fn exact_float(i: i64) -> Option<f64> {
    let float = i as f64;
    (float as i128 == i128::from(i)).then_some(float)
}

/// Digits after the point; `None` for what is no decimal of at most [`DIGITS`] digits (`NaN`, `Infinity`).
fn decimal_places(text: &str) -> Option<i8> {
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let scale = i8::try_from(places).ok().filter(|scale| scale.unsigned_abs() <= DIGITS)?;
    unscaled(text, scale).map(|_| scale)
}

/// The whole number `text * 10^scale`.
fn unscaled(text: &str, scale: i8) -> Option<i128> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let missing = usize::from(scale.unsigned_abs()).checked_sub(places.len())?;
    let digits = format!("{whole}{places}{}", "0".repeat(missing));
    let is_plain = digits.trim_start_matches(['-', '+']).len() <= usize::from(DIGITS);
    digits.parse().ok().filter(|_| is_plain)
}

/// Days since 1970.
fn date(text: &str) -> Option<i32> {
    text.parse::<NaiveDate>().ok().map(|date| date.num_days_from_ce() - EPOCH_DAY)
}

/// Microseconds since 1970, and whether the text says a zone.
fn moment(text: &str) -> Option<(i64, bool)> {
    if let Ok(naive) = text.parse::<NaiveDateTime>() {
        return Some((naive.and_utc().timestamp_micros(), false));
    }
    DateTime::parse_from_rfc3339(text).ok().map(|instant| (instant.timestamp_micros(), true))
}

fn misfit(column: &str, kind: Kind, value: &Value) -> StepError {
    let shown: String = value.to_json().to_string().chars().take(60).collect();
    let message = format!(
        "column `{column}` holds {shown}, and began with {}; cast it in the SELECT, or read it with `stream`",
        kind.describe()
    );
    StepError::new(StepErrorKind::Failed, message)
}

fn broken(error: ArrowError) -> StepError {
    StepError::new(StepErrorKind::Failed, format!("the rows cannot be put into Arrow's form: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(of: &str) -> String {
        of.to_owned()
    }

    #[test]
    fn the_first_values_settle_the_type_of_a_column() {
        let cases = [
            (vec![Value::Int(1), Value::Null], Some(Kind::Int)),
            (vec![Value::Int(1), Value::Float(0.5)], Some(Kind::Float)),
            (vec![Value::Decimal(text("1.5")), Value::Decimal(text("-1.25"))], Some(Kind::Decimal { scale: 2 })),
            (vec![Value::Decimal(text("NaN"))], Some(Kind::Text)),
            (vec![Value::Int(1), Value::Text(text("x"))], Some(Kind::Text)),
            (vec![Value::Date(text("2026-11-22"))], Some(Kind::Date)),
            (vec![Value::Date(text("infinity"))], Some(Kind::Text)),
            (vec![Value::Timestamp(text("2026-11-22T10:00:00.5"))], Some(Kind::Timestamp { zoned: false })),
            (vec![Value::Timestamp(text("2026-11-22T10:00:00+02:00"))], Some(Kind::Timestamp { zoned: true })),
            (vec![Value::Null], None),
        ];
        for (values, kind) in cases {
            assert_eq!(kind_of_values(values.iter()), kind, "{values:?}");
        }
        assert_eq!(kind_of_name("varchar(20)"), Kind::Text);
        assert_eq!(kind_of_name("timestamptz"), Kind::Timestamp { zoned: true });
    }

    #[test]
    fn numbers_and_moments_keep_every_digit() {
        assert_eq!(unscaled("-12.340", 3), Some(-12_340));
        assert_eq!(unscaled("12", 2), Some(1_200));
        assert_eq!(unscaled("1.234", 2), None);
        assert_eq!(unscaled("12345678901234567890123456789012345678", 0), Some(12345678901234567890123456789012345678));
        assert_eq!(decimal_places("123456789012345678901234567890123456789"), None);
        assert_eq!(exact_float(1 << 53), Some(9_007_199_254_740_992.0));
        assert_eq!(exact_float((1 << 53) + 1), None);
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(moment("1970-01-01T01:00:00.000001+01:00"), Some((1, true)));
        assert_eq!(moment("1970-01-01T00:00:01"), Some((1_000_000, false)));
    }

    #[test]
    fn a_value_that_no_longer_fits_is_refused_with_its_column() {
        let columns = [Column { name: text("n"), kind: text("unknown"), nullable: true }];
        let mut batches = ArrowBatches::default();
        assert!(batches.next(&columns, &[vec![Value::Int(1)]]).unwrap().is_some());
        let error = batches.next(&columns, &[vec![Value::Text(text("x"))]]).unwrap_err();
        assert!(error.message.starts_with("column `n` holds \"x\", and began with whole numbers; cast it"), "{error}");
        assert!(batches.next(&columns, &[]).unwrap().is_none());
        // A result without rows is a stream too.
        assert!(
            ArrowBatches::default().next(&columns, &[]).unwrap().is_some_and(|bytes| bytes.starts_with(&[0xff; 4]))
        );
    }
}
