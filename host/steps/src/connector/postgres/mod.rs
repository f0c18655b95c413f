//! PostgreSQL through sqlx, for its protocol and its COPY. Connections are pooled here and not by sqlx: its pool
//! retries a refused connection until the acquire timeout and then only says "timed out", and a step's connection
//! must not come back while its statement still runs on the server.
//!
//! A statement is stopped by `pg_cancel_backend` from a second connection (`stop`). Second line of defence, for when none
//! can be had: `client_connection_check_interval` makes the server notice the closed socket, and `statement_timeout`
//! ends what has outlived its step.

pub(crate) mod copy_in;
pub(crate) mod copy_out;
mod cursor;
pub(crate) mod kind;
pub(crate) mod moment;
pub(crate) mod numeric;
pub(crate) mod session;
pub(crate) mod statement;
mod tls;

use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::Pool;
use host_model::port::Access;
use host_model::{CancelToken, StepError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgSeverity};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::OwnedSemaphorePermit;

use super::dial::{Refusal, dial, has_hung_up};
use super::fault::Place;
pub(crate) use super::fault::Trouble;
use super::stop::{STOP_WITHIN, Stoppable};
use super::terms::Terms;
use tls::Tls;

/// One database of a server.
pub(crate) struct PgServer {
    options: PgConnectOptions,
    tls: Tls,
    label: String,
    pool: String,
    pub(crate) terms: Terms,
    idle: Mutex<Vec<PgConnection>>,
}

/// A connection in the hands of one step. Give it back with [`Lease::release`]; dropping it closes it, and the server
/// rolls back whatever it had begun.
pub(crate) struct Lease {
    pub(crate) conn: PgConnection,
    pub(crate) stop: Stop,
    permit: OwnedSemaphorePermit,
}

pub(crate) type Stop = super::stop::Stop<PgServer>;

impl PgServer {
    pub(crate) fn new(url: &str, password: Option<&str>, pool: &Pool) -> Result<Self, StepError> {
        // The parser's message may quote the URL with its password.
        let options = PgConnectOptions::from_str(url).map_err(|_| {
            StepError::definition(format!("pool `{}` has a `url` that is no PostgreSQL address", pool.name))
        })?;
        let options = match password {
            Some(password) => options.password(password),
            None => options,
        };
        let options = options
            .application_name("nomaflow")
            // Notices are for people at a prompt; here they would only fill the server's own log.
            .options([("client_min_messages", "error"), ("cursor_tuple_fraction", "1")])
            .disable_statement_logging();
        let (tls, options) = Tls::of(pool, options);
        let database = options.get_database().unwrap_or(options.get_username());
        let label =
            format!("postgres://{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port());
        Ok(Self { label, options, tls, pool: pool.name.clone(), terms: Terms::of(pool), idle: Mutex::default() })
    }

    /// `postgres://user@host:port/database`.
    pub(crate) fn label(&self) -> String {
        self.label.clone()
    }

    /// Closes the idle connections; those in use are closed when they come back, once the pool lends no more.
    pub(crate) async fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for conn in idle {
            // A connection that cannot say good-bye is closed all the same.
            let _ = conn.close().await;
        }
    }

    /// A connection for one step. `longest` is the time the step itself is allowed, if that is known.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        place: &Place,
        access: Access,
        longest: Option<Duration>,
        cancel: &CancelToken,
    ) -> Result<Lease, StepError> {
        let permit = self.terms.acquire(place, access, cancel).await?;
        let attempt = || async {
            let connected = self.reuse_or_connect(longest).await;
            connected
                .map_err(|e| Refusal { error: place.unreachable(self.tls.explain(&e)), has_hung_up: has_hung_up(&e) })
        };
        let (conn, pid) = dial(self.terms.wait, place, cancel, attempt).await?;
        Ok(Lease { conn, stop: Stop::new(self, pid, place, cancel), permit })
    }

    /// A connection for reading if one is free at this moment and `spare` others are left.
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
        self.lease(place, Access::Read, longest, cancel).await.map(Some)
    }

    async fn reuse_or_connect(&self, longest: Option<Duration>) -> Result<(PgConnection, u64), sqlx::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut conn) = idle
            && let Ok(Ok(pid)) = tokio::time::timeout(STOP_WITHIN, self.greet(&mut conn, longest)).await
        {
            return Ok((conn, pid));
        }
        self.connect(longest).await
    }

    async fn connect(&self, longest: Option<Duration>) -> Result<(PgConnection, u64), sqlx::Error> {
        let mut conn = PgConnection::connect_with(&self.options).await?;
        let pid = self.greet(&mut conn, longest).await?;
        Ok((conn, pid))
    }

    /// Asks for the backend's id and arms the server's own limits: the pool's, or one well after the step's.
    async fn greet(&self, conn: &mut PgConnection, longest: Option<Duration>) -> Result<u64, sqlx::Error> {
        let limit = self.terms.limit(longest).unwrap_or_default();
        let millis = limit.as_millis().min(2_147_483_647);
        let mut sql = format!("select pg_backend_pid(), set_config('statement_timeout', '{millis}', false)");
        if conn.server_version_num().is_some_and(|version| version >= 140_000) {
            sql.push_str(", set_config('client_connection_check_interval', '500', false)");
        }
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(conn).await?;
        let pid = row.try_get_raw(0)?.as_str().map_err(sqlx::Error::Decode)?;
        pid.parse().map_err(|_| sqlx::Error::Protocol("the backend has no process id".to_owned()))
    }

    /// The words for a statement that the server ended after `elapsed` because of the pool's limit.
    fn timed_out(&self, error: &sqlx::Error, elapsed: Duration, place: &Place) -> Option<StepError> {
        let limit = self.terms.statement_timeout.filter(|limit| elapsed >= *limit)?;
        // query_canceled: by this limit, or by an administrator.
        (error.as_database_error()?.code()? == "57014").then(|| {
            let text = format!(
                "connector `{}` ({}): a statement took longer than the {} s of `statement_timeout_seconds` of pool `{}`",
                place.connector,
                place.label,
                limit.as_secs(),
                self.pool
            );
            StepError::remote(text)
        })
    }
}

#[async_trait]
impl Stoppable for PgServer {
    async fn end_statement(&self, id: u64) {
        let asking = async {
            let mut second = PgConnection::connect_with(&self.options).await?;
            sqlx::raw_sql(AssertSqlSafe(format!("select pg_cancel_backend({id})"))).execute(&mut second).await?;
            second.close().await
        };
        match tokio::time::timeout(STOP_WITHIN, asking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(id, error = %error, "a statement could not be cancelled on the server"),
            Err(_) => tracing::warn!(id, "no second connection in time to cancel a statement on the server"),
        }
    }

    fn explain(&self, error: &sqlx::Error, sql: &str, elapsed: Duration, place: &Place) -> StepError {
        let refusal = place.postgres(error, sql);
        match self.timed_out(error, elapsed, place) {
            Some(timeout) => timeout.with_detail(refusal.detail),
            None => refusal,
        }
    }

    fn is_fatal(error: &sqlx::Error) -> bool {
        let Some(refusal) = error.as_database_error() else { return true };
        let severity = refusal.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
        matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
    }
}

impl Lease {
    /// Gives the connection back as it was lent: no transaction, no settings, no temporary tables, no prepared
    /// statements (a table may change under them before the next step).
    pub(crate) async fn release(self) {
        let Self { mut conn, stop, permit } = self;
        if !stop.is_usable() {
            return;
        }
        let tidy = async {
            conn.clear_cached_statements().await?;
            sqlx::raw_sql("rollback").execute(&mut conn).await?;
            sqlx::raw_sql("discard all").execute(&mut conn).await
        };
        let is_tidy = matches!(tokio::time::timeout(STOP_WITHIN, tidy).await, Ok(Ok(_)));
        if is_tidy && !stop.server.terms.is_closed() {
            stop.server.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
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
        let stop = self.stop.clone();
        let conn = &mut self.conn;
        stop.guard(sql, async move { Ok(sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())?) }).await
    }
}
