//! Cells and parameters of SQL Server. Decimals come as whole numbers with a scale and never pass through a float; dates
//! are counted from the day the protocol counts from.
//!
//! `money` is the exception: the driver turns its ten-thousandths into a float. Below [`EXACT_MONEY`] they are won back to
//! the last digit, above it the cell is refused, with what to do about it.

use std::borrow::Cow;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use host_model::value::{Column, Value};
use tiberius::numeric::Numeric;
use tiberius::{ColumnData, ColumnType, time};

/// Ten-thousandths that a float still tells apart, with room for the rounding of a division and a multiplication.
const EXACT_MONEY: f64 = (1_u64 << 50) as f64;

/// Why a cell cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CellError {
    #[error("an amount of `money` is too large to be read exactly; select `cast({0} as decimal(19,4))`")]
    Money(String),
    #[error("a date of `{0}` is out of range")]
    Date(String),
}

/// The column as the driver knows it: without length, precision and scale.
pub(super) fn column(column: &tiberius::Column) -> Column {
    Column { name: column.name().to_owned(), kind: kind(column.column_type()).to_owned(), nullable: true }
}

fn kind(column: ColumnType) -> &'static str {
    use ColumnType as T;
    match column {
        T::Null => "unknown",
        T::Bit | T::Bitn => "bit",
        T::Int1 => "tinyint",
        T::Int2 => "smallint",
        T::Int4 => "int",
        T::Int8 => "bigint",
        T::Intn => "int",
        T::Float4 => "real",
        T::Float8 | T::Floatn => "float",
        T::Money => "money",
        T::Money4 => "smallmoney",
        T::Decimaln => "decimal",
        T::Numericn => "numeric",
        T::Datetime4 => "smalldatetime",
        T::Datetime | T::Datetimen => "datetime",
        T::Daten => "date",
        T::Timen => "time",
        T::Datetime2 => "datetime2",
        T::DatetimeOffsetn => "datetimeoffset",
        T::Guid => "uniqueidentifier",
        T::BigVarBin => "varbinary",
        T::BigBinary => "binary",
        T::Image => "image",
        T::BigVarChar => "varchar",
        T::BigChar => "char",
        T::NVarchar => "nvarchar",
        T::NChar => "nchar",
        T::Text => "text",
        T::NText => "ntext",
        T::Xml => "xml",
        T::Udt => "udt",
        T::SSVariant => "sql_variant",
    }
}

/// The cell as steps and guests see it.
pub(super) fn value(cell: ColumnData<'static>, column: &Column) -> Result<Value, CellError> {
    use ColumnData as C;
    let late = || CellError::Date(column.kind.clone());
    let other = |text: String| Value::Other(column.kind.clone(), text);
    let found = match cell {
        C::U8(n) => n.map(|n| Value::Int(n.into())),
        C::I16(n) => n.map(|n| Value::Int(n.into())),
        C::I32(n) => n.map(|n| Value::Int(n.into())),
        C::I64(n) => n.map(Value::Int),
        // By way of its shortest text, so that 0.1 stays 0.1.
        C::F32(n) => n.map(|n| Value::Float(n.to_string().parse().unwrap_or(f64::from(n)))),
        C::F64(Some(n)) if matches!(column.kind.as_str(), "money" | "smallmoney") => Some(money(n, &column.name)?),
        C::F64(n) => n.map(Value::Float),
        C::Bit(b) => b.map(Value::Bool),
        C::String(text) => text.map(|t| Value::Text(t.into_owned())),
        C::Guid(guid) => guid.map(|g| other(g.to_string())),
        C::Binary(bytes) => bytes.map(|b| Value::Bytes(b.into_owned())),
        C::Numeric(n) => n.map(|n| Value::Decimal(decimal(n.value(), n.scale()))),
        C::Xml(xml) => xml.map(|x| other(x.into_owned().into_string())),
        C::DateTime(Some(at)) => Some(datetime(at).ok_or_else(late)?),
        C::SmallDateTime(Some(at)) => Some(smalldatetime(at).ok_or_else(late)?),
        C::Time(at) => at.map(|at| other(clock(at))),
        C::Date(Some(day)) => Some(Value::Date(date(day).ok_or_else(late)?.to_string())),
        C::DateTime2(Some(at)) => Some(Value::Timestamp(datetime2(at).ok_or_else(late)?)),
        C::DateTimeOffset(Some(at)) => Some(Value::Timestamp(datetimeoffset(at).ok_or_else(late)?)),
        C::DateTime(None) | C::SmallDateTime(None) | C::Date(None) | C::DateTime2(None) | C::DateTimeOffset(None) => {
            None
        }
    };
    Ok(found.unwrap_or(Value::Null))
}

fn money(amount: f64, column: &str) -> Result<Value, CellError> {
    let parts = (amount * 1e4).round();
    if parts.abs() > EXACT_MONEY {
        return Err(CellError::Money(column.to_owned()));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number far below 2^63")]
    let parts = parts as i128;
    Ok(Value::Decimal(decimal(parts, 4)))
}

/// `value / 10^scale`, all digits of the scale kept.
fn decimal(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn day(year: i32, days: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 1, 1)?.checked_add_signed(TimeDelta::try_days(days)?)
}

fn date(date: time::Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(1, 1, 1)?.checked_add_days(Days::new(date.days().into()))
}

/// `datetime` counts three-hundredths of a second; the server shows them rounded to the millisecond.
fn datetime(at: time::DateTime) -> Option<Value> {
    let date = day(1900, at.days().into())?;
    let millis = (u64::from(at.seconds_fragments()) * 10 + 1) / 3;
    Some(Value::Timestamp(format!("{date}T{}", clock_of(millis * 1_000_000)?)))
}

fn smalldatetime(at: time::SmallDateTime) -> Option<Value> {
    let date = day(1900, at.days().into())?;
    let nanos = u64::from(at.seconds_fragments()) * 60 * 1_000_000_000;
    Some(Value::Timestamp(format!("{date}T{}", clock_of(nanos)?)))
}

fn nanos(at: time::Time) -> u64 {
    at.increments().saturating_mul(10_u64.pow(9 - u32::from(at.scale().min(9))))
}

fn clock(at: time::Time) -> String {
    clock_of(nanos(at)).unwrap_or_else(|| "24:00:00".to_owned())
}

/// `HH:MM:SS` and the digits of the fraction that are not zero at its end.
fn clock_of(nanos: u64) -> Option<String> {
    let second = u32::try_from(nanos / 1_000_000_000).ok()?;
    let fraction = u32::try_from(nanos % 1_000_000_000).ok()?;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?;
    let text = format!("{time}.{fraction:09}");
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

fn datetime2(at: time::DateTime2) -> Option<String> {
    Some(format!("{}T{}", date(at.date())?, clock_of(nanos(at.time()))?))
}

/// The protocol carries UTC and the offset; people wrote local time.
fn datetimeoffset(at: time::DateTimeOffset) -> Option<String> {
    let utc = at.datetime2();
    let offset = i64::from(at.offset());
    let nanos = nanos(utc.time());
    let midnight = date(utc.date())?.and_time(NaiveTime::MIN);
    let local = midnight
        .checked_add_signed(TimeDelta::nanoseconds(i64::try_from(nanos).ok()?))?
        .checked_add_signed(TimeDelta::try_minutes(offset)?)?;
    let text = format!("{}", local.format("%Y-%m-%dT%H:%M:%S%.9f"));
    let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let sign = if offset < 0 { '-' } else { '+' };
    Some(format!("{text}{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60))
}

/// What is bound for a value that is not NULL. Dates go as text in the one spelling that no setting of the session bends.
pub(super) fn bound(value: &Value) -> ColumnData<'_> {
    use ColumnData as C;
    match value {
        Value::Null => C::String(None),
        Value::Bool(b) => C::Bit(Some(*b)),
        Value::Int(n) => C::I64(Some(*n)),
        Value::Float(f) => C::F64(Some(*f)),
        Value::Bytes(bytes) => C::Binary(Some(Cow::Borrowed(bytes))),
        Value::Decimal(text) => numeric(text).map_or(C::String(Some(Cow::Borrowed(text))), |n| C::Numeric(Some(n))),
        Value::Text(t) | Value::Date(t) | Value::Timestamp(t) | Value::Other(_, t) => C::String(Some(Cow::Borrowed(t))),
    }
}

/// The type of a parameter, as the driver declares it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bit",
        Value::Int(_) => "bigint",
        Value::Float(_) => "float(53)",
        Value::Bytes(_) => "varbinary(max)",
        Value::Decimal(_) => "numeric(38,10)",
        Value::Null | Value::Text(_) | Value::Date(_) | Value::Timestamp(_) | Value::Other(..) => "nvarchar(4000)",
    }
}

/// `None` for what has more digits than the server's own type.
fn numeric(text: &str) -> Option<Numeric> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let count = digits.trim_start_matches(['-', '+', '0']).len().max(fraction.len());
    let scale = u8::try_from(fraction.len()).ok()?;
    (count <= 38).then_some(())?;
    Some(Numeric::new_with_scale(digits.parse().ok()?, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: ColumnData<'static>, kind: &str) -> Result<Value, CellError> {
        value(cell, &Column { name: "c".into(), kind: kind.into(), nullable: true })
    }

    fn stamp(text: &str) -> Value {
        Value::Timestamp(text.into())
    }

    #[test]
    fn decimals_keep_their_scale_and_every_digit() {
        for (value, scale, want) in [
            (12_340, 3, "12.340"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, 0, "7"),
            (99_999_999_999_999_999_999_999_999_999_999_999_999, 10, "9999999999999999999999999999.9999999999"),
            (-1, 38, "-0.00000000000000000000000000000000000001"),
        ] {
            assert_eq!(decimal(value, scale), want);
            let back = numeric(want).unwrap();
            assert_eq!((back.value(), back.scale()), (value, scale), "{want}");
        }
        assert!(numeric("123456789012345678901234567890123456789").is_none());
        assert!(numeric("1e5").is_none());
    }

    #[test]
    fn money_is_exact_or_refused() {
        for parts in [1_i64, -1, 12_345, 99_999_999_999_999, 1_125_899_906_842_623, -1_125_899_906_842_621] {
            // As the driver makes it.
            let cell = parts as f64 / 1e4;
            assert_eq!(read(ColumnData::F64(Some(cell)), "money"), Ok(Value::Decimal(decimal(parts.into(), 4))));
        }
        let error = read(ColumnData::F64(Some(922_337_203_685_477.5)), "money").unwrap_err();
        assert!(error.to_string().contains("cast(c as decimal(19,4))"), "{error}");
        assert_eq!(read(ColumnData::F64(Some(0.5)), "float"), Ok(Value::Float(0.5)));
        assert_eq!(read(ColumnData::F32(Some(0.1)), "real"), Ok(Value::Float(0.1)));
    }

    #[test]
    fn times_are_counted_from_where_the_protocol_counts() {
        let small = time::SmallDateTime::new(0, 61);
        assert_eq!(read(ColumnData::SmallDateTime(Some(small)), "smalldatetime"), Ok(stamp("1900-01-01T01:01:00")));
        // The last tick of a day, and one before 1900.
        let last = time::DateTime::new(-53_690, 25_919_999);
        assert_eq!(read(ColumnData::DateTime(Some(last)), "datetime"), Ok(stamp("1753-01-01T23:59:59.997")));
        let tick = time::DateTime::new(0, 1);
        assert_eq!(read(ColumnData::DateTime(Some(tick)), "datetime"), Ok(stamp("1900-01-01T00:00:00.003")));
        let date = time::Date::new(3_652_058);
        assert_eq!(read(ColumnData::Date(Some(date)), "date"), Ok(Value::Date("9999-12-31".into())));
        let noon = time::Time::new(432_000_000_001, 7);
        assert_eq!(
            read(ColumnData::Time(Some(noon)), "time"),
            Ok(Value::Other("time".into(), "12:00:00.0000001".into()))
        );
        let two = time::DateTime2::new(time::Date::new(737_790), time::Time::new(0, 0));
        assert_eq!(read(ColumnData::DateTime2(Some(two)), "datetime2"), Ok(stamp("2021-01-01T00:00:00")));
        let late = time::DateTime2::new(time::Date::new(737_790), time::Time::new(82_800_000, 3));
        let with = |offset| ColumnData::DateTimeOffset(Some(time::DateTimeOffset::new(late, offset)));
        assert_eq!(read(with(120), "datetimeoffset"), Ok(stamp("2021-01-02T01:00:00+02:00")));
        assert_eq!(read(with(-210), "datetimeoffset"), Ok(stamp("2021-01-01T19:30:00-03:30")));
    }

    #[test]
    fn a_date_out_of_range_is_an_error_and_no_panic() {
        let far = time::DateTime::new(i32::MAX, 0);
        assert_eq!(read(ColumnData::DateTime(Some(far)), "datetime"), Err(CellError::Date("datetime".into())));
    }
}
