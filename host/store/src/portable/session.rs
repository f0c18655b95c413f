//! One connection of its own, beside every pool: it may take as long as a copy of all rows takes.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};

use super::layout::Table;
use super::{Hold, PortableError};
use crate::error::DbError;
use crate::loan::Watch;
use crate::sql::Conn;
use crate::url::Target;
use crate::{postgres, sqlite};

/// How long to wait for somebody who writes.
const BUSY: Duration = Duration::from_secs(5);
/// The longest a copy may take.
const WHOLE: Duration = Duration::from_secs(24 * 3600);

pub(super) enum Session {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>, Watch),
}

/// Where a store is, as it may be shown.
pub(super) fn shown(target: &Target) -> String {
    match target {
        Target::Sqlite(path) => path.display().to_string(),
        Target::Postgres { shown, .. } => shown.clone(),
    }
}

impl Session {
    /// Opens what is there.
    pub(super) async fn open(target: &Target) -> Result<Self, PortableError> {
        match target {
            Target::Sqlite(path) if !path.is_file() => Err(PortableError::Missing { store: shown(target) }),
            Target::Sqlite(path) => Self::sqlite(path, SqliteConnectOptions::new()).await,
            Target::Postgres { options, shown } => {
                let patient =
                    [("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0"), ("lock_timeout", "5s")];
                let conn = postgres::connect((**options).clone(), shown, patient).await?;
                Ok(Self::Postgres(Box::new(conn), Watch::lasting(WHOLE)))
            }
        }
    }

    pub(super) async fn sqlite(path: &Path, options: SqliteConnectOptions) -> Result<Self, PortableError> {
        let options = options.filename(path).busy_timeout(BUSY).foreign_keys(true).row_buffer_size(1000);
        let conn = options.connect().await.map_err(|error| sqlite::open_error(path, &error))?;
        Ok(Self::Sqlite(Box::new(conn)))
    }

    pub(super) fn dialect(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(..) => "postgres",
        }
    }

    pub(super) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(conn, watch) => Conn::Postgres(conn, watch),
        }
    }

    /// From here on every statement sees the same rows.
    pub(super) async fn freeze(&mut self, hold: Hold, tables: &[Table]) -> Result<(), DbError> {
        let mut conn = self.conn();
        match (&conn, hold) {
            (Conn::Sqlite(_), Hold::Writers) => conn.script("begin immediate").await?,
            (Conn::Sqlite(_), Hold::Nobody) => conn.script("begin").await?,
            (Conn::Postgres(..), _) => {
                conn.script("begin isolation level repeatable read").await?;
                if hold == Hold::Writers {
                    let names: Vec<String> = tables.iter().map(Table::quoted).collect();
                    let sql = format!("lock table {} in share mode", names.join(", "));
                    conn.execute(&sql, &[]).await?;
                }
            }
        }
        // The moment is that of the first reading, not of `begin`.
        conn.fetch_optional("select count(*) as n from ly2_migrations", &[]).await.map(drop)
    }

    /// What was not committed is undone by the database.
    pub(super) async fn close(self) {
        // The work is done or given up; nothing depends on a polite end.
        let _ = match self {
            Self::Sqlite(conn) => conn.close().await,
            Self::Postgres(conn, _) => conn.close().await,
        };
    }
}
