//! Cells to and from Rust types.
//!
//! Into a cell is `From`, so binds read `5.into()`. Out of a cell is `FromValue`, which converts only where nothing is
//! lost: databases disagree about the kind of a column (SQLite most of all), but never silently about its value.

use crate::{Error, Value};

/// A Rust type that a cell can be read as.
pub trait FromValue: Sized {
    /// Reads the cell. Error `invalid` when it is of another kind, does not fit, or is null; read nullable cells as
    /// `Option`.
    fn from_value(value: Value) -> Result<Self, Error>;
}

/// Builds one row for `insert_rows`: `row!["UA", 5, None::<f64>]`.
#[macro_export]
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::Value::from($cell)),*] };
}

impl Value {
    /// The kind of the cell in the words of `Column::kind`; `null` for null.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::Decimal(_) => "decimal",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Date(_) => "date",
            Self::Timestamp(_) => "timestamp",
            Self::Other((kind, _)) => kind,
        }
    }
}

macro_rules! value_from {
    ($($source:ty => $case:ident),* $(,)?) => { $(
        impl From<$source> for Value {
            fn from(value: $source) -> Self {
                Self::$case(value.into())
            }
        }
    )* };
}

value_from! { bool => Boolean, i64 => Integer, i32 => Integer, u32 => Integer, f64 => Float, &str => Text, String => Text, Vec<u8> => Bytes }

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, Error> {
        Ok(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl FromValue for bool {
    /// 0 and 1 count too: SQLite and Oracle have no boolean.
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Boolean(value) => Ok(value),
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            value => Err(mismatch(&value, "a boolean")),
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        // 2^63 is the first float beyond the range and -2^63 the last within; both are exact.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        match &value {
            Value::Integer(value) => Ok(*value),
            Value::Float(float) if float.fract() == 0.0 && (-LIMIT..LIMIT).contains(float) => Ok(*float as i64),
            Value::Decimal(text) => text.parse().map_err(|_| mismatch(&value, "an integer")),
            _ => Err(mismatch(&value, "an integer")),
        }
    }
}

macro_rules! from_value_by_integer {
    ($($target:ty),*) => { $(
        impl FromValue for $target {
            fn from_value(value: Value) -> Result<Self, Error> {
                let wide = i64::from_value(value)?;
                wide.try_into().map_err(|_| Error::invalid(format!("{wide} does not fit a {}", stringify!($target))))
            }
        }
    )* };
}

from_value_by_integer!(i32, u32, u64);

impl FromValue for f64 {
    /// The nearest float of an integer or a decimal.
    fn from_value(value: Value) -> Result<Self, Error> {
        match &value {
            Value::Float(value) => Ok(*value),
            Value::Integer(value) => Ok(*value as f64),
            Value::Decimal(text) => text.parse().map_err(|_| mismatch(&value, "a number")),
            _ => Err(mismatch(&value, "a number")),
        }
    }
}

impl FromValue for String {
    /// Text, and every kind that is written as text. Numbers are not turned into text.
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Text(text) | Value::Decimal(text) | Value::Date(text) | Value::Timestamp(text) => Ok(text),
            Value::Other((_, text)) => Ok(text),
            value => Err(mismatch(&value, "a text")),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            value => Err(mismatch(&value, "bytes")),
        }
    }
}

fn mismatch(value: &Value, wanted: &str) -> Error {
    Error::invalid(format!("a cell is {} and not {wanted}", value.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_convert_where_nothing_is_lost_and_are_refused_elsewhere() {
        assert_eq!(i64::from_value(Value::Float(12.0)), Ok(12));
        assert_eq!(i64::from_value(Value::Decimal("-7".into())), Ok(-7));
        assert!(i64::from_value(Value::Float(12.5)).is_err());
        assert!(i64::from_value(Value::Float(9.3e18)).is_err());
        assert!(i64::from_value(Value::Float(f64::NAN)).is_err());
        assert!(u32::from_value(Value::Integer(-1)).is_err());
        assert_eq!(f64::from_value(Value::Decimal("2.5".into())), Ok(2.5));
        assert!(f64::from_value(Value::Text("2.5".into())).is_err());
    }

    #[test]
    fn null_is_none_for_an_option_and_an_error_for_anything_else() {
        assert_eq!(Option::<i64>::from_value(Value::Null), Ok(None));
        assert!(i64::from_value(Value::Null).is_err());
        assert_eq!(Value::from(None::<&str>), Value::Null);
    }

    #[test]
    fn a_row_takes_cells_of_any_type() {
        let row = row!["UA", 5, 1.5, None::<String>, true];
        let kinds: Vec<&str> = row.iter().map(Value::kind).collect();
        assert_eq!(kinds, ["text", "integer", "float", "null", "boolean"]);
    }
}
