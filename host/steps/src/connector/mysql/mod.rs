//! MySQL and MariaDB through sqlx, for its protocol only. A step's connection is made for it and closed after it: there is
//! no statement that puts a connection back as it was (settings, user variables, temporary tables, named locks), and
//! making one costs a millisecond.
//!
//! The stop protocol ([`Stop::guard`]): every connection knows its id on the server. On cancel a second connection says
//! `KILL QUERY`, we wait briefly for the statement to end, and close the connection either way; closing alone would leave
//! the statement running. Second line of defence: `max_statement_time` (MariaDB) or `max_execution_time` (MySQL, SELECT
//! only).
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host_model::connector::{Pool, TlsMode};
use host_model::port::Access;
use host_model::value::{Row, Value};
use host_model::{CancelToken, StepError};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode, MySqlTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::{Place, Trouble, canceled};

/// How long a cancelled statement may take to end, and a second connection to open.
const STOP_WITHIN: Duration = Duration::from_millis(700);

/// One database of a server.
pub(crate) struct MySqlServer {
    options: MySqlConnectOptions,
    label: String,
    read_only: bool,
    size: u32,
    wait: Duration,
    /// Longest a statement may run, where the pool says so.
    statement_limit: Option<Duration>,
    permits: Arc<Semaphore>,
    pub(crate) queue: super::gauge::Queue,
}

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

/// What it takes to stop a connection's statement from outside.
#[derive(Clone)]
pub(crate) struct Stop {
    server: Arc<MySqlServer>,
    id: u64,
    pub(crate) place: Place,
    pub(crate) cancel: CancelToken,
    is_broken: Arc<AtomicBool>,
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
        Ok(Self {
            label,
            options,
            read_only: pool.read_only,
            size: pool.pool_size,
            wait: Duration::from_secs(u64::from(pool.acquire_timeout_seconds)),
            statement_limit: pool.statement_timeout_seconds.map(|s| Duration::from_secs(u64::from(s))),
            permits: Arc::new(Semaphore::new(pool.pool_size.max(1) as usize)),
            queue: super::gauge::Queue::default(),
        })
    }

    /// One for each connection there may be.
    pub(crate) fn permits(&self) -> &Semaphore {
        &self.permits
    }

    /// `mysql://user@host:port/database`.
    pub(crate) fn label(&self) -> String {
        self.label.clone()
    }

    /// Whether the declaration forbids writing.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Lends no more connections; those in use are closed when their step is done.
    pub(crate) fn close(&self) {
        self.permits.close();
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
        if access == Access::ReadWrite && self.read_only {
            return Err(place.denied("is declared `read_only`, so nothing can be written through it"));
        }
        let permit = tokio::select! {
            permit = self.queue.turn(&self.permits, self.wait) => {
                permit.ok_or_else(|| place.exhausted(self.size, self.wait))?
            }
            () = cancel.canceled() => return Err(canceled(cancel)),
        };
        // The time limit covers a server that accepts and then says nothing.
        let (conn, traits) = tokio::select! {
            connected = tokio::time::timeout(self.wait, self.connect(access, purpose, longest)) => match connected {
                Ok(connected) => connected.map_err(|e| place.unreachable(connect_text(&e)))?,
                Err(_) => return Err(place.unreachable(format!("no answer within {} s", self.wait.as_secs()))),
            },
            () = cancel.canceled() => return Err(canceled(cancel)),
        };
        let stop = Stop {
            server: Arc::clone(self),
            id: traits.id,
            place: place.clone(),
            cancel: cancel.clone(),
            is_broken: Arc::default(),
        };
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
        if self.permits.available_permits() <= spare {
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
        // Ten seconds after the step's own limit, so that the step's message is the one people read.
        let step_limit = longest.map(|d| d.saturating_add(Duration::from_secs(10)));
        if let Some(limit) = self.statement_limit.into_iter().chain(step_limit).min() {
            let seconds = limit.as_secs().clamp(1, 2_000_000);
            set.push_str(&match is_mariadb {
                true => format!("; set session max_statement_time = {seconds}"),
                false => format!("; set session max_execution_time = {}", seconds * 1_000),
            });
        }
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut conn).await?;
        Ok((conn, traits))
    }

    /// Asks the server to end the statement of connection `id`, from a connection of its own.
    async fn kill_query(&self, id: u64) {
        let asking = async {
            let mut second = MySqlConnection::connect_with(&self.options).await?;
            sqlx::raw_sql(AssertSqlSafe(format!("kill query {id}"))).execute(&mut second).await?;
            second.close().await
        };
        match tokio::time::timeout(STOP_WITHIN, asking).await {
            Ok(Ok(())) => {}
            // 1094: there is no such connection any more.
            Ok(Err(error)) if super::fault::mysql_number(&error) == Some(1094) => {}
            Ok(Err(error)) => tracing::warn!(id, error = %error, "a statement could not be cancelled on the server"),
            Err(_) => tracing::warn!(id, "no second connection in time to cancel a statement on the server"),
        }
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
        if !stop.is_broken.load(Ordering::Relaxed) {
            // A connection that cannot say good-bye is closed all the same.
            let _ = tokio::time::timeout(STOP_WITHIN, conn.close()).await;
        }
        drop(permit);
    }

    /// Whether the connection is still in step with the server.
    pub(crate) fn is_usable(&self) -> bool {
        !self.stop.is_broken.load(Ordering::Relaxed)
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
    /// Runs `work` on the connection this belongs to. On cancel the statement is ended on the server and the
    /// connection is not used again; the same when the returned future is dropped half-way.
    pub(crate) async fn guard<T>(
        &self,
        sql: &str,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, StepError> {
        if self.cancel.is_canceled() {
            return Err(canceled(&self.cancel));
        }
        let mut dropped = WhenDropped { stop: self, is_armed: true };
        tokio::pin!(work);
        let result = tokio::select! {
            result = &mut work => result,
            () = self.cancel.canceled() => {
                dropped.is_armed = false;
                self.is_broken.store(true, Ordering::Relaxed);
                self.server.kill_query(self.id).await;
                // Let the statement end; how it ended no longer matters (MySQL's SLEEP just returns 1).
                let _ = tokio::time::timeout(STOP_WITHIN, work).await;
                return Err(canceled(&self.cancel));
            }
        };
        dropped.is_armed = false;
        result.map_err(|trouble| match trouble {
            Trouble::Step(error) => error,
            Trouble::Sql(error) => {
                if error.as_database_error().is_none() {
                    self.is_broken.store(true, Ordering::Relaxed);
                }
                if self.cancel.is_canceled() { canceled(&self.cancel) } else { self.place.mysql(&error, sql) }
            }
        })
    }

    /// Runs a statement of ours on a connection of its own, when this one may be lost; whether it worked is of no
    /// consequence. The connection this belongs to should be closed by now.
    pub(crate) async fn tidy(&self, sql: &str) {
        let asking = async {
            let mut second = MySqlConnection::connect_with(&self.server.options).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut second).await?;
            second.close().await
        };
        if !matches!(tokio::time::timeout(STOP_WITHIN, asking).await, Ok(Ok(()))) {
            tracing::debug!(id = self.id, sql, "left for the next run");
        }
    }

    /// Ends the running statement on the server and marks the connection as not to be used again.
    pub(crate) async fn end_statement(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
        self.server.kill_query(self.id).await;
    }
}

struct WhenDropped<'a> {
    stop: &'a Stop,
    is_armed: bool,
}

impl Drop for WhenDropped<'_> {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        self.stop.is_broken.store(true, Ordering::Relaxed);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (server, id) = (Arc::clone(&self.stop.server), self.stop.id);
            // Bounded by its own time limit.
            runtime.spawn(async move { server.kill_query(id).await });
        }
    }
}
