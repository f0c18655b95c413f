//! Columns, cells and parameters of ODBC. Numbers that are not binary travel as digits, text as UTF-16: the narrow calls
//! depend on the locale of the machine.

use host_model::value::{Column, Value};
use odbc_api::parameter::{InputParameter, VarBinaryBox, VarWCharBox, WithDataType};
use odbc_api::{CursorRow, DataType, Error, IntoParameter as _, Nullable};

/// How a column's cells are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Int,
    Float,
    Decimal,
    Bool,
    Date,
    Time,
    Timestamp,
    Bytes,
    Text,
}

/// The type in words, and how it is read.
pub(super) fn column(name: String, data_type: DataType, nullable: bool) -> (Column, Class) {
    let length = |size: Option<std::num::NonZeroUsize>| {
        // What is longer than any declared length is one the driver made up.
        size.map_or_else(
            || "text".to_owned(),
            |size| if size.get() <= 8_000 { format!("varchar({size})") } else { "text".into() },
        )
    };
    let (kind, class) = match data_type {
        DataType::Integer | DataType::SmallInt | DataType::TinyInt | DataType::BigInt => {
            ("bigint".to_owned(), Class::Int)
        }
        DataType::Numeric { precision, scale } | DataType::Decimal { precision, scale } => match precision {
            1..=1_000 => (format!("decimal({precision},{scale})"), Class::Decimal),
            _ => ("decimal".to_owned(), Class::Decimal),
        },
        DataType::Float { .. } | DataType::Real | DataType::Double => ("float".to_owned(), Class::Float),
        DataType::Bit => ("bit".to_owned(), Class::Bool),
        DataType::Date => ("date".to_owned(), Class::Date),
        DataType::Time { .. } => ("time".to_owned(), Class::Time),
        DataType::Timestamp { .. } => ("timestamp".to_owned(), Class::Timestamp),
        DataType::Binary { .. } | DataType::Varbinary { .. } | DataType::LongVarbinary { .. } => {
            ("varbinary".to_owned(), Class::Bytes)
        }
        DataType::Char { length: size }
        | DataType::WChar { length: size }
        | DataType::Varchar { length: size }
        | DataType::WVarchar { length: size } => (length(size), Class::Text),
        DataType::LongVarchar { .. } | DataType::WLongVarchar { .. } | DataType::Unknown | DataType::Other { .. } => {
            ("text".to_owned(), Class::Text)
        }
    };
    (Column { name, kind, nullable }, class)
}

/// One cell; `n` from 1.
pub(super) fn cell(row: &mut CursorRow<'_>, n: u16, class: Class) -> Result<Value, Error> {
    match class {
        Class::Float => {
            let mut found = Nullable::<f64>::null();
            row.get_data(n, &mut found)?;
            return Ok(found.into_opt().map_or(Value::Null, Value::Float));
        }
        Class::Bytes => {
            let mut bytes = Vec::new();
            return Ok(if row.get_binary(n, &mut bytes)? { Value::Bytes(bytes) } else { Value::Null });
        }
        _ => {}
    }
    let mut units = Vec::new();
    if !row.get_wide_text(n, &mut units)? {
        return Ok(Value::Null);
    }
    let text = String::from_utf16_lossy(&units);
    Ok(match class {
        Class::Int => text.trim().parse().map_or_else(|_| Value::Decimal(text.clone()), Value::Int),
        // Some drivers leave the zero in front of the point out.
        Class::Decimal => Value::Decimal(digits(text.trim())),
        Class::Bool => Value::Bool(matches!(text.trim(), "1" | "t" | "true")),
        Class::Date => Value::Date(text),
        Class::Time => Value::Other("time".to_owned(), text),
        Class::Timestamp => Value::Timestamp(text.replacen(' ', "T", 1)),
        Class::Float | Class::Bytes | Class::Text => Value::Text(text),
    })
}

fn digits(text: &str) -> String {
    match text.strip_prefix('-').map_or((text, ""), |rest| (rest, "-")) {
        (rest, sign) if rest.starts_with('.') => format!("{sign}0{rest}"),
        _ => text.to_owned(),
    }
}

/// One parameter, of the type the value has.
pub(super) fn bound(value: &Value) -> Box<dyn InputParameter> {
    let text = |text: &str| VarWCharBox::from_str_slice(text);
    match value {
        Value::Null => Box::new(VarWCharBox::null()),
        Value::Bool(b) => Box::new(i64::from(*b).into_parameter()),
        Value::Int(n) => Box::new((*n).into_parameter()),
        Value::Float(f) => Box::new((*f).into_parameter()),
        Value::Bytes(bytes) => Box::new(VarBinaryBox::from_vec(bytes.clone())),
        Value::Decimal(number) => {
            let digits = number.bytes().filter(u8::is_ascii_digit).count().max(1);
            let scale = number.split_once('.').map_or(0, |(_, part)| part.len());
            let scale = i16::try_from(scale).unwrap_or(i16::MAX);
            Box::new(WithDataType::new(text(number), DataType::Decimal { precision: digits, scale }))
        }
        Value::Date(day) => Box::new(WithDataType::new(text(day), DataType::Date)),
        Value::Timestamp(at) if !has_offset(at) => {
            let precision = at.split_once('.').map_or(0, |(_, part)| i16::try_from(part.len()).unwrap_or(9));
            Box::new(WithDataType::new(text(&at.replacen('T', " ", 1)), DataType::Timestamp { precision }))
        }
        // ODBC has no type for an instant; the database reads it as text.
        Value::Timestamp(at) => Box::new(text(&at.replacen('T', " ", 1))),
        Value::Text(other) | Value::Other(_, other) => Box::new(text(other)),
    }
}

fn has_offset(at: &str) -> bool {
    at.get(11..).is_some_and(|time| time.contains(['Z', '+', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_a_digit_before_its_point() {
        assert_eq!((digits(".50"), digits("-.5"), digits("-1.5")), ("0.50".into(), "-0.5".into(), "-1.5".to_owned()));
    }

    #[test]
    fn types_are_told_in_words_that_every_target_knows() {
        let kind = |data_type| column("c".into(), data_type, true).0.kind;
        assert_eq!(kind(DataType::Numeric { precision: 15, scale: 2 }), "decimal(15,2)");
        assert_eq!(kind(DataType::Varchar { length: std::num::NonZeroUsize::new(20) }), "varchar(20)");
        assert_eq!(kind(DataType::WVarchar { length: None }), "text");
        assert_eq!(
            kind(DataType::Other { data_type: odbc_api::sys::SqlDataType(-7), column_size: None, decimal_digits: 0 }),
            "text"
        );
    }
}
