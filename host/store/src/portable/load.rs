//! Fills an empty store with rows. On PostgreSQL in one transaction; on SQLite in a new file beside the old one, which
//! takes its place at the end. Either way nothing has happened before [`Loader::keep`].
//!
//! Triggers that guard the audit trail or announce runs stand aside meanwhile: what they watch over was watched when the
//! rows were first written. The tables are then read back and their sums compared with those of the source.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::layout::{self, Kind, Table, quote};
use super::session::{self, Session};
use super::{PortableError, RowSum, TableSum, read_rows};
use crate::error::{DbError, OpenError};
use crate::log_index;
use crate::migrate::{self, MigrateError};
use crate::sql::{Bind, Conn};
use crate::url::Target;

/// What goes in one statement: whichever comes first.
const ROWS_AT_ONCE: usize = 1000;
const BYTES_AT_ONCE: usize = 1 << 20;
/// Triggers of these tables stand aside.
const GUARDED: [&str; 3] = ["ly2_audit", "ly2_audit_head", "ly2_job_runs"];
/// Rows that a migration makes.
const MADE: [&str; 1] = ["ly2_audit_head"];

/// A store that is being filled.
pub struct Loader {
    session: Session,
    shown: String,
    schema: i64,
    tables: Vec<Table>,
    /// Of SQLite: where the new file is, and where it goes.
    file: Option<(PathBuf, PathBuf)>,
    /// Triggers to be made again.
    aside: Vec<String>,
    waiting: Waiting,
}

/// Rows of one table that have not been written yet.
#[derive(Default)]
struct Waiting {
    table: Option<Table>,
    text: String,
    rows: usize,
}

impl Loader {
    /// Makes ready to fill the store at `url` with rows of a schema. `replace`: what is there now may go, in the end.
    ///
    /// # Errors
    /// When it has rows and may not be replaced, when it is in use, and [`PortableError::Newer`].
    pub async fn open(url: &str, home: &Path, schema: i64, replace: bool) -> Result<Self, PortableError> {
        let known = migrate::newest();
        if schema > known {
            return Err(PortableError::Newer { found: schema, known });
        }
        let target = Target::parse(url, home)?;
        let shown = session::shown(&target);
        let (session, file) = match &target {
            Target::Sqlite(path) => {
                prepare_file(path, &shown, replace).await?;
                let draft = draft_of(path);
                let options = SqliteConnectOptions::new()
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Memory)
                    .synchronous(SqliteSynchronous::Off);
                (Session::sqlite(&draft, options).await?, Some((draft, path.clone())))
            }
            Target::Postgres { .. } => (Session::open(&target).await?, None),
        };
        let mut loader =
            Self { session, shown, schema, tables: Vec::new(), file, aside: Vec::new(), waiting: Waiting::default() };
        match loader.begin(replace).await {
            Ok(()) => Ok(loader),
            Err(error) => {
                loader.give_up().await;
                Err(error)
            }
        }
    }

    async fn begin(&mut self, replace: bool) -> Result<(), PortableError> {
        let shown = self.shown.clone();
        let failed = |doing: &'static str| move |error: DbError| PortableError::database(doing, error);
        let found = layout::find_schema(&mut self.session.conn()).await.map_err(failed("reading the schema"))?;
        if let Some(found) = found.filter(|found| *found != self.schema) {
            return Err(PortableError::OtherSchema { store: shown, found, wanted: self.schema });
        }
        self.migrate_to(self.schema).await?;
        let mut conn = self.session.conn();
        self.tables = layout::find_tables(&mut conn).await.map_err(failed("reading the tables"))?;
        conn.script("begin").await.map_err(failed("beginning to write"))?;
        if let Conn::Postgres(..) = conn {
            // Whoever writes now has to end before; whoever comes waits, and finds the new rows.
            let names: Vec<String> = self.tables.iter().map(Table::quoted).collect();
            let lock = conn.execute(&format!("lock table {} in exclusive mode", names.join(", ")), &[]).await;
            lock.map_err(|error| PortableError::InUse { store: shown.clone(), message: error.to_string() })?;
        }
        self.aside = set_aside(&mut conn).await.map_err(failed("setting triggers aside"))?;
        for table in self.tables.iter().rev() {
            let doing = format!("emptying `{}`", table.name);
            let has_rows = conn.fetch_optional(&format!("select 1 as n from {} limit 1", table.quoted()), &[]).await;
            if has_rows.map_err(|error| PortableError::database(&doing, error))?.is_none() {
                continue;
            }
            if !replace && !MADE.contains(&table.name.as_str()) {
                return Err(PortableError::NotEmpty { store: shown, table: table.name.clone() });
            }
            let emptied = conn.execute(&format!("delete from {}", table.quoted()), &[]).await;
            emptied.map_err(|error| PortableError::database(doing, error))?;
        }
        Ok(())
    }

    async fn migrate_to(&mut self, schema: i64) -> Result<(), PortableError> {
        let count = usize::try_from(schema).unwrap_or_default();
        migrate::migrate_through(&mut self.session.conn(), &self.shown, count).await.map_err(|error| match error {
            MigrateError::Schema(error) => PortableError::Open(error),
            MigrateError::Connection(error) => PortableError::database("making the tables", error),
        })
    }

    /// Names the table of the rows that follow, with the columns their values are of.
    ///
    /// # Errors
    /// When the store has no such table or column, and when rows of the table before cannot be written.
    pub async fn begin_table(&mut self, name: &str, columns: &[String]) -> Result<(), PortableError> {
        self.flush().await?;
        let table = self.find(name, columns)?;
        self.waiting = Waiting { table: Some(table), ..Waiting::default() };
        Ok(())
    }

    fn find(&self, name: &str, columns: &[String]) -> Result<Table, PortableError> {
        let wrong = |why: String| PortableError::Row { table: name.to_owned(), why };
        let table = self.tables.iter().find(|table| table.name == name);
        table.ok_or_else(|| wrong("the target has no such table".to_owned()))?.with_columns_of(columns).map_err(wrong)
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When the database refuses it, or one before it.
    pub async fn push(&mut self, line: &str) -> Result<(), PortableError> {
        let waiting = &mut self.waiting;
        waiting.text.push(if waiting.rows == 0 { '[' } else { ',' });
        waiting.text.push_str(line);
        waiting.rows += 1;
        if waiting.rows >= ROWS_AT_ONCE || waiting.text.len() >= BYTES_AT_ONCE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), PortableError> {
        let Some(table) = &self.waiting.table else { return Ok(()) };
        if self.waiting.rows == 0 {
            return Ok(());
        }
        let mut text = std::mem::take(&mut self.waiting.text);
        text.push(']');
        let (wanted, name) = (std::mem::take(&mut self.waiting.rows), table.name.clone());
        let mut conn = self.session.conn();
        let written = conn.execute(&insert(&conn, table), &[Bind::Json(Some(text))]).await;
        match written.map_err(|error| PortableError::Row { table: name.clone(), why: error.to_string() })? {
            rows if rows == wanted as u64 => Ok(()),
            rows => Err(PortableError::Differs { table: name, was: wanted as u64, is: rows }),
        }
    }

    /// Reads a table back: it must have exactly the rows that were handed in.
    ///
    /// # Errors
    /// [`PortableError::Differs`] when it has not.
    pub async fn compare(&mut self, name: &str, columns: &[String], wanted: &TableSum) -> Result<(), PortableError> {
        self.flush().await?;
        let table = self.find(name, columns)?;
        let mut sum = RowSum::default();
        let add = async |line: &str| {
            sum.add(line);
            Ok(())
        };
        read_rows(&mut self.session, &table, add).await?;
        let found = sum.finish();
        if found == *wanted {
            return Ok(());
        }
        Err(PortableError::Differs { table: table.name, was: wanted.rows, is: found.rows })
    }

    /// Makes what was written the store, with the schema of this program. Leases are given back: who held them is gone.
    ///
    /// # Errors
    /// When the database fails; then the store is as it was.
    pub async fn keep(mut self) -> Result<(), PortableError> {
        match self.finish().await {
            Ok(()) => {
                self.session.close().await;
                Ok(())
            }
            Err(error) => {
                self.give_up().await;
                Err(error)
            }
        }
    }

    async fn finish(&mut self) -> Result<(), PortableError> {
        self.flush().await?;
        let failed = |error: DbError| PortableError::database("ending the copy", error);
        let mut conn = self.session.conn();
        for lock in ["ly2_jobs_lock", "ly2_notify_lock"] {
            if self.tables.iter().any(|table| table.name == lock) {
                conn.execute(&format!("update {lock} set holder = ''"), &[]).await.map_err(failed)?;
            }
        }
        put_back(&mut conn, &self.aside).await.map_err(failed)?;
        if let Conn::Postgres(..) = conn {
            for table in &self.tables {
                let Some(column) = &table.identity else { continue };
                let (name, column) = (table.quoted(), quote(column));
                let sql = format!(
                    "select setval(pg_get_serial_sequence($1, $2), coalesce(max({column}), 1), max({column}) is not null)::text as n \
                     from {name}"
                );
                let binds = [Bind::text(&table.name), Bind::text(table.identity.as_deref().unwrap_or_default())];
                conn.fetch_optional(&sql, &binds).await.map_err(failed)?;
            }
        }
        if self.schema >= log_index::SINCE {
            log_index::begin_anew(&mut conn).await.map_err(failed)?;
        }
        conn.script("commit").await.map_err(failed)?;
        self.migrate_to(migrate::newest()).await?;
        if let Some((draft, path)) = &self.file {
            let placed = std::fs::File::open(draft).and_then(|file| file.sync_all());
            placed.and_then(|()| std::fs::rename(draft, path))?;
        }
        Ok(())
    }

    /// Leaves the store as it was.
    pub async fn give_up(self) {
        // A connection that ends in a transaction undoes it.
        self.session.close().await;
        if let Some((draft, _)) = &self.file {
            let _ = std::fs::remove_file(draft);
        }
    }
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    PathBuf::from(name)
}

/// The file that is there has to be whole without its log: a log left beside another file would be taken for that one's.
async fn prepare_file(path: &Path, shown: &str, replace: bool) -> Result<(), PortableError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| OpenError::Folder { path: folder.to_owned(), message: error.to_string() })?;
    if !path.exists() {
        return Ok(());
    }
    if !replace {
        let mut session = Session::sqlite(path, SqliteConnectOptions::new()).await?;
        let tables = session.conn().fetch_optional("select name from sqlite_master limit 1", &[]).await;
        session.close().await;
        let found = tables.map_err(|error| PortableError::database("looking at the file", error))?;
        return match found {
            Some(row) => {
                Err(PortableError::NotEmpty { store: shown.to_owned(), table: row.text("name").unwrap_or_default() })
            }
            None => Ok(()),
        };
    }
    // Not to be opened when it is no database, or a damaged one: then it may be replaced as it is.
    if let Ok(mut session) = Session::sqlite(path, SqliteConnectOptions::new()).await {
        let _ = session.conn().fetch_all("pragma wal_checkpoint(truncate)", &[]).await;
        session.close().await;
    }
    for end in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(end);
        if std::fs::metadata(&beside).is_ok_and(|meta| meta.len() > 0) {
            let message = format!("`{}` is still there", Path::new(&beside).display());
            return Err(PortableError::InUse { store: shown.to_owned(), message });
        }
    }
    Ok(())
}

fn insert(conn: &Conn<'_>, table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(|name| quote(name)).collect();
    let value = |(at, kind): (usize, &Kind)| match kind {
        Kind::Plain => format!("r.value ->> {at}"),
        Kind::Text => format!("r.value ->> {at}"),
        Kind::Int => format!("(r.value ->> {at})::bigint"),
        Kind::At => format!("(r.value ->> {at})::timestamptz"),
        Kind::Json => format!("(r.value ->> {at})::json"),
        Kind::Flag => format!("(r.value ->> {at})::int::boolean"),
    };
    let values: Vec<String> = table.kinds.iter().enumerate().map(value).collect();
    let (overriding, rows) = match conn {
        Conn::Sqlite(_) => ("", "json_each($1) r"),
        Conn::Postgres(..) => {
            ("overriding system value ", "json_array_elements($1) with ordinality r (value, place) order by r.place")
        }
    };
    format!(
        "insert into {} ({}) {overriding}select {} from {rows}",
        table.quoted(),
        columns.join(", "),
        values.join(", ")
    )
}

/// Takes triggers away; what makes them again.
async fn set_aside(conn: &mut Conn<'_>) -> Result<Vec<String>, DbError> {
    let mut again = Vec::new();
    for table in GUARDED {
        if let Conn::Postgres(..) = conn {
            if conn
                .fetch_optional("select 1 as n where to_regclass($1) is not null", &[Bind::text(table)])
                .await?
                .is_some()
            {
                conn.execute(&format!("alter table {table} disable trigger user"), &[]).await?;
                again.push(format!("alter table {table} enable trigger user"));
            }
            continue;
        }
        let sql = "select name, sql from sqlite_master where type = 'trigger' and tbl_name = $1";
        for row in conn.fetch_all(sql, &[Bind::text(table)]).await? {
            conn.execute(&format!("drop trigger {}", quote(&row.text("name")?)), &[]).await?;
            again.push(row.text("sql")?);
        }
    }
    Ok(again)
}

async fn put_back(conn: &mut Conn<'_>, again: &[String]) -> Result<(), DbError> {
    for sql in again {
        conn.execute_once(sql, &[]).await?;
    }
    Ok(())
}
