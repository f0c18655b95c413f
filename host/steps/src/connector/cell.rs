//! A cell on its way from one database to another, borrowed where it can be: what copies and binds are encoded from.
//! Decimals, dates and everything without a case of its own travel as text.

use host_model::value::{CellRef, Value};

/// One borrowed cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        CellRef::from(value).into()
    }
}

impl<'a> From<CellRef<'a>> for Cell<'a> {
    fn from(cell: CellRef<'a>) -> Self {
        match cell {
            CellRef::Null => Self::Null,
            CellRef::Bool(b) => Self::Bool(b),
            CellRef::Int(n) => Self::Int(n),
            CellRef::Float(f) => Self::Float(f),
            CellRef::Bytes(bytes) => Self::Bytes(bytes),
            CellRef::Decimal(t)
            | CellRef::Text(t)
            | CellRef::Date(t)
            | CellRef::Timestamp(t)
            | CellRef::Other(_, t) => Self::Text(t),
        }
    }
}

impl Cell<'_> {
    /// A short picture of the cell for an error message.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(n) => n.to_string(),
            Self::Float(f) => f.to_string(),
            Self::Text(text) if text.chars().count() > 40 => format!("{}…", text.chars().take(40).collect::<String>()),
            Self::Text(text) => (*text).to_owned(),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
        }
    }
}
