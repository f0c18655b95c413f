//! Column types for a target that does not exist yet, derived from the source's. Where the target's dialect has no
//! exact equal, the type that loses nothing wins over the one that looks alike.

mod mysql;

use crate::connector::postgres::kind::Kind;

pub(super) use mysql::TABLE_OPTIONS as MYSQL_TABLE_OPTIONS;

/// The type of a source column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceType {
    /// As declared, which in SQLite may be anything or nothing.
    Sqlite { declared: String },
    /// With its modifiers: `numeric(15,2)`.
    Postgres { kind: Kind, formatted: String },
    /// In lower case, as the catalog has it: `int(10) unsigned`; for a query the bare name.
    MySql { declared: String },
    /// In words that every database has, after coercion.
    Standard(Standard),
}

/// The types that coercion knows, by the words of the SQL standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standard {
    Bigint,
    Double,
    /// Precision and scale, where they are limited.
    Numeric(Option<(u32, u32)>),
    Varchar(u32),
    Text,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Boolean,
    Bytes,
}

impl Standard {
    /// Whether its cells are numbers.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Bigint | Self::Double | Self::Numeric(_))
    }

    /// The type of its numbers with `digits` implied decimals, with or without the fraction they have already.
    pub(super) fn scaled(self, digits: u32, drops_fraction: bool) -> Self {
        let (precision, scale) = match self {
            Self::Bigint => (19, 0),
            Self::Numeric(Some(size)) => size,
            _ => return Self::Numeric(None),
        };
        let scale = digits + if drops_fraction { 0 } else { scale };
        Self::Numeric(Some((precision.max(scale), scale)))
    }

    fn for_postgres(self) -> String {
        match self {
            Self::Bigint => "bigint",
            Self::Double => "double precision",
            Self::Numeric(None) => "numeric",
            Self::Numeric(Some((precision, scale))) => return format!("numeric({precision},{scale})"),
            Self::Varchar(length) => return format!("varchar({length})"),
            Self::Text => "text",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Timestamptz => "timestamptz",
            Self::Boolean => "boolean",
            Self::Bytes => "bytea",
        }
        .to_owned()
    }

    fn for_sqlite(self) -> String {
        match self {
            Self::Bigint => "INTEGER",
            Self::Double => "REAL",
            // See `postgres_to_sqlite`.
            Self::Numeric(Some((precision @ ..=15, scale))) => return format!("NUMERIC({precision},{scale})"),
            Self::Numeric(_) | Self::Text | Self::Time => "TEXT",
            Self::Varchar(length) => return format!("VARCHAR({length})"),
            Self::Date => "DATE",
            Self::Timestamp | Self::Timestamptz => "TIMESTAMP",
            Self::Boolean => "BOOLEAN",
            Self::Bytes => "BLOB",
        }
        .to_owned()
    }
}

/// Storage classes seen in a sample of a column without a declared type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) integers: bool,
    pub(super) reals: bool,
    pub(super) texts: bool,
    pub(super) blobs: bool,
}

impl Seen {
    /// A declared type that holds everything seen; text when nothing was.
    pub(super) fn declared(self) -> &'static str {
        match self {
            Self { texts: false, blobs: true, integers: false, reals: false } => "BLOB",
            Self { texts: false, blobs: false, reals: true, .. } => "REAL",
            Self { texts: false, blobs: false, reals: false, integers: true } => "INTEGER",
            _ => "TEXT",
        }
    }
}

impl SourceType {
    /// The type for a new PostgreSQL table.
    pub(super) fn for_postgres(&self) -> String {
        match self {
            Self::Postgres { formatted, .. } => formatted.clone(),
            Self::Sqlite { declared } => sqlite_to_postgres(declared),
            Self::MySql { declared } => mysql::to_postgres(declared),
            Self::Standard(standard) => standard.for_postgres(),
        }
    }

    /// The type for a new SQLite table.
    pub(super) fn for_sqlite(&self) -> String {
        match self {
            Self::Sqlite { declared } => declared.clone(),
            Self::Postgres { kind, formatted } => postgres_to_sqlite(*kind, formatted),
            Self::MySql { declared } => mysql::to_sqlite(declared),
            Self::Standard(standard) => standard.for_sqlite(),
        }
    }

    /// Whether its cells are text, and not merely shown as text.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Sqlite { .. } => matches!(self.standard(), Standard::Text | Standard::Varchar(_)),
            Self::Postgres { kind, .. } => *kind == Kind::Text,
            Self::MySql { .. } => matches!(self.standard(), Standard::Text | Standard::Varchar(_)),
            Self::Standard(standard) => matches!(standard, Standard::Text | Standard::Varchar(_)),
        }
    }

    /// The same in standard words; text for whatever has none.
    pub(super) fn standard(&self) -> Standard {
        let (formatted, kind) = match self {
            Self::Standard(standard) => return *standard,
            Self::Postgres { kind, formatted } => (formatted.clone(), *kind),
            Self::Sqlite { declared } => return sqlite_to_standard(declared),
            Self::MySql { declared } => return mysql::to_standard(declared),
        };
        match kind {
            Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => Standard::Bigint,
            Kind::Float4 | Kind::Float8 => Standard::Double,
            Kind::Numeric => Standard::Numeric(numbers(&formatted).and_then(size)),
            Kind::Text => match numbers(&formatted).as_deref() {
                Some([length]) => Standard::Varchar(*length),
                _ => Standard::Text,
            },
            Kind::Date => Standard::Date,
            Kind::Time => Standard::Time,
            Kind::Timestamp => Standard::Timestamp,
            Kind::Timestamptz => Standard::Timestamptz,
            Kind::Bool => Standard::Boolean,
            Kind::Bytea => Standard::Bytes,
            Kind::Uuid | Kind::Json | Kind::Jsonb | Kind::Label | Kind::Void | Kind::Other => Standard::Text,
        }
    }
}

fn sqlite_to_standard(declared: &str) -> Standard {
    match sqlite_to_postgres(declared).as_str() {
        "boolean" => Standard::Boolean,
        "timestamptz" => Standard::Timestamptz,
        "timestamp" => Standard::Timestamp,
        "date" => Standard::Date,
        "double precision" => Standard::Double,
        "bigint" => Standard::Bigint,
        "bytea" => Standard::Bytes,
        "text" => match (declared.to_ascii_uppercase().contains("CHAR"), numbers(declared).as_deref()) {
            (true, Some([length])) => Standard::Varchar(*length),
            _ => Standard::Text,
        },
        decimal if decimal.starts_with("numeric") => Standard::Numeric(numbers(decimal).and_then(size)),
        _ => Standard::Text,
    }
}

fn size(numbers: Vec<u32>) -> Option<(u32, u32)> {
    match *numbers.as_slice() {
        [precision] => Some((precision, 0)),
        [precision, scale] => Some((precision, scale)),
        _ => None,
    }
}

/// `[15, 2]` of `numeric(15, 2)`; `None` without parentheses or with anything else in them.
pub(super) fn numbers(declared: &str) -> Option<Vec<u32>> {
    let inner = declared.split_once('(')?.1.split_once(')')?.0;
    inner.split(',').map(|p| p.trim().parse().ok()).collect()
}

fn sqlite_to_postgres(declared: &str) -> String {
    let upper = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|w| upper.contains(w));
    let plain = if has(&["BOOL"]) {
        "boolean"
    } else if has(&["TIMESTAMPTZ", "WITH TIME ZONE"]) {
        "timestamptz"
    } else if has(&["DATETIME", "TIMESTAMP"]) {
        "timestamp"
    } else if has(&["DATE"]) {
        "date"
    } else if has(&["DEC", "NUM"]) {
        return format!("numeric{}", precision(&upper).unwrap_or_default());
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        "double precision"
    } else if has(&["INT"]) && !has(&["POINT", "INTERVAL"]) {
        // SQLite keeps eight bytes whatever the declaration says.
        "bigint"
    } else if has(&["BLOB", "BYTEA", "BINARY"]) {
        "bytea"
    } else if has(&["UUID"]) {
        "uuid"
    } else {
        // SQLite does not enforce a length either.
        "text"
    };
    plain.to_owned()
}

/// `(15,2)` of `NUMERIC(15, 2)`.
fn precision(upper: &str) -> Option<String> {
    let parts = numbers(upper).filter(|p| matches!(p.len(), 1 | 2) && p[0] > 0)?;
    Some(format!("({})", parts.iter().map(u32::to_string).collect::<Vec<_>>().join(",")))
}

fn postgres_to_sqlite(kind: Kind, formatted: &str) -> String {
    match kind {
        Kind::Bool => "BOOLEAN".to_owned(),
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => "INTEGER".to_owned(),
        Kind::Float4 | Kind::Float8 => "REAL".to_owned(),
        Kind::Numeric => {
            // A NUMERIC column of SQLite turns decimals into floats, exact to 15 digits; beyond that only text is.
            let digits = precision(&formatted.to_ascii_uppercase());
            let short =
                digits.as_deref().and_then(|d| d.trim_matches(['(', ')']).split(',').next()?.parse::<u32>().ok());
            match (digits, short) {
                (Some(digits), Some(1..=15)) => format!("NUMERIC{digits}"),
                _ => "TEXT".to_owned(),
            }
        }
        Kind::Bytea => "BLOB".to_owned(),
        Kind::Date => "DATE".to_owned(),
        Kind::Timestamp | Kind::Timestamptz => "TIMESTAMP".to_owned(),
        Kind::Text | Kind::Time | Kind::Uuid | Kind::Json | Kind::Jsonb | Kind::Label | Kind::Void | Kind::Other => {
            "TEXT".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_declarations_become_postgres_types() {
        for (declared, want) in [
            ("INTEGER", "bigint"),
            ("tinyint(1)", "bigint"),
            ("BOOLEAN", "boolean"),
            ("VARCHAR(20)", "text"),
            ("", "text"),
            ("DECIMAL(15, 2)", "numeric(15,2)"),
            ("NUMERIC", "numeric"),
            ("number(0)", "numeric"),
            ("double", "double precision"),
            ("DATE", "date"),
            ("datetime", "timestamp"),
            ("timestamp with time zone", "timestamptz"),
            ("BLOB", "bytea"),
        ] {
            assert_eq!(SourceType::Sqlite { declared: declared.into() }.for_postgres(), want, "{declared}");
        }
    }

    #[test]
    fn decimals_too_long_for_a_float_become_text_in_sqlite() {
        for (formatted, want) in [("numeric(15,2)", "NUMERIC(15,2)"), ("numeric(16,2)", "TEXT"), ("numeric", "TEXT")] {
            assert_eq!(SourceType::Postgres { kind: Kind::Numeric, formatted: formatted.into() }.for_sqlite(), want);
        }
    }

    #[test]
    fn a_sample_decides_where_nothing_was_declared() {
        assert_eq!(Seen { integers: true, ..Seen::default() }.declared(), "INTEGER");
        assert_eq!(Seen { integers: true, reals: true, ..Seen::default() }.declared(), "REAL");
        assert_eq!(Seen { texts: true, blobs: true, ..Seen::default() }.declared(), "TEXT");
        assert_eq!(Seen::default().declared(), "TEXT");
    }
}
