//! SQLite as a target. One transaction does it all: readers keep the old rows until the commit (the file is in WAL mode),
//! the table itself is never dropped, so keys, indexes, views and triggers stay, and a copy that is killed leaves nothing
//! behind. Upserts go through a temporary table, like on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SqlCopySpec, Verify};
use host_model::port::Access;
use host_model::{CancelToken, StepError, StepErrorKind};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::check::{check_counts, check_sums};
use super::checksum::RowHash;
use super::coerce::Taste;
use super::plan::{self, SourceColumn, TableColumn, quoted_table};
use super::progress::Progress;
use super::row::{Encoding, Message, sqlite_cell};
use super::side::{Changes, Destination, Loaded, Written};
use super::sqlite_insert::Insert;
use super::sqlite_source::table_columns;
use super::staged::Keys;
use super::types::SourceType;
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::sqlite::{Link, SqliteFile, Use};
use crate::connector::vet::quote;

const STAGING: &str = "temp.nomaflow_staging";

/// A target that has been looked at; nothing is open yet.
pub(super) struct SqliteTarget {
    file: Arc<SqliteFile>,
    place: Place,
    cancel: CancelToken,
    job: Job,
    tastes: Vec<Taste>,
}

/// What will be done on the thread of the connection.
struct Job {
    spec: SqlCopySpec,
    /// As the target is to see them.
    source: Vec<SourceColumn>,
    side: Option<SideTable>,
}

/// Looks at the target.
pub(super) async fn open(
    spec: &SqlCopySpec,
    file: &Arc<SqliteFile>,
    place: &Place,
    source: &[SourceColumn],
    side: Option<SideTable>,
    cancel: &CancelToken,
) -> Result<SqliteTarget, StepError> {
    let (target, columns) = (spec.target.clone(), source.to_vec());
    let look = move |link: &Link| {
        let existing = table_columns(link, target.schema.as_deref(), &target.table)?;
        if existing.is_empty() {
            return Ok(columns.iter().map(|c| taste(&c.source_type.for_sqlite())).collect());
        }
        let names = plan::map_columns(&columns, &existing, &target.table, link.place())?;
        let of = |name: &String| existing.iter().find(|c| c.name == *name).map_or(Taste::Text, |c| taste(&c.type_name));
        Ok(names.iter().map(of).collect())
    };
    let tastes = file.work(place, Use::Step(Access::ReadWrite), cancel, look).await?;
    let job = Job { spec: spec.clone(), source: source.to_vec(), side };
    Ok(SqliteTarget { file: Arc::clone(file), place: place.clone(), cancel: cancel.clone(), job, tastes })
}

fn taste(declared: &str) -> Taste {
    use super::types::Standard as S;
    match (SourceType::Sqlite { declared: declared.to_owned() }).standard() {
        S::Bigint | S::Double | S::Numeric(_) => Taste::Number,
        S::Date | S::Time | S::Timestamp | S::Timestamptz | S::Boolean => Taste::Other,
        S::Text | S::Varchar(_) | S::Bytes => Taste::Text,
    }
}

#[async_trait]
impl Destination for SqliteTarget {
    fn encoding(&self) -> Encoding {
        Encoding::Cells
    }

    fn tastes(&self) -> Vec<Taste> {
        self.tastes.clone()
    }

    fn describe(&self) -> &'static str {
        match self.job.spec.mode {
            CopyMode::Overwrite => "in one transaction, in place of the rows that are there",
            CopyMode::Append => "appending",
            CopyMode::Upsert => "by key, through a staging table",
        }
    }

    async fn write(
        self: Box<Self>,
        chunks: Receiver<Message>,
        progress: Arc<Progress>,
    ) -> Result<Option<Written>, StepError> {
        let Self { file, place, cancel, job, .. } = *self;
        let work = move |link: &Link| job.run(link, chunks, &progress);
        file.work(&place, Use::Step(Access::ReadWrite), &cancel, work).await
    }
}

impl Job {
    fn run(
        &self,
        link: &Link,
        mut chunks: Receiver<Message>,
        progress: &Progress,
    ) -> Result<Option<Written>, StepError> {
        let (target, mode) = (&self.spec.target, self.spec.mode);
        // Off, or emptying the table would reach into the tables that refer to it; they are checked before the commit.
        link.batch("PRAGMA foreign_keys = off")?;
        link.batch("BEGIN IMMEDIATE")?;
        if let Some(side) = &self.side {
            link.batch(&side.create())?;
        }
        let path = quoted_table(target.schema.as_deref(), &target.table);
        let existing = self.make_table(link, &path)?;
        let names = plan::map_columns(&self.source, &existing, &target.table, link.place())?;
        let keys = match mode {
            CopyMode::Upsert => {
                let keys = Keys::for_upsert(&existing, &names, &self.spec.key_columns, &target.table, link.place())?;
                stage(link, &existing, &keys, &names)?;
                Some(keys)
            }
            CopyMode::Overwrite => {
                link.batch(&format!("DELETE FROM {path}"))?;
                None
            }
            CopyMode::Append => None,
        };
        let into = if keys.is_some() { STAGING } else { path.as_str() };
        let insert = Insert::prepare(link, into, &names, self.side.as_ref())?;
        let Some(loaded) = insert.take_all(&mut chunks, progress)? else { return Ok(None) };
        let stored = self.check(link, into, &names, &loaded, progress)?;
        let changes = keys.map(|keys| merge(link, &path, &keys)).transpose()?;
        check_references(link, &target.table)?;
        // Nobody else can have added rows since they were counted.
        let target_rows = if mode == CopyMode::Overwrite { stored } else { count(link, &path)? };
        link.batch("COMMIT")?;
        Ok(Some(Written { rows: loaded.rows, skipped: loaded.skipped, target_rows, changes }))
    }

    /// The columns of the table, which is made when there is none.
    fn make_table(&self, link: &Link, path: &str) -> Result<Vec<TableColumn>, StepError> {
        let target = &self.spec.target;
        let existing = table_columns(link, target.schema.as_deref(), &target.table)?;
        if !existing.is_empty() {
            return Ok(existing);
        }
        let names: Vec<String> = self.source.iter().map(|c| c.name.clone()).collect();
        plan::check_unique(&names, link.place())?;
        link.batch(&plan::create_table(path, &self.spec, &self.source, Dialect::Sqlite, link.place())?)?;
        table_columns(link, target.schema.as_deref(), &target.table)
    }

    /// Compares counts, and the checksum if it is asked for, with what is stored now; how many rows that are.
    fn check(
        &self,
        link: &Link,
        into: &str,
        names: &[String],
        loaded: &Loaded,
        progress: &Progress,
    ) -> Result<u64, StepError> {
        let table = &self.spec.target.table;
        let stored = if self.spec.mode == CopyMode::Append { loaded.rows } else { count(link, into)? };
        check_counts(progress, stored + loaded.skipped, link.place(), table)?;
        if self.spec.verify == Verify::Checksum {
            check_sums(loaded.sum, checksum(link, into, names)?, link.place(), table)?;
        }
        Ok(stored)
    }
}

/// The temporary table of an upsert: the copied columns, and the key, so that a second row with it is refused by name.
fn stage(link: &Link, existing: &[TableColumn], keys: &Keys, names: &[String]) -> Result<(), StepError> {
    let column = |name: &String| {
        let known = existing.iter().find(|c| c.name == *name);
        let must = keys.keys.contains(name) || known.is_some_and(|c| c.is_not_null);
        let type_name = known.map_or("", |c| c.type_name.as_str());
        format!("{} {type_name}{}", quote(name), if must { " not null" } else { "" })
    };
    let columns = names.iter().map(column).collect::<Vec<_>>().join(", ");
    link.batch(&format!("CREATE TEMP TABLE nomaflow_staging ({columns}, unique ({}))", keys.list()))
}

/// Brings the rows of the temporary table into `path`.
fn merge(link: &Link, path: &str, keys: &Keys) -> Result<Changes, StepError> {
    let statements = keys.statements(path, STAGING, "is not", |side, name| format!("{side}.{}", quote(name)));
    let run = |sql: &str| -> Result<u64, StepError> {
        link.check()?;
        link.conn.execute(sql, []).map(|changed| changed as u64).map_err(|e| link.fail(&e, sql))
    };
    let updated = statements.update.as_deref().map_or(Ok(0), run)?;
    Ok(Changes { updated, inserted: run(&statements.insert)? })
}

fn checksum(link: &Link, path: &str, names: &[String]) -> Result<u64, StepError> {
    let list = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {list} FROM {path}");
    let read = || -> rusqlite::Result<u64> {
        let mut prepared = link.conn.prepare(&sql)?;
        let mut rows = prepared.raw_query();
        let mut sum = 0_u64;
        while let Some(row) = rows.next()? {
            let mut hash = RowHash::default();
            for n in 0..names.len() {
                let cell = row.get_ref(n)?;
                // Text that is not UTF-8 came as bytes and is hashed as such.
                hash.cell(sqlite_cell(cell).unwrap_or_else(|| Cell::Bytes(cell.as_bytes().unwrap_or_default())));
            }
            sum = sum.wrapping_add(hash.finish());
        }
        Ok(sum)
    };
    read().map_err(|e| link.fail(&e, &sql))
}

fn count(link: &Link, path: &str) -> Result<u64, StepError> {
    let sql = format!("select count(*) from {path}");
    let rows: i64 = link.conn.query_row(&sql, [], |row| row.get(0)).map_err(|e| link.fail(&e, &sql))?;
    Ok(rows.unsigned_abs())
}

/// Rows elsewhere that refer to a row which is gone now, and rows here that refer to none.
fn check_references(link: &Link, table: &str) -> Result<(), StepError> {
    let sql = "select c.\"table\", c.parent, count(*) from (select distinct m.name from sqlite_schema m, \
        pragma_foreign_key_list(m.name) f where m.type = 'table' and (f.\"table\" = ?1 collate nocase or m.name = ?1 collate nocase)) t, \
        pragma_foreign_key_check(t.name) c where c.parent = ?1 collate nocase or c.\"table\" = ?1 collate nocase group by 1, 2";
    let find = || -> rusqlite::Result<Option<(String, String, i64)>> {
        let mut prepared = link.conn.prepare(sql)?;
        let mut rows = prepared.query([table])?;
        rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).transpose()
    };
    match find().map_err(|e| link.fail(&e, sql))? {
        None => Ok(()),
        Some((child, parent, rows)) => {
            let text = format!(
                "{rows} rows of `{child}` would refer to rows that `{parent}` does not have, so `{table}` is left as it was"
            );
            let mut error =
                StepError::new(StepErrorKind::Failed, format!("connector `{}`: {text}", link.place().connector));
            error.may_retry = false;
            Err(error)
        }
    }
}
