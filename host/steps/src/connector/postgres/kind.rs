//! The PostgreSQL types we read and write in their binary form, and the two directions: wire bytes to a cell,
//! [`Cell`] to wire bytes. Every other type is [`Kind::Other`]: read as `::text`, written by a cast from text, so the
//! server itself does the conversion.

use host_model::value::{CellRef, Value};
use sqlx::TypeInfo as _;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};

use super::{moment, numeric};
use crate::connector::cell::Cell;

/// A type by its object id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Json,
    Jsonb,
    /// An enum: its label is text on the wire, both ways.
    Label,
    /// What a procedure-like function returns: nothing.
    Void,
    /// No binary form of ours.
    Other,
}

impl Kind {
    /// From the object id of a built-in type.
    pub(crate) fn of_oid(oid: u32) -> Self {
        match oid {
            16 => Self::Bool,
            21 => Self::Int2,
            23 => Self::Int4,
            20 => Self::Int8,
            26 => Self::Oid,
            700 => Self::Float4,
            701 => Self::Float8,
            1700 => Self::Numeric,
            // text, varchar, char(n), name, unknown
            25 | 1043 | 1042 | 19 | 705 => Self::Text,
            17 => Self::Bytea,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            2950 => Self::Uuid,
            114 => Self::Json,
            3802 => Self::Jsonb,
            2278 => Self::Void,
            _ => Self::Other,
        }
    }

    /// From what the driver knows.
    pub(crate) fn of(info: &PgTypeInfo) -> Self {
        if matches!(info.kind(), PgTypeKind::Enum(_)) {
            return Self::Label;
        }
        info.oid().map_or(Self::Other, |oid| Self::of_oid(oid.0))
    }
}

/// The type's name in lower case, as in `Column::kind`.
pub(crate) fn name(info: &PgTypeInfo) -> String {
    info.name().to_lowercase()
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// Reads a cell. `None` when the bytes are not what the type promises; for [`Kind::Other`] they must be text, which
/// the statement's casts see to.
pub(crate) fn read(kind: Kind, type_name: &str, bytes: &[u8]) -> Option<Value> {
    read_cell(kind, type_name, bytes, &mut String::new()).map(CellRef::to_value)
}

/// The same without a copy where the bytes are the text already; what has to be written first goes to `scratch`.
pub(crate) fn read_cell<'a>(
    kind: Kind,
    type_name: &'a str,
    bytes: &'a [u8],
    scratch: &'a mut String,
) -> Option<CellRef<'a>> {
    scratch.clear();
    let text = || std::str::from_utf8(bytes).ok();
    Some(match kind {
        Kind::Bool => CellRef::Bool(bytes.first()? != &0),
        Kind::Int2 => CellRef::Int(i16::from_be_bytes(fixed(bytes)?).into()),
        Kind::Int4 => CellRef::Int(i32::from_be_bytes(fixed(bytes)?).into()),
        Kind::Int8 => CellRef::Int(i64::from_be_bytes(fixed(bytes)?)),
        Kind::Oid => CellRef::Int(u32::from_be_bytes(fixed(bytes)?).into()),
        // By way of its shortest text: 0.1 stays 0.1 and does not become 0.10000000149011612.
        Kind::Float4 => CellRef::Float(f32::from_be_bytes(fixed(bytes)?).to_string().parse().ok()?),
        Kind::Float8 => CellRef::Float(f64::from_be_bytes(fixed(bytes)?)),
        Kind::Numeric => {
            numeric::read(bytes, scratch)?;
            CellRef::Decimal(scratch)
        }
        Kind::Text => CellRef::Text(text()?),
        Kind::Bytea => CellRef::Bytes(bytes),
        Kind::Date => {
            let days = i32::from_be_bytes(fixed(bytes)?);
            if moment::push_date(days, scratch) {
                return Some(CellRef::Date(scratch));
            }
            scratch.push_str(&moment::far_date_text(days));
            CellRef::Other(type_name, scratch)
        }
        Kind::Time => {
            moment::push_time(i64::from_be_bytes(fixed(bytes)?), scratch);
            CellRef::Other(type_name, scratch)
        }
        Kind::Timestamp | Kind::Timestamptz => {
            let micros = i64::from_be_bytes(fixed(bytes)?);
            let (zone, far_zone) = if kind == Kind::Timestamptz { ("Z", "+00") } else { ("", "") };
            if moment::push_timestamp(micros, scratch) {
                scratch.push_str(zone);
                return Some(CellRef::Timestamp(scratch));
            }
            scratch.push_str(&moment::far_timestamp_text(micros, far_zone));
            CellRef::Other(type_name, scratch)
        }
        Kind::Void => CellRef::Null,
        Kind::Uuid => {
            push_uuid(&fixed(bytes)?, scratch);
            CellRef::Other(type_name, scratch)
        }
        Kind::Json | Kind::Label | Kind::Other => CellRef::Other(type_name, text()?),
        Kind::Jsonb => CellRef::Other(type_name, std::str::from_utf8(bytes.strip_prefix(&[1])?).ok()?),
    })
}

fn push_uuid(bytes: &[u8; 16], out: &mut String) {
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
}

/// Writes a cell as `kind`, without its length. False when this cell has no such form; `out` is then as before.
/// Never rounds and never guesses: what does not fit exactly is refused.
pub(crate) fn write(kind: Kind, cell: Cell<'_>, out: &mut Vec<u8>) -> bool {
    match kind {
        Kind::Bool => put(boolean(cell).map(|b| [u8::from(b)]), out),
        Kind::Int2 => put(whole(cell).and_then(|n| i16::try_from(n).ok()).map(i16::to_be_bytes), out),
        Kind::Int4 => put(whole(cell).and_then(|n| i32::try_from(n).ok()).map(i32::to_be_bytes), out),
        Kind::Int8 => put(whole(cell).map(i64::to_be_bytes), out),
        Kind::Oid => put(whole(cell).and_then(|n| u32::try_from(n).ok()).map(u32::to_be_bytes), out),
        Kind::Float4 => put(float(cell).and_then(narrow).map(f32::to_be_bytes), out),
        Kind::Float8 => put(float(cell).map(f64::to_be_bytes), out),
        Kind::Numeric => match cell {
            Cell::Int(n) => numeric::write(&n.to_string(), out),
            Cell::Float(f) => numeric::write(&f.to_string(), out),
            Cell::Text(text) => numeric::write(text, out),
            Cell::Null | Cell::Bool(_) | Cell::Bytes(_) => false,
        },
        Kind::Text | Kind::Json | Kind::Label => write_text(cell, out),
        Kind::Jsonb => {
            out.push(1);
            let written = write_text(cell, out);
            if !written {
                out.pop();
            }
            written
        }
        Kind::Bytea => match cell {
            Cell::Bytes(bytes) => put(Some(bytes), out),
            _ => false,
        },
        Kind::Date => put(as_text(cell).and_then(date).map(i32::to_be_bytes), out),
        Kind::Time => put(as_text(cell).and_then(moment::parse_time).map(i64::to_be_bytes), out),
        Kind::Timestamp | Kind::Timestamptz => put(as_text(cell).and_then(timestamp).map(i64::to_be_bytes), out),
        Kind::Uuid => put(as_text(cell).and_then(uuid), out),
        Kind::Void | Kind::Other => false,
    }
}

fn put(bytes: Option<impl AsRef<[u8]>>, out: &mut Vec<u8>) -> bool {
    bytes.is_some_and(|bytes| {
        out.extend_from_slice(bytes.as_ref());
        true
    })
}

/// Numbers and booleans print; bytes must not turn into text unnoticed.
fn write_text(cell: Cell<'_>, out: &mut Vec<u8>) -> bool {
    use std::io::Write as _;
    match cell {
        // PostgreSQL has no NUL in text; its own refusal would come without row and column.
        Cell::Text(text) if text.as_bytes().contains(&0) => false,
        Cell::Text(text) => put(Some(text), out),
        // Writing to a Vec cannot fail.
        Cell::Int(n) => write!(out, "{n}").is_ok(),
        Cell::Float(f) => write!(out, "{f}").is_ok(),
        Cell::Bool(b) => write!(out, "{b}").is_ok(),
        Cell::Null | Cell::Bytes(_) => false,
    }
}

fn as_text(cell: Cell<'_>) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

fn boolean(cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Bool(b) => Some(b),
        Cell::Int(n @ (0 | 1)) => Some(n == 1),
        Cell::Text(text) => match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "yes" | "y" | "on" => Some(true),
            "f" | "false" | "0" | "no" | "n" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn whole(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Int(n) => Some(n),
        Cell::Bool(b) => Some(b.into()),
        // Beyond 2^53 a float no longer says which whole number was meant.
        Cell::Float(f) if f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_992.0 => Some(f as i64),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn float(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Float(f) => Some(f),
        Cell::Int(n) if n.unsigned_abs() <= 9_007_199_254_740_992 => Some(n as f64),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A float4 column takes the nearest value, as the server would; only what overflows is refused.
fn narrow(f: f64) -> Option<f32> {
    let narrow = f as f32;
    (narrow.is_finite() || !f.is_finite()).then_some(narrow)
}

fn date(text: &str) -> Option<i32> {
    match text {
        "infinity" => Some(i32::MAX),
        "-infinity" => Some(i32::MIN),
        // A midnight is a date; any other time of day would be lost.
        _ => moment::parse_date(text).or_else(|| {
            let micros = moment::parse_timestamp(text)?;
            (micros.rem_euclid(86_400_000_000) == 0).then(|| moment::parse_date(text.get(..10)?))?
        }),
    }
}

fn timestamp(text: &str) -> Option<i64> {
    match text {
        "infinity" => Some(i64::MAX),
        "-infinity" => Some(i64::MIN),
        _ => moment::parse_timestamp(text),
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0_u8; 16];
    let mut digits = text.bytes().filter(|b| *b != b'-').map(|b| (b as char).to_digit(16));
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = (high * 16 + low) as u8;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, cell: Cell<'_>) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        write(kind, cell, &mut out).then_some(out)
    }

    #[test]
    fn what_does_not_fit_exactly_is_refused() {
        assert_eq!(written(Kind::Int2, Cell::Int(40_000)), None);
        assert_eq!(written(Kind::Int4, Cell::Float(1.5)), None);
        assert_eq!(written(Kind::Int8, Cell::Float(1e17)), None);
        assert_eq!(written(Kind::Float8, Cell::Int(i64::MAX)), None);
        assert_eq!(written(Kind::Float4, Cell::Float(1e300)), None);
        assert_eq!(written(Kind::Bool, Cell::Int(2)), None);
        assert_eq!(written(Kind::Text, Cell::Text("a\0b")), None);
        assert_eq!(written(Kind::Text, Cell::Bytes(b"a")), None);
        assert_eq!(written(Kind::Bytea, Cell::Text("a")), None);
        assert_eq!(written(Kind::Date, Cell::Text("2024-01-01 10:00:00")), None);
        assert_eq!(written(Kind::Jsonb, Cell::Bytes(b"a")), None);
    }

    #[test]
    fn cells_take_the_form_of_the_column() {
        assert_eq!(written(Kind::Int4, Cell::Text("-7")), Some((-7_i32).to_be_bytes().to_vec()));
        assert_eq!(written(Kind::Text, Cell::Float(1.5)), Some(b"1.5".to_vec()));
        assert_eq!(written(Kind::Date, Cell::Text("2000-01-02 00:00:00")), Some(1_i32.to_be_bytes().to_vec()));
        assert_eq!(written(Kind::Timestamp, Cell::Text("2000-01-01")), Some(0_i64.to_be_bytes().to_vec()));
        assert_eq!(written(Kind::Uuid, Cell::Text("zz")), None);
    }

    #[test]
    fn values_survive_the_wire() {
        for (kind, value) in [
            (Kind::Numeric, Value::Decimal("-12.340".into())),
            (Kind::Date, Value::Date("2024-02-29".into())),
            (Kind::Timestamptz, Value::Timestamp("2024-02-29T10:00:00.25Z".into())),
            (Kind::Uuid, Value::Other("uuid".into(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8".into())),
            (Kind::Jsonb, Value::Other("uuid".into(), "{\"a\": 1}".into())),
            (Kind::Float4, Value::Float(0.1)),
        ] {
            let wire = written(kind, Cell::from(&value)).unwrap();
            assert_eq!(read(kind, "uuid", &wire), Some(value));
        }
    }
}
