//! A store as rows that either database can take: what backups, restores and moves are made of.
//!
//! [`Snapshot`] reads all tables as they were at one moment, [`Loader`] fills an empty store with them and lets go of all of
//! it again unless it is told to keep it. A row travels as one line, a JSON array of its values in the form SQLite keeps
//! them: instants as texts, truth as 0 and 1, JSON as its text. Tables and columns are asked of the database itself, so a
//! new migration needs nothing here. Not carried: the schema (migrations make it) and who is alive at the moment.

mod chain;
mod check;
mod layout;
mod load;
mod session;
mod sum;

pub use chain::ChainCheck;
pub use check::Finding;
pub use layout::Table;
pub use load::Loader;
pub use sum::{RowSum, TableSum};

use std::path::Path;

use futures_util::TryStreamExt as _;
use host_model::Json;
use sqlx::{AssertSqlSafe, Row as _};

use crate::error::{DbError, OpenError};
use crate::url::Target;
use session::Session;

/// Why rows could not be read or written. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum PortableError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no store of ours there.
    #[error("there is no store at `{store}`")]
    Missing {
        /// URL or file.
        store: String,
    },
    /// Somebody writes to it.
    #[error("the store `{store}` is in use: {message}")]
    InUse {
        /// URL or file.
        store: String,
        /// The database's message.
        message: String,
    },
    /// The target has rows of its own.
    #[error("the store `{store}` is not empty: `{table}` has rows")]
    NotEmpty {
        /// URL or file.
        store: String,
        /// The first table with rows.
        table: String,
    },
    /// The rows are of a schema that this program does not know yet.
    #[error("the rows have schema version {found}, this program knows versions up to {known}")]
    Newer {
        /// Theirs.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The target is of another schema than the rows, and not empty.
    #[error("the store `{store}` has schema version {found}, the rows have {wanted}")]
    OtherSchema {
        /// URL or file.
        store: String,
        /// Of the target.
        found: i64,
        /// Of the rows.
        wanted: i64,
    },
    /// What was written is not what was read.
    #[error("`{table}` has other rows after the copy: {was} were read, {is} arrived")]
    Differs {
        /// Which table.
        table: String,
        /// Rows read.
        was: u64,
        /// Rows found.
        is: u64,
    },
    /// A line that is no row of its table.
    #[error("a row of `{table}` cannot be taken: {why}")]
    Row {
        /// Which table.
        table: String,
        /// Why.
        why: String,
    },
    /// A statement failed.
    #[error("{doing}: {message}")]
    Database {
        /// What was being done.
        doing: String,
        /// The database's message.
        message: String,
    },
    /// Whoever takes the rows cannot.
    #[error("the rows cannot be written: {0}")]
    Sink(#[from] std::io::Error),
}

impl PortableError {
    /// What to do about it, when there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open(error) => error.hint(),
            Self::InUse { .. } => Some("stop every server and worker on this store first"),
            Self::NotEmpty { .. } => Some("`--force` replaces what is there"),
            Self::Newer { .. } => Some("use the program that wrote them, or a later one"),
            Self::OtherSchema { .. } => Some("name an empty database"),
            _ => None,
        }
    }

    fn database(doing: impl Into<String>, error: impl Into<DbError>) -> Self {
        Self::Database { doing: doing.into(), message: error.into().to_string() }
    }
}

/// A process as it last showed itself in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Its name in run rows.
    pub owner: String,
    /// What it is.
    pub role: String,
    /// Where it listens.
    pub url: Option<String>,
    /// Signs of life it has given.
    pub beat: u64,
    /// Whether it may fire schedules.
    pub has_lease: bool,
}

/// The processes that have shown themselves in the store at `url`; nothing is created or migrated.
///
/// # Errors
/// As [`Snapshot::open`].
pub async fn signs_of_life(url: &str, home: &Path) -> Result<Vec<Sign>, PortableError> {
    let target = Target::parse(url, home)?;
    let mut session = Session::open(&target).await?;
    let signs = layout::find_signs(&mut session.conn()).await;
    session.close().await;
    match signs {
        Ok(Some(signs)) => Ok(signs),
        Ok(None) => Err(PortableError::Missing { store: session::shown(&target) }),
        Err(error) => Err(PortableError::database("asking who works on it", error)),
    }
}

/// Number of the newest migration of this program.
pub fn newest_schema() -> i64 {
    crate::migrate::newest()
}

/// Whether others may write while a snapshot is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// They may; what they write is not seen.
    Nobody,
    /// They may not: nothing is written to the store as long as the snapshot lasts.
    Writers,
}

/// The tables of a store as they were at one moment.
pub struct Snapshot {
    session: Session,
    shown: String,
    tables: Vec<Table>,
    schema: i64,
}

impl Snapshot {
    /// Opens the store at `url` for reading; nothing is created or migrated.
    ///
    /// # Errors
    /// [`PortableError::Missing`] when there is no store, [`PortableError::InUse`] when it should be held and is written to.
    pub async fn open(url: &str, home: &Path, hold: Hold) -> Result<Self, PortableError> {
        let target = Target::parse(url, home)?;
        let shown = session::shown(&target);
        let mut session = Session::open(&target).await?;
        let schema = match layout::find_schema(&mut session.conn()).await {
            Ok(Some(schema)) => schema,
            Ok(None) => return Err(PortableError::Missing { store: shown }),
            Err(error) => return Err(PortableError::database("reading the schema", error)),
        };
        let tables = layout::find_tables(&mut session.conn()).await;
        let tables = tables.map_err(|error| PortableError::database("reading the tables", error))?;
        session.freeze(hold, &tables).await.map_err(|error| match hold {
            Hold::Writers => PortableError::InUse { store: shown.clone(), message: error.to_string() },
            Hold::Nobody => PortableError::database("beginning to read", error),
        })?;
        Ok(Self { session, shown, tables, schema })
    }

    /// `sqlite` or `postgres`.
    pub fn dialect(&self) -> &'static str {
        self.session.dialect()
    }

    /// Where it is, without a password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Number of its newest migration.
    pub fn schema(&self) -> i64 {
        self.schema
    }

    /// Its tables, those that others refer to before those.
    pub fn tables(&self) -> Vec<Table> {
        self.tables.clone()
    }

    /// Hands every row of a table over, in the order of its key.
    ///
    /// # Errors
    /// When the database fails, or `each` does.
    pub async fn read(
        &mut self,
        table: &Table,
        each: impl AsyncFnMut(&str) -> Result<(), PortableError>,
    ) -> Result<(), PortableError> {
        read_rows(&mut self.session, table, each).await
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        self.session.close().await;
    }
}

/// [`Snapshot::read`] on any session.
async fn read_rows(
    session: &mut Session,
    table: &Table,
    mut each: impl AsyncFnMut(&str) -> Result<(), PortableError>,
) -> Result<(), PortableError> {
    let sql = table.select();
    let failed = |error: sqlx::Error| PortableError::database(format!("reading `{}`", table.name), error);
    match session {
        Session::Sqlite(conn) => {
            let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut **conn);
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                each(&canonical(table, row.try_get_unchecked("line").map_err(failed)?)?).await?;
            }
        }
        Session::Postgres(conn, _) => {
            let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut **conn);
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                each(&canonical(table, row.try_get_unchecked("line").map_err(failed)?)?).await?;
            }
        }
    }
    Ok(())
}

/// The one spelling of a row: the two databases set blanks and escapes differently.
fn canonical(table: &Table, line: &str) -> Result<String, PortableError> {
    let wrong = |why: String| PortableError::Row { table: table.name.clone(), why };
    let values: Vec<Json> = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
    if values.len() != table.columns.len() {
        return Err(wrong(format!("it has {} values for {} columns", values.len(), table.columns.len())));
    }
    Ok(Json::Array(values).to_string())
}
