//! Columns of SQL Server and Oracle in the words that coercion and new tables know. A type that has no equal becomes text,
//! and so does anything that could lose a digit.

use host_model::connector::Dialect;

use super::coerce::Taste;
use super::types::{Standard, numbers};

/// `decimal(15,2)`, `NVARCHAR(30)`, `timestamp(6) with time zone`.
pub(super) fn standard(dialect: Dialect, kind: &str) -> Standard {
    let kind = kind.to_ascii_lowercase();
    let base: &str = kind.split(['(', ' ']).next().unwrap_or_default();
    let sizes = numbers(&kind);
    match base {
        "bit" | "boolean" => Standard::Boolean,
        "tinyint" | "smallint" | "int" | "bigint" => Standard::Bigint,
        "real" | "float" | "binary_float" | "binary_double" => Standard::Double,
        "decimal" | "numeric" | "number" => Standard::Numeric(match sizes.as_deref() {
            Some([precision]) => Some((*precision, 0)),
            Some([precision, scale]) if scale <= precision => Some((*precision, *scale)),
            // A bare NUMBER of Oracle is any number; a negative scale does not parse.
            _ => None,
        }),
        "money" => Standard::Numeric(Some((19, 4))),
        "smallmoney" => Standard::Numeric(Some((10, 4))),
        // A DATE of Oracle has a time of day.
        "date" if dialect == Dialect::Oracle => Standard::Timestamp,
        "date" => Standard::Date,
        "time" => Standard::Time,
        "datetime" | "datetime2" | "smalldatetime" => Standard::Timestamp,
        "datetimeoffset" => Standard::Timestamptz,
        "udt" => Standard::Bytes,
        "timestamp" if kind.contains("with time zone") => Standard::Timestamptz,
        // The old name of `rowversion`, which is no time at all.
        "timestamp" if dialect == Dialect::SqlServer => Standard::Bytes,
        "timestamp" => Standard::Timestamp,
        "binary" | "varbinary" | "image" | "rowversion" | "raw" | "long raw" | "blob" => Standard::Bytes,
        "long" if kind.contains("raw") => Standard::Bytes,
        "char" | "varchar" | "nchar" | "nvarchar" | "varchar2" | "nvarchar2" => match sizes.as_deref() {
            Some([length]) if *length > 0 => Standard::Varchar(*length),
            _ => Standard::Text,
        },
        _ => Standard::Text,
    }
}

/// What a target's column holds.
pub(super) fn taste(standard: Standard) -> Taste {
    match standard {
        Standard::Bigint | Standard::Double | Standard::Numeric(_) => Taste::Number,
        Standard::Date | Standard::Time | Standard::Timestamp | Standard::Timestamptz | Standard::Boolean => {
            Taste::Other
        }
        Standard::Varchar(_) | Standard::Text | Standard::Bytes => Taste::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_both_servers_have_an_equal_that_loses_nothing() {
        for (kind, want) in [
            ("decimal(15,2)", Standard::Numeric(Some((15, 2)))),
            ("numeric(38,0)", Standard::Numeric(Some((38, 0)))),
            ("NUMBER(6)", Standard::Numeric(Some((6, 0)))),
            ("number", Standard::Numeric(None)),
            ("number(5,-2)", Standard::Numeric(None)),
            ("number(2,5)", Standard::Numeric(None)),
            ("money", Standard::Numeric(Some((19, 4)))),
            ("nchar(25)", Standard::Varchar(25)),
            ("varchar(max)", Standard::Text),
            ("varchar2(40)", Standard::Varchar(40)),
            ("datetime2(7)", Standard::Timestamp),
            ("timestamp", Standard::Bytes),
            ("datetimeoffset(7)", Standard::Timestamptz),
            ("long raw", Standard::Bytes),
            ("long", Standard::Text),
            ("varbinary(max)", Standard::Bytes),
            ("uniqueidentifier", Standard::Text),
            ("sql_variant", Standard::Text),
            ("bit", Standard::Boolean),
        ] {
            assert_eq!(standard(Dialect::SqlServer, kind), want, "{kind}");
        }
        assert_eq!(standard(Dialect::SqlServer, "date"), Standard::Date);
        for (kind, want) in [
            ("date", Standard::Timestamp),
            ("timestamp(6)", Standard::Timestamp),
            ("timestamp(6) with time zone", Standard::Timestamptz),
            ("timestamp(6) with local time zone", Standard::Timestamp),
        ] {
            assert_eq!(standard(Dialect::Oracle, kind), want, "{kind}");
        }
    }
}
