//! Connectors as declared in `connectors.toml`: pools say *where* a database is, connectors are the names steps use,
//! with their named queries. Plain values: environment references are filled in and paths are absolute by the time
//! they get here; opening anything is the business of `host-steps`.
//!
//! Invariant: credentials live in [`Hidden`] only, which prints dots.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::ConnectorName;
use crate::job::{SourcePlace, word_enum};

/// A text that must not be shown: its `Debug` and `Display` print dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the driver that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

word_enum!(
    /// The kinds of database a pool can reach.
    Dialect {
        /// A file of this machine.
        Sqlite = "sqlite",
        /// A PostgreSQL server.
        Postgres = "postgres",
        /// A MySQL or MariaDB server.
        MySql = "mysql",
        /// An Oracle database.
        Oracle = "oracle",
        /// A Microsoft SQL Server.
        SqlServer = "sqlserver",
        /// Whatever an ODBC driver reaches.
        Odbc = "odbc",
    }
);

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolAddress {
    /// A SQLite file.
    Sqlite {
        /// Absolute, or relative to the working directory when the home directory is.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user[:password]@host[:port]/database[?…]`.
        url: Hidden,
        /// Replaces the password in the URL.
        password: Option<Hidden>,
    },
    /// A MySQL or MariaDB server.
    MySql {
        /// `mysql://user[:password]@host[:port]/database`; `mariadb://` is read as the same.
        url: Hidden,
        /// Replaces the password in the URL.
        password: Option<Hidden>,
    },
    /// An Oracle database.
    Oracle {
        /// `oracle://user[:password]@host[:port]/service`.
        url: Hidden,
        /// Replaces the password in the URL.
        password: Option<Hidden>,
    },
    /// A Microsoft SQL Server.
    SqlServer {
        /// `sqlserver://user[:password]@host[:port]/database`; `mssql://` is read as the same.
        url: Hidden,
        /// Replaces the password in the URL.
        password: Option<Hidden>,
    },
    /// A data source of ODBC.
    Odbc {
        /// The connection string: `DSN=…;UID=…` or `Driver=…;Server=…`.
        text: Hidden,
        /// Goes into the string as `PWD`.
        password: Option<Hidden>,
    },
}

impl PoolAddress {
    /// The kind of database.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
            Self::MySql { .. } => Dialect::MySql,
            Self::Oracle { .. } => Dialect::Oracle,
            Self::SqlServer { .. } => Dialect::SqlServer,
            Self::Odbc { .. } => Dialect::Odbc,
        }
    }
}

word_enum!(
    /// How far a connection is encrypted, with the words PostgreSQL uses for it.
    TlsMode {
        /// Never.
        Disable = "disable",
        /// Where the server can, whoever it is.
        Prefer = "prefer",
        /// Always, whoever the server is.
        Require = "require",
        /// Always, with a certificate that a trusted authority signed.
        VerifyCa = "verify-ca",
        /// Always, with such a certificate for the name of the host.
        VerifyFull = "verify-full",
    }
);

/// How a pool encrypts its connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolTls {
    /// How far; where it is not said, the URL or the driver decides.
    pub mode: Option<TlsMode>,
    /// Authorities to trust besides the ones of the system: a PEM file.
    pub ca_file: Option<PathBuf>,
}

/// Which program speaks to the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PoolDriver {
    /// A driver inside this program.
    #[default]
    Native,
    /// A module of Python's DB-API, in a worker process for each connection.
    Python {
        /// As it is imported.
        module: String,
    },
}

/// A set of connections to one database, from `[pools.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The name connectors refer to.
    pub name: String,
    /// Where it connects to.
    pub address: PoolAddress,
    /// Most connections at once, at least 1.
    pub pool_size: u32,
    /// How long a step waits for a free connection, in seconds, at least 1.
    pub acquire_timeout_seconds: u32,
    /// Whether statements that write are refused by the database.
    pub read_only: bool,
    /// Whether trailing spaces of strings read from here are dropped by `sql_copy` (CHAR columns of JD Edwards).
    pub trim_strings: bool,
    /// Whether `sql_copy` writes one space for an absent or empty string here, and 0 for an absent number: Oracle takes
    /// `''` for NULL, and the columns of JD Edwards are NOT NULL.
    pub coalesce_nulls: bool,
    /// Longest a single statement may run on the server, in seconds; none leaves it to the step's own timeout.
    pub statement_timeout_seconds: Option<u32>,
    /// How connections are encrypted.
    pub tls: PoolTls,
    /// Which program speaks to the database.
    pub driver: PoolDriver,
    /// Where it was declared.
    pub source: SourcePlace,
}

impl Pool {
    /// A pool with the default of every key but `url`.
    pub fn new(name: impl Into<String>, address: PoolAddress, source: SourcePlace) -> Self {
        Self {
            name: name.into(),
            address,
            pool_size: DEFAULT_POOL_SIZE,
            acquire_timeout_seconds: DEFAULT_ACQUIRE_TIMEOUT_SECONDS,
            read_only: false,
            trim_strings: false,
            coalesce_nulls: false,
            statement_timeout_seconds: None,
            tls: PoolTls::default(),
            driver: PoolDriver::Native,
            source,
        }
    }

    /// Whether `other` reaches the same database in the same way; where a declaration stands does not matter.
    pub fn is_same_but_for_place(&self, other: &Self) -> bool {
        Self { source: other.source.clone(), ..self.clone() } == *other
    }
}

/// Default of `pool_size`.
pub const DEFAULT_POOL_SIZE: u32 = 5;
/// Default of `acquire_timeout_seconds`.
pub const DEFAULT_ACQUIRE_TIMEOUT_SECONDS: u32 = 30;

/// What steps and guests name, from `[connectors.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name.
    pub name: ConnectorName,
    /// The pool it uses; always one of the same [`ConnectorSet`].
    pub pool: String,
    /// The kind of database behind that pool.
    pub dialect: Dialect,
    /// Queries by name.
    pub queries: BTreeMap<String, NamedQuery>,
    /// Where it was declared.
    pub source: SourcePlace,
}

/// A query declared on a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedQuery {
    /// Its text.
    pub sql: QueryText,
    /// Whether `name:write` may be used.
    pub writable: bool,
}

/// The text of a named query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryText {
    /// One text, whatever the database.
    Any(String),
    /// A text for each kind of database; kinds left out have none.
    PerDialect(Vec<(Dialect, String)>),
}

impl QueryText {
    /// The text for `dialect`.
    pub fn for_dialect(&self, dialect: Dialect) -> Option<&str> {
        match self {
            Self::Any(text) => Some(text),
            Self::PerDialect(texts) => texts.iter().find(|(d, _)| *d == dialect).map(|(_, text)| text.as_str()),
        }
    }
}

/// What the `query` of a step stands for on one connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryRef<'a> {
    /// A query declared on the connector; `write` when it was called as `name:write`.
    Named {
        /// Its name.
        name: &'a str,
        /// Whether the write variant is meant.
        write: bool,
    },
    /// SQL text.
    Sql(&'a str),
}

/// Tells a query's name from SQL text: `name` and `name:write` are single words, no statement is one.
pub fn parse_query_ref(text: &str) -> QueryRef<'_> {
    let word = text.trim();
    let (name, write) = match word.split_once(':') {
        Some((name, "write")) => (name, true),
        Some(_) => return QueryRef::Sql(text),
        None => (word, false),
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if is_name { QueryRef::Named { name, write } } else { QueryRef::Sql(text) }
}

/// An LDAP directory that plugins may search, from `[connectors.<name>]` with `type = "ldap"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its name.
    pub name: ConnectorName,
    /// `ldap://host[:port]` or `ldaps://host[:port]`.
    pub url: String,
    /// Whether a plain connection is encrypted before anything else is said.
    pub start_tls: bool,
    /// Certificate authorities in PEM, trusted beside those of the machine; absolute, or relative to the working directory
    /// when the home directory is.
    pub ca_file: Option<PathBuf>,
    /// The account searches are made with; none searches anonymously.
    pub bind_dn: Option<String>,
    /// Its password.
    pub password: Option<Hidden>,
    /// Where a search begins that does not say it.
    pub base: String,
    /// Where it was declared.
    pub source: SourcePlace,
}

/// Everything `connectors.toml` declares that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectorSet {
    /// Pools by name.
    pub pools: BTreeMap<String, Pool>,
    /// Connectors by name.
    pub connectors: BTreeMap<ConnectorName, Connector>,
    /// LDAP connectors by name; no name is in both.
    pub directories: BTreeMap<ConnectorName, Directory>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_the_name_of_a_query_and_anything_else_is_sql() {
        assert_eq!(parse_query_ref("refresh-totals"), QueryRef::Named { name: "refresh-totals", write: false });
        assert_eq!(parse_query_ref(" refresh_totals:write "), QueryRef::Named { name: "refresh_totals", write: true });
        for sql in ["select 1", "vacuum;", "delete from t where x = :x", "a:b", "", "update t set a=1"] {
            assert_eq!(parse_query_ref(sql), QueryRef::Sql(sql));
        }
    }

    #[test]
    fn a_query_with_texts_per_dialect_has_none_for_the_others() {
        let text = QueryText::PerDialect(vec![(Dialect::Sqlite, "select 1".into())]);
        assert_eq!(text.for_dialect(Dialect::Sqlite), Some("select 1"));
        assert_eq!(text.for_dialect(Dialect::Postgres), None);
    }

    #[test]
    fn hidden_text_prints_dots() {
        let pool =
            PoolAddress::Postgres { url: Hidden::new("postgres://a:b@h/d"), password: Some(Hidden::new("s3cret")) };
        let shown = format!("{pool:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("a:b"), "{shown}");
    }
}
