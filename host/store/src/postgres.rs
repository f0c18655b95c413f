//! A store on a PostgreSQL server: one pool, one transaction for each operation; the most frequent ones are one statement
//! when all is as usual, because each trip to the server costs more than what it does there. Two operations that get into
//! each other's way (deadlock, serialization failure) are tried again: the server has undone one of them completely. How
//! long an operation may take, and what becomes of its connection, is the business of `loan`.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::care::Waiting;
use crate::error::{DbError, OpenError};
use crate::loan::{self, Loan, OPERATION, Watch};
use crate::migrate;
use crate::sql::Conn;
use crate::write::{Verdict, Write};

const CONNECTIONS: u32 = 10;
/// Settings of every session that the URL does not set itself. A process that is stopped or cut off in the middle of a
/// transaction must not hold its rows for ever: the server ends the transaction after 10 s, and notices a client that is
/// gone within half a minute. A statement nobody waits for any more ends too, and lets go of its locks.
const SETTINGS: [(&str, &str); 5] = [
    ("statement_timeout", "15s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// How long to wait for the server, and later for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the schema may take: a migration may have a large table to go through, or another process is at it.
const MIGRATION: Duration = Duration::from_secs(300);
const ATTEMPTS: u32 = 5;

#[derive(Debug)]
pub(crate) struct PostgresStore {
    pub(crate) pool: PgPool,
}

impl PostgresStore {
    /// Also returns how it connects, for whoever needs a connection beside the pool.
    pub(crate) async fn open(options: PgConnectOptions, shown: &str) -> Result<(Self, PgConnectOptions), OpenError> {
        let options = with_settings(options);
        // Not through the pool: it would repeat a refused connection until its timeout and then say only "timed out".
        let mut conn = connect(options.clone(), shown, [("statement_timeout", "0")]).await?;
        let prepared = prepare(&mut conn, shown).await;
        // Also on failure: the server should not have to find out by itself.
        let _ = tokio::time::timeout(PATIENCE, conn.close()).await;
        prepared?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|conn, _| Box::pin(async { Ok(loan::is_alive(conn).await) }))
            .connect_lazy_with(options.clone());
        Ok((Self { pool }, options))
    }

    pub(crate) async fn write<W: Write>(&self, write: W, waiting: &Waiting) -> Result<W::Answer, DbError> {
        let mut attempt = 1;
        loop {
            match self.try_write(&write, waiting).await {
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                    tracing::debug!(attempt, %error, "another transaction was in the way");
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_write<W: Write>(&self, write: &W, waiting: &Waiting) -> Result<W::Answer, DbError> {
        let mut loan = waiting.over(Loan::of(&self.pool)).await?;
        if let Some(answer) = write.perform_at_once(&mut loan.conn()).await? {
            return Ok(answer);
        }
        loan.begin().await?;
        match write.perform(&mut loan.conn()).await {
            Ok(Verdict::Keep(answer)) => loan.commit().await.map(|()| answer),
            Ok(Verdict::Undo(answer)) => loan.roll_back().await.map(|()| answer),
            Err(error) => {
                // The first error is the one to report; without a rollback the connection is closed.
                let _ = loan.roll_back().await;
                Err(error)
            }
        }
    }
}

/// One connection beside every pool, with more settings of its session.
pub(crate) async fn connect<const N: usize>(
    options: PgConnectOptions,
    shown: &str,
    settings: [(&str, &str); N],
) -> Result<PgConnection, OpenError> {
    let options = options.options(settings);
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Ok(connected) => connected.map_err(|error| connect_error(shown, &error)),
        Err(_) => {
            let message = format!("no answer within {} s", PATIENCE.as_secs());
            Err(OpenError::Unreachable { url: shown.to_owned(), message })
        }
    }
}

fn with_settings(options: PgConnectOptions) -> PgConnectOptions {
    let given = options.get_options().unwrap_or_default().to_owned();
    let options = options.options(SETTINGS.into_iter().filter(|(name, _)| !given.contains(name)));
    match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("nomaflow"),
    }
}

async fn prepare(conn: &mut PgConnection, shown: &str) -> Result<(), OpenError> {
    let asked = sqlx::query_scalar("select current_setting('server_encoding')").fetch_one(&mut *conn);
    let encoding: String = Watch::lasting(OPERATION).over(asked).await.map_err(|error| connect_error(shown, &error))?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { url: shown.to_owned(), encoding });
    }
    let mut watch = Watch::lasting(MIGRATION);
    migrate::migrate(&mut Conn::Postgres(conn, &mut watch), shown).await.map_err(|error| match error {
        migrate::MigrateError::Connection(error) => connect_error(shown, &error),
        migrate::MigrateError::Schema(error) => error,
    })
}

fn connect_error(shown: &str, error: &sqlx::Error) -> OpenError {
    let url = shown.to_owned();
    let Some(database) = error.as_database_error() else {
        return OpenError::Unreachable { url, message: error.to_string() };
    };
    let message = database.message().to_owned();
    match database.code().as_deref() {
        // Wrong password; no entry in pg_hba.conf, or no such user.
        Some("28P01" | "28000") => OpenError::Refused { url, message },
        Some("3D000") => OpenError::NoDatabase { url, message },
        _ => OpenError::Unreachable { url, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_has_the_last_word_on_a_setting() {
        let of = |url: &str| with_settings(url.parse().unwrap());
        let plain = of("postgres://h/d");
        assert_eq!(plain.get_application_name(), Some("nomaflow"));
        for (name, value) in SETTINGS {
            assert!(plain.get_options().unwrap().contains(&format!("-c {name}={value}")), "{plain:?}");
        }
        let set = of("postgres://h/d?application_name=x&options[idle_in_transaction_session_timeout]=3s");
        assert_eq!(set.get_application_name(), Some("x"));
        let options = set.get_options().unwrap();
        assert_eq!(options.matches("idle_in_transaction_session_timeout").count(), 1, "{options}");
        assert!(options.contains("=3s") && options.contains("tcp_keepalives_idle=10"), "{options}");
    }
}
