//! Cells and rows as steps, guests and Python callables see them. One closed set for every database; whatever has no
//! case of its own travels as [`Value::Other`] with the database's type name, as text.

/// One cell of a result or one bound parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A binary floating point number.
    Float(f64),
    /// An exact decimal in plain digits (`-12.340`), its scale kept.
    Decimal(String),
    /// Text.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A calendar date, `YYYY-MM-DD`.
    Date(String),
    /// A date and time, `YYYY-MM-DDTHH:MM:SS[.ffffff]`, followed by an offset (`Z`, `+02:00`) when it is an instant.
    Timestamp(String),
    /// Any other type: the database's type name and the value as text.
    Other(String, String),
}

/// A cell looked at where it lies, case by case a [`Value`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellRef<'a> {
    /// SQL NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A binary floating point number.
    Float(f64),
    /// An exact decimal.
    Decimal(&'a str),
    /// Text.
    Text(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A calendar date.
    Date(&'a str),
    /// A date and time.
    Timestamp(&'a str),
    /// Any other type: its name and the value as text.
    Other(&'a str, &'a str),
}

impl CellRef<'_> {
    /// The same cell with its own text.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Int(i) => Value::Int(i),
            Self::Float(f) => Value::Float(f),
            Self::Decimal(t) => Value::Decimal(t.to_owned()),
            Self::Text(t) => Value::Text(t.to_owned()),
            Self::Bytes(b) => Value::Bytes(b.to_vec()),
            Self::Date(t) => Value::Date(t.to_owned()),
            Self::Timestamp(t) => Value::Timestamp(t.to_owned()),
            Self::Other(kind, t) => Value::Other(kind.to_owned(), t.to_owned()),
        }
    }
}

impl<'a> From<&'a Value> for CellRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(i) => Self::Int(*i),
            Value::Float(f) => Self::Float(*f),
            Value::Decimal(t) => Self::Decimal(t),
            Value::Text(t) => Self::Text(t),
            Value::Bytes(b) => Self::Bytes(b),
            Value::Date(t) => Self::Date(t),
            Value::Timestamp(t) => Self::Timestamp(t),
            Value::Other(kind, t) => Self::Other(kind, t),
        }
    }
}

/// One row, in the order of the columns.
pub type Row = Vec<Value>;

/// A result column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name as the database reports it.
    pub name: String,
    /// The database's type name in lower case, `unknown` where it has none (an SQLite expression).
    pub kind: String,
    /// False only where the database is sure.
    pub nullable: bool,
}

/// Parameters bound by name; statements write `:name` in every dialect.
pub type Binds = Vec<(String, Value)>;

impl Value {
    /// The JSON form used in step outputs: decimals, dates and other types as text, bytes in hexadecimal, a
    /// float that JSON cannot hold as text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as J;
        match self {
            Self::Null => J::Null,
            Self::Bool(b) => J::Bool(*b),
            Self::Int(i) => J::from(*i),
            Self::Float(f) => serde_json::Number::from_f64(*f).map_or_else(|| J::String(f.to_string()), J::Number),
            Self::Decimal(t) | Self::Text(t) | Self::Date(t) | Self::Timestamp(t) | Self::Other(_, t) => {
                J::String(t.clone())
            }
            Self::Bytes(bytes) => {
                use std::fmt::Write as _;
                let mut hex = String::with_capacity(bytes.len() * 2);
                for byte in bytes {
                    // Writing to a String cannot fail.
                    let _ = write!(hex, "{byte:02x}");
                }
                J::String(hex)
            }
        }
    }

    /// The cell a JSON parameter becomes. Whole numbers stay whole, other numbers are floats, arrays and objects
    /// become their JSON text.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as J;
        match json {
            J::Null => Self::Null,
            J::Bool(b) => Self::Bool(*b),
            J::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(i), _) => Self::Int(i),
                (None, Some(f)) if n.is_f64() => Self::Float(f),
                _ => Self::Decimal(n.to_string()),
            },
            J::String(s) => Self::Text(s.clone()),
            J::Array(_) | J::Object(_) => Self::Text(json.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_parameters_keep_their_type() {
        assert_eq!(Value::from_json(&json!(10)), Value::Int(10));
        assert_eq!(Value::from_json(&json!(1.5)), Value::Float(1.5));
        assert_eq!(
            Value::from_json(&json!(18_446_744_073_709_551_615_u64)),
            Value::Decimal("18446744073709551615".into())
        );
        assert_eq!(Value::from_json(&json!("x")), Value::Text("x".into()));
        assert_eq!(Value::from_json(&json!([1, 2])), Value::Text("[1,2]".into()));
    }

    #[test]
    fn cells_that_json_cannot_hold_become_text() {
        assert_eq!(Value::Float(f64::NAN).to_json(), json!("NaN"));
        assert_eq!(Value::Bytes(vec![0, 255]).to_json(), json!("00ff"));
        assert_eq!(Value::Decimal("1.20".into()).to_json(), json!("1.20"));
    }
}
