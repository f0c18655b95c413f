//! The types of MySQL and MariaDB, and the two directions: what the server sends to [`Cell`] and [`Value`], and a [`Cell`]
//! to what is bound for a column. Read here and not by the driver, which takes zero dates for NULL, a `TINYINT(1)` for a
//! boolean, a `_bin` collation for bytes, and refuses a `TIME` beyond a day.
//!
//! Exactness: nothing is rounded, cut or guessed on our side. What a column cannot hold exactly is refused ([`fit`]), or
//! left to the server, which is in strict mode then.

use std::borrow::Cow;
use std::fmt::Write as _;

use host_model::value::Value;
use sqlx::mysql::{MySql, MySqlTypeInfo};
use sqlx::{Type, TypeInfo as _};

use crate::connector::cell::Cell;
use crate::connector::postgres::moment;
use crate::connector::sqlite::value::is_plain_number;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of any size.
    Int {
        /// Whether it has no sign.
        unsigned: bool,
    },
    Year,
    Float,
    Double,
    Decimal,
    /// Also ENUM and SET, whose labels are text on the wire.
    Text,
    Json,
    /// Whatever has the collation `binary`.
    Bytes,
    Date,
    Time,
    Datetime,
    /// An instant: stored in UTC, shown in the session's time zone.
    Timestamp,
    Bit,
    /// An expression that is NULL in every row.
    Null,
}

/// How the server sends values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Prepared statements.
    Binary,
    /// Statements that cannot be prepared.
    Text,
}

impl Kind {
    /// From what the driver knows.
    pub(crate) fn of(info: &MySqlTypeInfo) -> Self {
        // The driver goes by a flag that is also set for text with a `_bin` collation; this goes by the collation.
        let is_text = <str as Type<MySql>>::compatible(info);
        let unsigned = <u64 as Type<MySql>>::compatible(info);
        match info.name() {
            "NULL" => Self::Null,
            "YEAR" => Self::Year,
            "FLOAT" => Self::Float,
            "DOUBLE" => Self::Double,
            "DECIMAL" => Self::Decimal,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DATETIME" => Self::Datetime,
            "TIMESTAMP" => Self::Timestamp,
            "BIT" => Self::Bit,
            "JSON" => Self::Json,
            "ENUM" | "SET" => Self::Text,
            name if name == "BOOLEAN" || name.contains("INT") => Self::Int { unsigned },
            _ if is_text => Self::Text,
            _ => Self::Bytes,
        }
    }
}

/// The type's name in lower case, as in `Column::kind`.
pub(crate) fn name(info: &MySqlTypeInfo) -> String {
    let is_text = <str as Type<MySql>>::compatible(info);
    let name = match (info.name(), is_text) {
        ("BOOLEAN", _) => match Kind::of(info) {
            Kind::Int { unsigned: true } => "tinyint unsigned",
            _ => "tinyint",
        },
        ("VARBINARY", true) => "varchar",
        ("BINARY", true) => "char",
        ("TINYBLOB", true) => "tinytext",
        ("BLOB", true) => "text",
        ("MEDIUMBLOB", true) => "mediumtext",
        ("LONGBLOB", true) => "longtext",
        ("VARCHAR", false) => "varbinary",
        ("CHAR", false) => "binary",
        (other, _) => return other.to_lowercase(),
    };
    name.to_owned()
}

/// Reads a cell; text of its own making goes to `scratch`. `is_utc` says that instants are sent in UTC. `None` when the
/// bytes are not what the type promises.
pub(crate) fn read<'a>(
    kind: Kind,
    wire: Wire,
    bytes: &'a [u8],
    is_utc: bool,
    scratch: &'a mut String,
) -> Option<Cell<'a>> {
    let text = || std::str::from_utf8(bytes).ok();
    scratch.clear();
    Some(match kind {
        Kind::Int { unsigned } => match wire {
            Wire::Binary => whole(little_endian(bytes, !unsigned)?, scratch),
            Wire::Text => whole(text()?.parse().ok()?, scratch),
        },
        Kind::Year => match wire {
            Wire::Binary => Cell::Int(i64::try_from(little_endian(bytes, false)?).ok()?),
            Wire::Text => Cell::Int(text()?.parse().ok()?),
        },
        Kind::Bit => {
            let number = bytes.iter().try_fold(0_u64, |n, byte| n.checked_mul(256).map(|n| n | u64::from(*byte)))?;
            whole(i128::from(number), scratch)
        }
        Kind::Float => match wire {
            // By way of its shortest text: 0.1 stays 0.1 and does not become 0.10000000149011612.
            Wire::Binary => Cell::Float(f32::from_le_bytes(bytes.try_into().ok()?).to_string().parse().ok()?),
            Wire::Text => Cell::Float(text()?.parse().ok()?),
        },
        Kind::Double => match wire {
            Wire::Binary => Cell::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
            Wire::Text => Cell::Float(text()?.parse().ok()?),
        },
        Kind::Decimal | Kind::Text | Kind::Json => Cell::Text(text()?),
        Kind::Bytes => Cell::Bytes(bytes),
        Kind::Null => Cell::Null,
        Kind::Date | Kind::Datetime | Kind::Timestamp | Kind::Time => {
            match (wire, kind) {
                (Wire::Text, _) => scratch.push_str(without_idle_zeros(text()?)),
                (Wire::Binary, Kind::Time) => push_time(bytes, scratch)?,
                (Wire::Binary, _) => push_datetime(kind, bytes, scratch)?,
            }
            if kind == Kind::Timestamp && is_utc {
                scratch.push('Z');
            }
            Cell::Text(scratch)
        }
    })
}

/// The same as steps and guests see it; `name` is the column's type.
pub(crate) fn value(kind: Kind, name: &str, wire: Wire, bytes: &[u8], is_utc: bool) -> Option<Value> {
    let mut scratch = String::new();
    let cell = read(kind, wire, bytes, is_utc, &mut scratch)?;
    Some(match (kind, cell) {
        (_, Cell::Null) => Value::Null,
        (_, Cell::Bool(b)) => Value::Bool(b),
        (_, Cell::Int(n)) => Value::Int(n),
        (_, Cell::Float(f)) => Value::Float(f),
        (_, Cell::Bytes(bytes)) => Value::Bytes(bytes.to_vec()),
        (Kind::Text, Cell::Text(text)) => Value::Text(text.to_owned()),
        // Numbers beyond 63 bits come as text too.
        (Kind::Decimal | Kind::Int { .. } | Kind::Bit, Cell::Text(text)) => Value::Decimal(text.to_owned()),
        (Kind::Date, Cell::Text(text)) if moment::parse_date(text).is_some() => Value::Date(text.to_owned()),
        (Kind::Datetime | Kind::Timestamp, Cell::Text(text)) if moment::parse_timestamp(text).is_some() => {
            Value::Timestamp(text.replacen(' ', "T", 1))
        }
        // Times beyond a day, zero dates, JSON.
        (_, Cell::Text(text)) => Value::Other(name.to_owned(), text.to_owned()),
    })
}

fn little_endian(bytes: &[u8], signed: bool) -> Option<i128> {
    let mut all = [0_u8; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let number = u64::from_le_bytes(all);
    let bits = 8 * u32::try_from(bytes.len()).ok()?;
    let is_negative = signed && bits > 0 && number >> (bits - 1) == 1;
    Some(i128::from(number) - if is_negative { 1_i128 << bits } else { 0 })
}

/// As a whole number, or as text where it is beyond 63 bits.
fn whole(number: i128, scratch: &mut String) -> Cell<'_> {
    match i64::try_from(number) {
        Ok(number) => Cell::Int(number),
        Err(_) => {
            // Writing to a String cannot fail.
            let _ = write!(scratch, "{number}");
            Cell::Text(scratch)
        }
    }
}

/// `[length][year:2][month][day]([hour][minute][second]([microsecond:4]))`; nothing behind the length is the zero date.
fn push_datetime(kind: Kind, bytes: &[u8], out: &mut String) -> Option<()> {
    let fields = bytes.get(1..)?;
    let at = |n: usize| fields.get(n).copied().unwrap_or(0);
    let year = u16::from_le_bytes([at(0), at(1)]);
    write!(out, "{year:04}-{:02}-{:02}", at(2), at(3)).ok()?;
    if kind != Kind::Date {
        write!(out, " {:02}:{:02}:{:02}", at(4), at(5), at(6)).ok()?;
        push_fraction(u32::from_le_bytes([at(7), at(8), at(9), at(10)]), out);
    }
    Some(())
}

/// `[length]([is negative][days:4][hour][minute][second]([microsecond:4]))`.
fn push_time(bytes: &[u8], out: &mut String) -> Option<()> {
    let fields = bytes.get(1..)?;
    let at = |n: usize| fields.get(n).copied().unwrap_or(0);
    if at(0) != 0 {
        out.push('-');
    }
    let hours = u32::from_le_bytes([at(1), at(2), at(3), at(4)]) * 24 + u32::from(at(5));
    write!(out, "{hours:02}:{:02}:{:02}", at(6), at(7)).ok()?;
    push_fraction(u32::from_le_bytes([at(8), at(9), at(10), at(11)]), out);
    Some(())
}

fn push_fraction(micros: u32, out: &mut String) {
    if micros != 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, ".{micros:06}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

fn without_idle_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A value on its way to the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind<'a> {
    Null,
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    /// A number that is compared as one, not as the text it is written in.
    Decimal(&'a str),
}

/// What is bound for a cell that goes into a column of `kind`. `None` when the column would hold something else then.
pub(crate) fn fit(kind: Kind, cell: Cell<'_>) -> Option<Bind<'_>> {
    if cell == Cell::Null {
        return Some(Bind::Null);
    }
    match kind {
        Kind::Int { .. } | Kind::Year | Kind::Bit => whole_number(cell),
        Kind::Float | Kind::Double => match cell {
            Cell::Float(f) => f.is_finite().then_some(Bind::Float(f)),
            Cell::Int(n) if n.unsigned_abs() <= 1 << 53 => Some(Bind::Int(n)),
            Cell::Text(text) => text.trim().parse().ok().filter(|f: &f64| f.is_finite()).map(Bind::Float),
            _ => None,
        },
        Kind::Decimal => match cell {
            Cell::Int(n) => Some(Bind::Int(n)),
            Cell::Bool(b) => Some(Bind::Int(b.into())),
            Cell::Float(f) => f.is_finite().then(|| Bind::Text(f.to_string().into())),
            Cell::Text(text) => is_storable(text.trim()).then(|| Bind::Text(text.trim().into())),
            Cell::Null | Cell::Bytes(_) => None,
        },
        Kind::Text | Kind::Json | Kind::Null => match cell {
            Cell::Text(text) => Some(Bind::Text(text.into())),
            Cell::Int(n) => Some(Bind::Text(n.to_string().into())),
            Cell::Float(f) => Some(Bind::Text(f.to_string().into())),
            Cell::Bool(b) => Some(Bind::Text(b.to_string().into())),
            Cell::Null | Cell::Bytes(_) => None,
        },
        Kind::Bytes => match cell {
            Cell::Bytes(bytes) => Some(Bind::Bytes(bytes)),
            _ => None,
        },
        Kind::Date | Kind::Time | Kind::Datetime | Kind::Timestamp => match cell {
            Cell::Text(text) => moment_of(kind, text).map(Bind::Text),
            _ => None,
        },
    }
}

fn whole_number(cell: Cell<'_>) -> Option<Bind<'_>> {
    match cell {
        Cell::Int(n) => Some(Bind::Int(n)),
        Cell::Bool(b) => Some(Bind::Int(b.into())),
        // Beyond 2^53 a float no longer says which whole number was meant.
        Cell::Float(f) if f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_992.0 => Some(Bind::Int(f as i64)),
        Cell::Text(text) => {
            let (digits, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
            if !fraction.bytes().all(|b| b == b'0') {
                return None;
            }
            digits.parse().map(Bind::Int).or_else(|_| digits.parse().map(Bind::Unsigned)).ok()
        }
        _ => None,
    }
}

/// A decimal that the widest column takes without rounding: 65 digits, 30 of them behind the point.
pub(crate) fn is_storable(text: &str) -> bool {
    if !is_plain_number(text) {
        return text.parse().is_ok_and(f64::is_finite);
    }
    let (whole, fraction) = text.trim_start_matches('-').split_once('.').unwrap_or((text, ""));
    let (whole, fraction) = (whole.trim_start_matches(['-', '0']), fraction.trim_end_matches('0'));
    fraction.len() <= 30 && whole.len() + fraction.len() <= 65
}

fn moment_of(kind: Kind, text: &str) -> Option<Cow<'_, str>> {
    let is_date = |text: &str| {
        text.len() == 10
            && text.bytes().enumerate().all(|(n, b)| match n {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            })
    };
    let has_clock = || text.get(..10).is_some_and(is_date) && matches!(text.as_bytes().get(10), Some(b'T' | b' '));
    match kind {
        Kind::Time => text.contains(':').then_some(Cow::Borrowed(text)),
        // A midnight is a date; any other time of day would be lost.
        Kind::Date if has_clock() => {
            let clock = text[11..].trim_end_matches('Z');
            clock.bytes().all(|b| matches!(b, b'0' | b':' | b'.')).then(|| Cow::Borrowed(&text[..10]))
        }
        _ if is_date(text) => Some(Cow::Borrowed(text)),
        Kind::Datetime | Kind::Timestamp if has_clock() => {
            // These columns have no offset; the session is in UTC, so instants go there.
            match text[11..].contains(['Z', '+', '-']) {
                true => {
                    let mut instant = String::with_capacity(27);
                    let is_near = moment::push_timestamp(moment::parse_timestamp(text)?, &mut instant);
                    is_near.then(|| Cow::Owned(instant.replacen('T', " ", 1)))
                }
                false if text.as_bytes()[10] == b' ' => Some(Cow::Borrowed(text)),
                false => Some(Cow::Owned(text.replacen('T', " ", 1))),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, bytes: &[u8]) -> Option<Value> {
        value(kind, "x", Wire::Binary, bytes, true)
    }

    #[test]
    fn numbers_of_every_size_are_read() {
        let int = |unsigned| Kind::Int { unsigned };
        assert_eq!(shown(int(false), &[0x80]), Some(Value::Int(-128)));
        assert_eq!(shown(int(true), &[0x80]), Some(Value::Int(128)));
        assert_eq!(shown(int(false), &[0xff; 8]), Some(Value::Int(-1)));
        assert_eq!(shown(int(true), &[0xff; 8]), Some(Value::Decimal("18446744073709551615".into())));
        assert_eq!(shown(Kind::Bit, &[1, 0]), Some(Value::Int(256)));
        assert_eq!(shown(Kind::Float, &0.1_f32.to_le_bytes()), Some(Value::Float(0.1)));
    }

    #[test]
    fn zero_dates_and_times_beyond_a_day_are_what_they_are() {
        assert_eq!(shown(Kind::Date, &[0]), Some(Value::Other("x".into(), "0000-00-00".into())));
        assert_eq!(shown(Kind::Datetime, &[0]), Some(Value::Other("x".into(), "0000-00-00 00:00:00".into())));
        assert_eq!(shown(Kind::Date, &[4, 0xe8, 7, 2, 29]), Some(Value::Date("2024-02-29".into())));
        let at = [11, 0xe8, 7, 2, 29, 10, 0, 5, 0x20, 0xa1, 7, 0];
        assert_eq!(shown(Kind::Timestamp, &at), Some(Value::Timestamp("2024-02-29T10:00:05.5Z".into())));
        let time = [8, 1, 34, 0, 0, 0, 22, 59, 59];
        assert_eq!(shown(Kind::Time, &time), Some(Value::Other("x".into(), "-838:59:59".into())));
    }

    #[test]
    fn what_a_column_would_bend_is_refused() {
        let int = Kind::Int { unsigned: false };
        for (kind, cell) in [
            (int, Cell::Text("1.5")),
            (int, Cell::Float(1.5)),
            (int, Cell::Text("one")),
            (Kind::Decimal, Cell::Text("NaN")),
            (Kind::Decimal, Cell::Text("0.0000000000000000000000000000001")),
            (Kind::Double, Cell::Float(f64::NAN)),
            (Kind::Text, Cell::Bytes(b"a")),
            (Kind::Bytes, Cell::Text("a")),
            (Kind::Date, Cell::Int(20_240_101)),
            (Kind::Date, Cell::Text("2024-01-01 10:00:00")),
            (Kind::Datetime, Cell::Text("infinity")),
        ] {
            assert_eq!(fit(kind, cell), None, "{kind:?} {cell:?}");
        }
    }

    #[test]
    fn cells_take_the_form_of_the_column() {
        let int = Kind::Int { unsigned: true };
        let text = |t: &'static str| Some(Bind::Text(t.into()));
        assert_eq!(fit(int, Cell::Text("7.00")), Some(Bind::Int(7)));
        assert_eq!(fit(int, Cell::Text("18446744073709551615")), Some(Bind::Unsigned(u64::MAX)));
        assert_eq!(fit(Kind::Decimal, Cell::Float(0.1)), text("0.1"));
        assert_eq!(fit(Kind::Datetime, Cell::Text("2024-02-29T10:00:00+02:00")), text("2024-02-29 08:00:00"));
        assert_eq!(fit(Kind::Datetime, Cell::Text("0000-00-00 00:00:00")), text("0000-00-00 00:00:00"));
        assert_eq!(fit(Kind::Date, Cell::Text("2024-02-29 00:00:00")), text("2024-02-29"));
        assert_eq!(fit(Kind::Time, Cell::Text("-838:59:59")), text("-838:59:59"));
    }
}
