//! What a column is in Arrow: the narrowest type that holds all of its first values.

use arrow_schema::{DataType, TimeUnit};
use host_model::batch::{Cells, Data, TextKind};
use host_model::value::CellRef;

use super::column::unscaled;
use super::moment::{date, moment};

/// Digits of the widest decimal that Arrow's 128 bits hold.
pub(super) const DIGITS: u8 = 38;

/// What a column is in Arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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

impl Kind {
    pub(super) fn data_type(self) -> DataType {
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

    pub(super) fn describe(self) -> String {
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

/// The kind all cells have in common; `None` when all are NULL.
pub(super) fn of_column(cells: &Cells) -> Option<Kind> {
    match cells.data() {
        Data::Nothing => None,
        Data::Texts(TextKind::Date | TextKind::Timestamp | TextKind::Decimal, _) | Data::Mixed(_) => {
            (0..cells.len()).filter_map(|row| of_cell(cells.get(row))).reduce(Kind::and)
        }
        // One cell stands for all.
        _ => (0..cells.len()).find_map(|row| of_cell(cells.get(row))),
    }
}

fn of_cell(cell: CellRef<'_>) -> Option<Kind> {
    Some(match cell {
        CellRef::Null => return None,
        CellRef::Bool(_) => Kind::Bool,
        CellRef::Int(_) => Kind::Int,
        CellRef::Float(_) => Kind::Float,
        CellRef::Decimal(text) => match decimal_places(text) {
            Some(scale) => Kind::Decimal { scale },
            None => Kind::Text,
        },
        // `infinity`, and years that no calendar here knows, are text.
        CellRef::Date(text) => date(text).map_or(Kind::Text, |_| Kind::Date),
        CellRef::Timestamp(text) => moment(text).map_or(Kind::Text, |(_, zoned)| Kind::Timestamp { zoned }),
        CellRef::Bytes(_) => Kind::Bytes,
        CellRef::Text(_) | CellRef::Other(..) => Kind::Text,
    })
}

/// The kind of a column by the database's name for its type.
pub(super) fn of_name(name: &str) -> Kind {
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

/// Digits after the point; `None` for what is no decimal of at most [`DIGITS`] digits (`NaN`, `Infinity`).
pub(super) fn decimal_places(text: &str) -> Option<i8> {
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let scale = i8::try_from(places).ok().filter(|scale| scale.unsigned_abs() <= DIGITS)?;
    unscaled(text, scale).map(|_| scale)
}
