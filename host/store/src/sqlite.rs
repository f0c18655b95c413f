//! A store in one SQLite file: one writing connection behind the writer task, a small pool that only reads.
//!
//! Settings and why: WAL lets readers go on during a write; `synchronous = NORMAL` with WAL can lose the last commits on a
//! power cut but never corrupts, and is ten times faster than FULL; `BEGIN IMMEDIATE` (in `writer`) waits for another
//! process up to the busy timeout instead of failing half-way.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::error::{DbError, OpenError};
use crate::migrate;
use crate::sql::Conn;
use crate::write::Write;
use crate::writer::{MAX_BATCH, Writer};

/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(10);
const READERS: u32 = 4;
const SEARCHERS: u32 = 2;

#[derive(Debug)]
pub(crate) struct SqliteStore {
    writer: Writer,
    pub(crate) readers: SqlitePool,
    /// For searches only: each sets how long a statement of its connection may take, and no search takes a reader away.
    pub(crate) searchers: SqlitePool,
}

impl SqliteStore {
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| OpenError::Folder { path: folder.to_owned(), message: error.to_string() })?;
        }
        let base = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).foreign_keys(true);
        let options = base
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // The ids of a whole bundle without waiting for the reader.
            .row_buffer_size(MAX_BATCH)
            .optimize_on_close(true, 400);
        let mut conn = connect(&options).await.map_err(|error| open_error(path, &error))?;
        migrate::migrate(&mut Conn::Sqlite(&mut conn), &path.display().to_string()).await.map_err(
            |error| match error {
                migrate::MigrateError::Connection(error) => open_error(path, &error),
                migrate::MigrateError::Schema(error) => error,
            },
        )?;
        let reading = base.pragma("query_only", "on");
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY)
                .test_before_acquire(false)
                .connect_lazy_with(reading.clone())
        };
        Ok(Self { writer: Writer::start(conn), readers: pool(READERS), searchers: pool(SEARCHERS) })
    }

    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, DbError> {
        self.writer.write(write).await
    }

    pub(crate) fn check_writer(&self) -> Result<(), DbError> {
        if self.writer.is_open() { Ok(()) } else { Err(DbError::Closed("the store's writer has stopped")) }
    }

    pub(crate) async fn close(&self) {
        // Readers first: the last connection to close folds the WAL back into the file, and it has to be one that may write.
        self.readers.close().await;
        self.searchers.close().await;
        self.writer.close().await;
    }
}

/// Two processes that turn a fresh file to WAL at once: one of them is told "locked" without any waiting.
async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let give_up = Instant::now() + BUSY;
    loop {
        match options.connect().await {
            Err(error) if is_busy(&error) && Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return other,
        }
    }
}

/// SQLite's primary result code: the extended one carries it in its low byte.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(5 | 6))
}

pub(crate) fn open_error(path: &Path, error: &sqlx::Error) -> OpenError {
    const NOT_A_DATABASE: u32 = 26;
    match primary_code(error) {
        Some(NOT_A_DATABASE) => OpenError::NotADatabase { path: path.to_owned() },
        _ => {
            let message =
                error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
            OpenError::File { path: path.to_owned(), message }
        }
    }
}
