//! Types of MySQL and MariaDB, both ways. `declared` is what the catalog says (`int(10) unsigned`, `varchar(20)`), or for
//! the columns of a query the bare name.

use super::{SourceType, Standard, numbers, size};
use crate::connector::postgres::kind::Kind;

/// Behind the columns of a new table: every letter, and text that is equal only when its bytes are, as in the databases
/// it comes from.
pub(in crate::sql_copy) const TABLE_OPTIONS: &str = " engine = InnoDB character set utf8mb4 collate utf8mb4_bin";

/// Longer ones count toward the 64 KiB of a row too soon.
const LONGEST_VARCHAR: u32 = 500;
/// A key of text must have a length; four bytes a letter, 3072 bytes a key.
const TEXT_KEY: &str = "varchar(255)";
/// What holds most decimals.
const WIDEST_DECIMAL: &str = "decimal(65,30)";

/// `int` of `int(10) unsigned`.
fn word(declared: &str) -> &str {
    declared.split(['(', ' ']).next().unwrap_or_default()
}

fn is_unsigned(declared: &str) -> bool {
    declared.contains(" unsigned")
}

fn first_number(declared: &str) -> Option<u32> {
    numbers(declared)?.first().copied()
}

pub(super) fn to_standard(declared: &str) -> Standard {
    match (word(declared), is_unsigned(declared)) {
        ("bigint", true) => Standard::Numeric(Some((20, 0))),
        ("tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "year", _) => Standard::Bigint,
        ("bit", _) if first_number(declared) == Some(64) => Standard::Numeric(Some((20, 0))),
        ("bit", _) => Standard::Bigint,
        ("float" | "double", _) => Standard::Double,
        ("decimal", _) => Standard::Numeric(numbers(declared).and_then(size)),
        ("char" | "varchar", _) => first_number(declared).map_or(Standard::Text, Standard::Varchar),
        ("date", _) => Standard::Date,
        ("time", _) => Standard::Time,
        ("datetime", _) => Standard::Timestamp,
        ("timestamp", _) => Standard::Timestamptz,
        ("tinyblob" | "blob" | "mediumblob" | "longblob" | "binary" | "varbinary" | "geometry" | "point", _) => {
            Standard::Bytes
        }
        // Text, JSON, ENUM and SET; other spatial types are named after their shape.
        (
            "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
            | "geomcollection",
            _,
        ) => Standard::Bytes,
        _ => Standard::Text,
    }
}

pub(super) fn to_postgres(declared: &str) -> String {
    match (word(declared), is_unsigned(declared)) {
        ("tinyint" | "year", _) | ("smallint", false) => "smallint".to_owned(),
        ("smallint", true) | ("mediumint", _) | ("int" | "integer", false) => "integer".to_owned(),
        ("float", _) => "real".to_owned(),
        ("json", _) => "json".to_owned(),
        // From -838 to 838 hours.
        ("time", _) => "interval".to_owned(),
        _ => to_standard(declared).for_postgres(),
    }
}

pub(super) fn to_sqlite(declared: &str) -> String {
    match to_standard(declared) {
        // Beyond 63 bits they are text.
        Standard::Numeric(Some((20, 0))) => "TEXT".to_owned(),
        standard => standard.for_sqlite(),
    }
}

impl Standard {
    fn for_mysql(self, is_key: bool) -> String {
        match self {
            Self::Bigint => "bigint",
            Self::Double => "double",
            Self::Numeric(Some((precision, scale))) if (1..=65).contains(&precision) && scale <= 30.min(precision) => {
                return format!("decimal({precision},{scale})");
            }
            Self::Numeric(_) => WIDEST_DECIMAL,
            Self::Varchar(length @ 1..=LONGEST_VARCHAR) => return format!("varchar({length})"),
            Self::Varchar(_) | Self::Text if is_key => TEXT_KEY,
            Self::Varchar(_) | Self::Text => "longtext",
            Self::Date => "date",
            Self::Time => "time(6)",
            // A TIMESTAMP ends in 2038.
            Self::Timestamp | Self::Timestamptz => "datetime(6)",
            Self::Boolean => "tinyint(1)",
            Self::Bytes if is_key => "varbinary(255)",
            Self::Bytes => "longblob",
        }
        .to_owned()
    }
}

impl SourceType {
    /// The type for a new MySQL table; `is_key` when the column is part of its primary key.
    pub(in crate::sql_copy) fn for_mysql(&self, is_key: bool) -> String {
        match self {
            Self::MySql { declared } => match (word(declared), declared.contains('(')) {
                // Of a query only the names are known.
                ("char" | "varchar" | "enum" | "set", false) => Standard::Text.for_mysql(is_key),
                ("binary" | "varbinary", false) => Standard::Bytes.for_mysql(is_key),
                ("decimal", false) => WIDEST_DECIMAL.to_owned(),
                ("bit", false) => "bit(64)".to_owned(),
                ("datetime" | "timestamp" | "time", false) => format!("{declared}(6)"),
                ("null", _) => "longtext".to_owned(),
                _ => declared.clone(),
            },
            Self::Postgres { kind, .. } => match kind {
                Kind::Int2 => "smallint".to_owned(),
                Kind::Int4 => "int".to_owned(),
                Kind::Float4 => "float".to_owned(),
                Kind::Uuid => "char(36)".to_owned(),
                Kind::Json | Kind::Jsonb => "json".to_owned(),
                _ => self.standard().for_mysql(is_key),
            },
            Self::Sqlite { .. } | Self::Standard(_) => self.standard().for_mysql(is_key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysql_declarations_become_types_of_the_others() {
        for (declared, postgres, sqlite) in [
            ("tinyint(1)", "smallint", "INTEGER"),
            ("int(10) unsigned", "bigint", "INTEGER"),
            ("bigint(20) unsigned", "numeric(20,0)", "TEXT"),
            ("decimal(15,2)", "numeric(15,2)", "NUMERIC(15,2)"),
            ("decimal(30,10)", "numeric(30,10)", "TEXT"),
            ("varchar(20)", "varchar(20)", "VARCHAR(20)"),
            ("enum('a','b')", "text", "TEXT"),
            ("datetime(6)", "timestamp", "TIMESTAMP"),
            ("timestamp", "timestamptz", "TIMESTAMP"),
            ("time", "interval", "TEXT"),
            ("bit(1)", "bigint", "INTEGER"),
            ("bit(64)", "numeric(20,0)", "TEXT"),
            ("longblob", "bytea", "BLOB"),
            ("json", "json", "TEXT"),
        ] {
            let source = SourceType::MySql { declared: declared.into() };
            assert_eq!(
                (source.for_postgres().as_str(), source.for_sqlite().as_str()),
                (postgres, sqlite),
                "{declared}"
            );
            // Of a column without digits in its declaration nobody knows whether it is a table's or a query's.
            assert!(source.for_mysql(false).starts_with(declared), "{declared}");
        }
    }

    #[test]
    fn other_types_become_mysql_types_that_hold_them() {
        let postgres = |kind, formatted: &str| SourceType::Postgres { kind, formatted: formatted.into() };
        for (source, plain, key) in [
            (postgres(Kind::Numeric, "numeric(15,2)"), "decimal(15,2)", "decimal(15,2)"),
            (postgres(Kind::Numeric, "numeric"), "decimal(65,30)", "decimal(65,30)"),
            (postgres(Kind::Text, "text"), "longtext", "varchar(255)"),
            (postgres(Kind::Text, "character varying(20)"), "varchar(20)", "varchar(20)"),
            (postgres(Kind::Timestamptz, "timestamp with time zone"), "datetime(6)", "datetime(6)"),
            (postgres(Kind::Bool, "boolean"), "tinyint(1)", "tinyint(1)"),
            (SourceType::Sqlite { declared: "INTEGER".into() }, "bigint", "bigint"),
            (SourceType::MySql { declared: "varchar".into() }, "longtext", "varchar(255)"),
        ] {
            assert_eq!((source.for_mysql(false).as_str(), source.for_mysql(true).as_str()), (plain, key));
        }
    }
}
