//! SQLite through rusqlite: it steps statements on the calling thread, which measured two to four times faster than
//! rows passed through a channel one by one, and its interrupt handle stops a statement from any other thread.
//!
//! Each piece of work gets a connection of its own on a blocking thread, so nothing (pragmas, temporary tables, open
//! statements) leaks from one step to the next; a semaphore keeps the number of connections to the pool's size.

pub(crate) mod confine;
pub(crate) mod session;
pub(crate) mod value;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use host_model::connector::Pool;
use host_model::port::Access;
use host_model::{CancelToken, StepError, StepErrorKind};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, InterruptHandle, OpenFlags, Statement};
use tokio::sync::OwnedSemaphorePermit;

use super::fault::{Place, canceled};
use super::scan;
use super::terms::Terms;
use host_model::value::Value;

/// One database file.
pub(crate) struct SqliteFile {
    path: PathBuf,
    pub(crate) terms: Terms,
}

/// What a connection will be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A session of a guest or callable: confined to its own database file.
    Session(Access),
    /// A step of the job's author.
    Step(Access),
}

impl Use {
    fn access(self) -> Access {
        match self {
            Self::Session(access) | Self::Step(access) => access,
        }
    }
}

/// A connection on the blocking thread it lives on.
pub(crate) struct Link {
    pub(crate) conn: Connection,
    place: Place,
    cancel: CancelToken,
}

impl SqliteFile {
    pub(crate) fn new(path: PathBuf, pool: &Pool) -> Self {
        Self { path, terms: Terms::of(pool) }
    }

    /// `sqlite:<path>`.
    pub(crate) fn label(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    /// The file, for telling whether two connectors are the same database.
    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Runs `job` with a connection on a blocking thread. A cancel interrupts the running statement and makes every
    /// later one fail; dropping the returned future does the same.
    pub(crate) async fn work<T, F>(
        self: &Arc<Self>,
        place: &Place,
        usage: Use,
        cancel: &CancelToken,
        job: F,
    ) -> Result<T, StepError>
    where
        T: Send + 'static,
        F: FnOnce(&Link) -> Result<T, StepError> + Send + 'static,
    {
        let permit = self.terms.acquire(place, usage.access(), cancel).await?;
        let handle: Arc<OnceLock<InterruptHandle>> = Arc::default();
        let alive = CancelOnDrop(cancel.child());
        let (file, token, shared, at) = (Arc::clone(self), alive.0.clone(), Arc::clone(&handle), place.clone());
        let mut task = tokio::task::spawn_blocking(move || {
            let _permit: OwnedSemaphorePermit = permit;
            let _patience = Patience::begin(&token, file.terms.wait);
            let link = file.connect(usage, at, token)?;
            // The cell was made for this one task.
            let _ = shared.set(link.conn.get_interrupt_handle());
            job(&link)
        });
        let finished = tokio::select! {
            finished = &mut task => finished,
            () = cancel.canceled() => loop {
                // Again and again, because an interrupt between two statements stops neither.
                if let Some(handle) = handle.get() {
                    handle.interrupt();
                }
                tokio::select! {
                    finished = &mut task => break finished,
                    () = tokio::time::sleep(Duration::from_millis(10)) => {}
                }
            },
        };
        match finished {
            Ok(result) => result,
            Err(broken) => Err(StepError::new(
                StepErrorKind::Crashed,
                format!("connector `{}`: the work on its database broke: {broken}", place.connector),
            )),
        }
    }

    fn connect(&self, usage: Use, place: Place, cancel: CancelToken) -> Result<Link, StepError> {
        let writes = usage.access() == Access::ReadWrite;
        // Only a writer makes a new database: a reader that did would find it empty and call that success.
        if !writes && !self.path.exists() {
            return Err(place.unreachable("the file does not exist"));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |=
            if self.terms.is_read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        if writes {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let conn = Connection::open_with_flags(&self.path, flags).map_err(|e| place.unreachable(e))?;
        let link = Link { conn, place, cancel };
        link.prepare_connection(usage)?;
        Ok(link)
    }
}

impl Link {
    fn prepare_connection(&self, usage: Use) -> Result<(), StepError> {
        let setup = || -> rusqlite::Result<()> {
            self.conn.busy_handler(Some(wait_for_lock))?;
            self.conn.pragma_update(None, "foreign_keys", true)?;
            confine::confine(&self.conn, matches!(usage, Use::Session(_)))?;
            if usage.access() == Access::Read {
                return self.conn.pragma_update(None, "query_only", true);
            }
            // Readers must not notice writers. A database that cannot change its journal works all the same.
            let _ = self.conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()));
            Ok(())
        };
        // The first statement reads the file: what is not a database shows here.
        setup().and_then(|()| self.conn.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))).map_err(|e| {
            if self.cancel.is_canceled() {
                canceled(&self.cancel)
            } else {
                self.place.unreachable(super::fault::sqlite_text(&e))
            }
        })
    }

    /// How messages call this connector.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Fails once the step is cancelled.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        if self.cancel.is_canceled() { Err(canceled(&self.cancel)) } else { Ok(()) }
    }

    /// What an error means for the step: a cancel shows as "interrupted" and as nothing else.
    pub(crate) fn fail(&self, error: &rusqlite::Error, sql: &str) -> StepError {
        if self.cancel.is_canceled() { canceled(&self.cancel) } else { self.place.sqlite(error, sql) }
    }

    /// Runs statements without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StepError> {
        self.check()?;
        self.conn.execute_batch(sql).map_err(|e| self.fail(&e, sql))
    }

    /// Prepares a scanned statement and binds its values.
    pub(crate) fn prepare(&self, statement: &scan::Statement, values: &[Value]) -> Result<Statement<'_>, StepError> {
        self.check()?;
        let sql = statement.render(|n| format!("?{}", n + 1));
        let mut prepared = self.conn.prepare(&sql).map_err(|e| self.fail(&e, &sql))?;
        if prepared.parameter_count() != values.len() {
            return Err(self
                .place
                .definition("parameters are written `:name`; `?`, `@name` and `$name` have no value here"));
        }
        let mut scratch = String::new();
        for (n, value) in values.iter().enumerate() {
            let bound = ToSqlOutput::Borrowed(value::bound(value.into(), &mut scratch));
            prepared.raw_bind_parameter(n + 1, bound).map_err(|e| self.fail(&e, &sql))?;
        }
        Ok(prepared)
    }

    /// Runs a scanned statement to its end and counts the rows it changed.
    pub(crate) fn execute(&self, statement: &scan::Statement, values: &[Value]) -> Result<u64, StepError> {
        let sql = statement.keyword().to_owned();
        let mut prepared = self.prepare(statement, values)?;
        let reads = prepared.readonly();
        let mut rows = prepared.raw_query();
        while rows.next().map_err(|e| self.fail(&e, &sql))?.is_some() {}
        drop(rows);
        let changes_rows = !reads && matches!(sql.as_str(), "insert" | "update" | "delete" | "replace" | "with");
        // `changes()` keeps the count of an earlier statement when this one is no INSERT, UPDATE or DELETE.
        Ok(if changes_rows { self.conn.changes() } else { 0 })
    }
}

struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel("the step was dropped");
    }
}

thread_local! {
    /// How long the work on this thread may still wait for a lock; the busy handler is a plain function.
    static PATIENCE: RefCell<Option<(CancelToken, Duration)>> = const { RefCell::new(None) };
}

/// Between two looks at a lock.
const NAP: Duration = Duration::from_millis(10);

struct Patience;

impl Patience {
    fn begin(cancel: &CancelToken, wait: Duration) -> Self {
        PATIENCE.set(Some((cancel.clone(), wait)));
        Self
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        PATIENCE.set(None);
    }
}

/// Another connection holds the lock: wait a little, unless the step is over or has waited long enough. (SQLite's own
/// busy timeout would sleep through an interrupt.)
fn wait_for_lock(tries: i32) -> bool {
    PATIENCE.with_borrow(|patience| {
        let Some((cancel, wait)) = patience else { return false };
        // SQLite counts the tries of each wait from 0.
        let waited = NAP * u32::try_from(tries).unwrap_or(0);
        if cancel.is_canceled() || waited >= *wait {
            return false;
        }
        std::thread::sleep(NAP);
        true
    })
}
