//! MySQL and MariaDB through sqlx, for its protocol only. A step's connection is made for it and closed after it: there is
//! no statement that puts a connection back as it was (settings, user variables, temporary tables, named locks), and
//! making one costs a millisecond.
//!
//! A statement is stopped by `KILL QUERY` from a second connection (`stop`). Second line of defence: `max_statement_time`
//! (MariaDB) or `max_execution_time` (MySQL, SELECT only).
//!
//! sqlx would change `sql_mode` and `time_zone` on connect, and with them the meaning of `||` and `NOW()`: it is told not
//! to. Only sessions and copies are put into UTC, because their values name instants; see [`Purpose`].

mod cursor;
pub(crate) mod insert;
pub(crate) mod kind;
pub(crate) mod session;
pub(crate) mod statement;

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Pool, TlsMode};
use host_model::port::Access;
use host_model::value::{Row, Value};
use host_model::{CancelToken, StepError};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode, MySqlTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::OwnedSemaphorePermit;

use super::dial::{Refusal, dial, has_hung_up};
use super::fault::Place;
use super::stop::{STOP_WITHIN, Stoppable};
use super::terms::Terms;

/// One database of a server.
pub(crate) struct MySqlServer {
    options: MySqlConnectOptions,
    label: String,
    pub(crate) terms: Terms,
}

pub(crate) type Stop = super::stop::Stop<MySqlServer>;

/// What a connection is for, which decides its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A `sql_query` step: the server's own time zone and modes, as in any other client.
    Query,
    /// A session of a plugin or callable: in UTC.
    Session,
    /// One side of a copy: in UTC, and the writing side refuses what does not fit instead of bending it.
    Copy,
}

/// A connection in the hands of one step. Give it back with [`Lease::release`]; dropping it closes it, and the server
/// rolls back whatever it had begun.
pub(crate) struct Lease {
    pub(crate) conn: MySqlConnection,
    pub(crate) stop: Stop,
    pub(crate) traits: Traits,
    permit: OwnedSemaphorePermit,
}

/// What is to be known of a connection.
#[derive(Clone)]
pub(crate) struct Traits {
    /// Its number on the server.
    id: u64,
    /// Bytes of a statement with its values, at most.
    pub(crate) max_packet: usize,
    /// Whether `TIMESTAMP` columns are read in UTC.
    pub(crate) is_utc: bool,
    /// The driver's name for exact decimals, which it gives to none but its own decimal types.
    pub(crate) decimal: MySqlTypeInfo,
}

impl MySqlServer {
    pub(crate) fn new(url: &str, password: Option<&str>, pool: &Pool) -> Result<Self, StepError> {
        // The parser's message may quote the URL with its password.
        let options = MySqlConnectOptions::from_str(url)
            .map_err(|_| StepError::definition(format!("pool `{}` has a `url` that is no MySQL address", pool.name)))?;
        let mut options =
            options.pipes_as_concat(false).no_engine_substitution(false).timezone(None).disable_statement_logging();
        if let Some(password) = password {
            options = options.password(password);
        }
        if let Some(mode) = pool.tls.mode {
            options = options.ssl_mode(match mode {
                TlsMode::Disable => MySqlSslMode::Disabled,
                TlsMode::Prefer => MySqlSslMode::Preferred,
                TlsMode::Require => MySqlSslMode::Required,
                TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
                TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
            });
        }
        if let Some(file) = &pool.tls.ca_file {
            options = options.ssl_ca(file);
        }
        let label = format!(
            "mysql://{}@{}:{}/{}",
            options.get_username(),
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default()
        );
        Ok(Self { label, options, terms: Terms::of(pool) })
    }

    /// `mysql://user@host:port/database`.
    pub(crate) fn label(&self) -> String {
        self.label.clone()
    }

    /// A connection for one step. `longest` is the time the step itself is allowed, if that is known.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        place: &Place,
        access: Access,
        purpose: Purpose,
        longest: Option<Duration>,
        cancel: &CancelToken,
    ) -> Result<Lease, StepError> {
        let permit = self.terms.acquire(place, access, cancel).await?;
        let attempt = || async {
            let connected = self.connect(access, purpose, longest).await;
            connected.map_err(|e| Refusal { error: place.unreachable(connect_text(&e)), has_hung_up: has_hung_up(&e) })
        };
        let (conn, traits) = dial(self.terms.wait, place, cancel, attempt).await?;
        let stop = Stop::new(self, traits.id, place, cancel);
        Ok(Lease { conn, stop, traits, permit })
    }

    /// A connection for reading a copy's source if one is free at this moment and `spare` others are left.
    pub(crate) async fn lease_now(
        self: &Arc<Self>,
        place: &Place,
        longest: Option<Duration>,
        spare: usize,
        cancel: &CancelToken,
    ) -> Result<Option<Lease>, StepError> {
        if self.terms.free() <= spare {
            return Ok(None);
        }
        self.lease(place, Access::Read, Purpose::Copy, longest, cancel).await.map(Some)
    }

    async fn connect(
        &self,
        access: Access,
        purpose: Purpose,
        longest: Option<Duration>,
    ) -> Result<(MySqlConnection, Traits), sqlx::Error> {
        let mut conn = MySqlConnection::connect_with(&self.options).await?;
        let row: MySqlRow =
            sqlx::raw_sql("select connection_id(), version(), @@max_allowed_packet, 0.0").fetch_one(&mut conn).await?;
        let text = |n| -> Result<&str, sqlx::Error> {
            Ok(statement::bytes(&row, n)?.and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default())
        };
        let id = text(0)?.parse().map_err(|_| sqlx::Error::Protocol("the connection has no id".to_owned()))?;
        let is_mariadb = text(1)?.contains("MariaDB");
        let traits = Traits {
            id,
            max_packet: text(2)?.parse().unwrap_or(1 << 20),
            is_utc: purpose != Purpose::Query,
            decimal: row.columns()[3].type_info().clone(),
        };
        // A reader that takes long between two batches must not lose its connection to the default of a minute.
        let mut set = "set session net_write_timeout = 3600".to_owned();
        if access == Access::Read {
            set.push_str("; set session transaction read only");
        }
        if purpose != Purpose::Query {
            set.push_str("; set session time_zone = '+00:00'");
        }
        if purpose == Purpose::Copy {
            set.push_str("; set session transaction isolation level repeatable read");
            if access == Access::ReadWrite {
                // Zero dates and a 0 in an AUTO_INCREMENT column are values like any other.
                set.push_str(
                    "; set session sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'",
                );
            }
        }
        if let Some(limit) = self.terms.limit(longest) {
            let seconds = limit.as_secs().clamp(1, 2_000_000);
            set.push_str(&match is_mariadb {
                true => format!("; set session max_statement_time = {seconds}"),
                false => format!("; set session max_execution_time = {}", seconds * 1_000),
            });
        }
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut conn).await?;
        Ok((conn, traits))
    }

    /// Runs one statement on a connection of its own, which is closed behind it.
    async fn aside(&self, sql: String) -> Result<(), sqlx::Error> {
        let mut second = MySqlConnection::connect_with(&self.options).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut second).await?;
        second.close().await
    }
}

#[async_trait]
impl Stoppable for MySqlServer {
    async fn end_statement(&self, id: u64) {
        match tokio::time::timeout(STOP_WITHIN, self.aside(format!("kill query {id}"))).await {
            Ok(Ok(())) => {}
            // 1094: there is no such connection any more.
            Ok(Err(error)) if super::fault::mysql_number(&error) == Some(1094) => {}
            Ok(Err(error)) => tracing::warn!(id, error = %error, "a statement could not be cancelled on the server"),
            Err(_) => tracing::warn!(id, "no second connection in time to cancel a statement on the server"),
        }
    }

    fn explain(&self, error: &sqlx::Error, sql: &str, _elapsed: Duration, place: &Place) -> StepError {
        place.mysql(error, sql)
    }

    fn is_fatal(error: &sqlx::Error) -> bool {
        // The server stops, or somebody has ended this very connection.
        error.as_database_error().is_none() || matches!(super::fault::mysql_number(error), Some(1053 | 1927))
    }
}

fn connect_text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(refusal) => refusal.message().to_owned(),
        sqlx::Error::Io(io) => io.to_string(),
        // `caching_sha2_password` sends the password encrypted or not at all.
        sqlx::Error::Configuration(why) if why.to_string().contains("RSA") => {
            "this account can only log in over an encrypted connection; set `tls = \"require\"`".to_owned()
        }
        other => other.to_string(),
    }
}

impl Lease {
    /// Closes the connection in good order and gives its place in the pool back.
    pub(crate) async fn release(self) {
        let Self { conn, stop, permit, .. } = self;
        if stop.is_usable() {
            // A connection that cannot say good-bye is closed all the same.
            let _ = tokio::time::timeout(STOP_WITHIN, conn.close()).await;
        }
        drop(permit);
    }

    /// [`Lease::release`] from where nobody can wait.
    pub(crate) fn release_later(self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Bounded by its own time limit; without a runtime the connection just closes.
            runtime.spawn(self.release());
        }
    }

    /// Runs one statement without parameters and counts the rows it changed.
    pub(crate) async fn execute(&mut self, sql: &str) -> Result<u64, StepError> {
        let stop = self.stop.clone();
        let conn = &mut self.conn;
        stop.guard(sql, async { Ok(sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await?.rows_affected()) }).await
    }

    /// Runs statements without parameters or results.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), StepError> {
        self.execute(sql).await.map(drop)
    }

    /// All rows of a short SELECT; values go where its `?` are.
    pub(crate) async fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StepError> {
        let stop = self.stop.clone();
        let (conn, traits) = (&mut self.conn, &self.traits);
        stop.guard(sql, async { statement::select(conn, traits, &stop.place, sql, values).await }).await
    }
}

impl Stop {
    /// Runs a statement of ours on a connection of its own, when this one may be lost; whether it worked is of no
    /// consequence. The connection this belongs to should be closed by now.
    pub(crate) async fn tidy(&self, sql: &str) {
        if !matches!(tokio::time::timeout(STOP_WITHIN, self.server.aside(sql.to_owned())).await, Ok(Ok(()))) {
            tracing::debug!(id = self.id, sql, "left for the next run");
        }
    }
}
