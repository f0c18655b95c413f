//! PostgreSQL through sqlx, for its protocol and its COPY. Connections are pooled here and not by sqlx: its pool
//! retries a refused connection until the acquire timeout and then only says "timed out", and a step's connection
//! must not come back while its statement still runs on the server.
//!
//! The stop protocol ([`Stop::guard`]): every connection in use knows its backend's process id. On cancel a second
//! connection calls `pg_cancel_backend`, we wait briefly for the statement to end, and close the connection either
//! way. Second line of defence, for when no second connection can be had: `client_connection_check_interval` makes
//! the server notice the closed socket, and `statement_timeout` ends what has outlived its step.

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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use host_model::connector::Pool;
use host_model::port::Access;
use host_model::{CancelToken, StepError};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use super::fault::Trouble;
use super::fault::{Place, canceled};
use super::gauge::Queue;
use tls::Tls;

/// How long a cancelled statement may take to end, and a second connection to open.
const STOP_WITHIN: Duration = Duration::from_millis(700);

/// One database of a server.
pub(crate) struct PgServer {
    options: PgConnectOptions,
    tls: Tls,
    label: String,
    pool: String,
    /// `statement_timeout_seconds`.
    statement_limit: Option<Duration>,
    read_only: bool,
    size: u32,
    wait: Duration,
    permits: Arc<Semaphore>,
    queue: Queue,
    idle: Mutex<Vec<PgConnection>>,
}

/// A connection in the hands of one step. Give it back with [`Lease::release`]; dropping it closes it, and the server
/// rolls back whatever it had begun.
pub(crate) struct Lease {
    pub(crate) conn: PgConnection,
    pub(crate) stop: Stop,
    permit: OwnedSemaphorePermit,
}

/// What it takes to stop a connection's statement from outside.
#[derive(Clone)]
pub(crate) struct Stop {
    server: Arc<PgServer>,
    pid: i32,
    pub(crate) place: Place,
    pub(crate) cancel: CancelToken,
    is_broken: Arc<AtomicBool>,
}

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
        Ok(Self {
            label,
            options,
            tls,
            pool: pool.name.clone(),
            statement_limit: pool.statement_timeout_seconds.map(|seconds| Duration::from_secs(u64::from(seconds))),
            read_only: pool.read_only,
            size: pool.pool_size,
            wait: Duration::from_secs(u64::from(pool.acquire_timeout_seconds)),
            permits: Arc::new(Semaphore::new(pool.pool_size.max(1) as usize)),
            queue: Queue::default(),
            idle: Mutex::default(),
        })
    }

    /// One for each connection there may be.
    pub(crate) fn permits(&self) -> &Semaphore {
        &self.permits
    }

    /// Those who wait for one.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// `postgres://user@host:port/database`.
    pub(crate) fn label(&self) -> String {
        self.label.clone()
    }

    /// Whether the declaration forbids writing.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Lends no more connections and closes the idle ones; those in use are closed when they come back.
    pub(crate) async fn close(&self) {
        self.permits.close();
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
        if access == Access::ReadWrite && self.read_only {
            return Err(place.denied("is declared `read_only`, so nothing can be written through it"));
        }
        let permit = tokio::select! {
            permit = self.queue.turn(&self.permits, self.wait) => {
                permit.ok_or_else(|| place.exhausted(self.size, self.wait))?
            }
            () = cancel.canceled() => return Err(canceled(cancel)),
        };
        // The time limit covers a server that accepts and then says nothing, and an idle connection to such a one.
        let (conn, pid) = tokio::select! {
            connected = tokio::time::timeout(self.wait, self.reuse_or_connect(longest)) => match connected {
                Ok(connected) => connected.map_err(|e| place.unreachable(self.tls.explain(&e)))?,
                Err(_) => return Err(place.unreachable(format!("no answer within {} s", self.wait.as_secs()))),
            },
            () = cancel.canceled() => return Err(canceled(cancel)),
        };
        Ok(self.lend(conn, pid, permit, place, cancel))
    }

    /// A connection for reading if one is free at this moment and `spare` others are left.
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
        self.lease(place, Access::Read, longest, cancel).await.map(Some)
    }

    async fn reuse_or_connect(&self, longest: Option<Duration>) -> Result<(PgConnection, i32), sqlx::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut conn) = idle
            && let Ok(Ok(pid)) = tokio::time::timeout(STOP_WITHIN, self.greet(&mut conn, longest)).await
        {
            return Ok((conn, pid));
        }
        self.connect(longest).await
    }

    async fn connect(&self, longest: Option<Duration>) -> Result<(PgConnection, i32), sqlx::Error> {
        let mut conn = PgConnection::connect_with(&self.options).await?;
        let pid = self.greet(&mut conn, longest).await?;
        Ok((conn, pid))
    }

    fn lend(
        self: &Arc<Self>,
        conn: PgConnection,
        pid: i32,
        permit: OwnedSemaphorePermit,
        place: &Place,
        cancel: &CancelToken,
    ) -> Lease {
        let stop = Stop {
            server: Arc::clone(self),
            pid,
            place: place.clone(),
            cancel: cancel.clone(),
            is_broken: Arc::default(),
        };
        Lease { conn, stop, permit }
    }

    /// Asks the server to end the statement of `pid`, from a connection of its own.
    async fn cancel_backend(&self, pid: i32) {
        let asking = async {
            let mut second = PgConnection::connect_with(&self.options).await?;
            sqlx::query("select pg_cancel_backend($1)").bind(pid).execute(&mut second).await?;
            second.close().await
        };
        match tokio::time::timeout(STOP_WITHIN, asking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(pid, error = %error, "a statement could not be cancelled on the server"),
            Err(_) => tracing::warn!(pid, "no second connection in time to cancel a statement on the server"),
        }
    }

    /// Asks for the backend's id and arms the server's own limits: the pool's, or one well after the step's.
    async fn greet(&self, conn: &mut PgConnection, longest: Option<Duration>) -> Result<i32, sqlx::Error> {
        // Ten seconds after the step's own limit, so that the step's message is the one people read.
        let of_step = longest.map(|longest| longest.saturating_add(Duration::from_secs(10)));
        let limit = of_step.into_iter().chain(self.statement_limit).min().unwrap_or_default();
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
        let limit = self.statement_limit.filter(|limit| elapsed >= *limit)?;
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

impl Lease {
    /// Gives the connection back as it was lent: no transaction, no settings, no temporary tables, no prepared
    /// statements (a table may change under them before the next step).
    pub(crate) async fn release(self) {
        let Self { mut conn, stop, permit } = self;
        if stop.is_broken.load(Ordering::Relaxed) {
            return;
        }
        let tidy = async {
            conn.clear_cached_statements().await?;
            sqlx::raw_sql("rollback").execute(&mut conn).await?;
            sqlx::raw_sql("discard all").execute(&mut conn).await
        };
        let is_tidy = matches!(tokio::time::timeout(STOP_WITHIN, tidy).await, Ok(Ok(_)));
        if is_tidy && !stop.server.permits.is_closed() {
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
        let begun = Instant::now();
        let mut dropped = WhenDropped { stop: self, is_armed: true };
        tokio::pin!(work);
        let result = tokio::select! {
            result = &mut work => result,
            () = self.cancel.canceled() => {
                dropped.is_armed = false;
                self.is_broken.store(true, Ordering::Relaxed);
                self.server.cancel_backend(self.pid).await;
                // Let the statement end; how it ended no longer matters.
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
                if self.cancel.is_canceled() {
                    return canceled(&self.cancel);
                }
                let refusal = self.place.postgres(&error, sql);
                match self.server.timed_out(&error, begun.elapsed(), &self.place) {
                    Some(timeout) => timeout.with_detail(refusal.detail),
                    None => refusal,
                }
            }
        })
    }

    /// Marks the connection as out of step with its protocol: it will be closed, never lent again.
    pub(crate) fn break_connection(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
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
            let (server, pid) = (Arc::clone(&self.stop.server), self.stop.pid);
            // Bounded by its own time limit.
            runtime.spawn(async move { server.cancel_backend(pid).await });
        }
    }
}
