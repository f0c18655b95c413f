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

/// The type of a column that is made, and what it holds then. In a key, texts have a length and tell `a` from `A`.
pub(super) fn new_type(dialect: Dialect, standard: Standard, is_key: bool) -> (String, Standard) {
    let oracle = dialect == Dialect::Oracle;
    let fixed = |text: &str| text.to_owned();
    let name = match standard {
        Standard::Bigint if oracle => fixed("number(19)"),
        Standard::Bigint => fixed("bigint"),
        Standard::Double => fixed(if oracle { "binary_double" } else { "float(53)" }),
        Standard::Numeric(Some((precision @ 1..=38, scale))) => {
            format!("{}({precision},{scale})", if oracle { "number" } else { "decimal" })
        }
        Standard::Numeric(_) if oracle => fixed("number"),
        // A decimal of SQL Server has fixed places and would round.
        Standard::Numeric(_) => return new_type(dialect, Standard::Text, is_key),
        Standard::Varchar(length @ 1..=4_000) if oracle => format!("varchar2({length} char)"),
        Standard::Varchar(length @ 1..=450) if is_key => format!("nvarchar({length}) {BINARY}"),
        Standard::Varchar(length @ 1..=4_000) if !is_key => format!("nvarchar({length})"),
        Standard::Text | Standard::Varchar(_) => {
            let name = match (oracle, is_key) {
                (true, true) => fixed("varchar2(400 char)"),
                (true, false) => fixed("clob"),
                (false, true) => format!("nvarchar(450) {BINARY}"),
                (false, false) => fixed("nvarchar(max)"),
            };
            return (name, Standard::Text);
        }
        Standard::Date => fixed("date"),
        Standard::Time => return (fixed(if oracle { "varchar2(30)" } else { "time(7)" }), Standard::Time),
        Standard::Timestamp => fixed(if oracle { "timestamp(9)" } else { "datetime2(7)" }),
        Standard::Timestamptz => fixed(if oracle { "timestamp(9) with time zone" } else { "datetimeoffset(7)" }),
        Standard::Boolean if oracle => return (fixed("number(1)"), Standard::Boolean),
        Standard::Boolean => fixed("bit"),
        Standard::Bytes => fixed(match (oracle, is_key) {
            (true, true) => "raw(2000)",
            (true, false) => "blob",
            (false, true) => "varbinary(900)",
            (false, false) => "varbinary(max)",
        }),
    };
    (name, standard)
}

/// Compares by code point.
const BINARY: &str = "collate Latin1_General_100_BIN2";

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
    fn a_new_column_gets_the_type_that_loses_nothing() {
        let both = |standard, is_key| {
            [Dialect::SqlServer, Dialect::Oracle].map(|dialect| new_type(dialect, standard, is_key).0)
        };
        assert_eq!(both(Standard::Bigint, true), ["bigint", "number(19)"]);
        assert_eq!(both(Standard::Numeric(Some((15, 2))), false), ["decimal(15,2)", "number(15,2)"]);
        assert_eq!(both(Standard::Numeric(None), false), ["nvarchar(max)", "number"]);
        assert_eq!(both(Standard::Varchar(25), false), ["nvarchar(25)", "varchar2(25 char)"]);
        assert_eq!(both(Standard::Text, true)[0], "nvarchar(450) collate Latin1_General_100_BIN2");
        assert_eq!(both(Standard::Text, false), ["nvarchar(max)", "clob"]);
        assert_eq!(both(Standard::Timestamptz, false), ["datetimeoffset(7)", "timestamp(9) with time zone"]);
        assert_eq!(both(Standard::Boolean, false), ["bit", "number(1)"]);
        assert_eq!(new_type(Dialect::SqlServer, Standard::Numeric(None), false).1, Standard::Text);
    }

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
