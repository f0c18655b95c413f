//! Replacing or extending a PostgreSQL table so that no reader ever sees it empty or half full, and so that a copy which
//! dies at any point leaves the old table whole.
//!
//! Everything happens in one transaction on one connection: whatever becomes of the process, the server rolls back, so
//! there are no leftovers to clean. How, is decided by what depends on the table:
//!
//! ```text
//! no such table            Create   create it with derived types, COPY
//! append                   Append   COPY
//! nothing depends on it    Swap     staging table LIKE it, COPY, indexes and foreign keys, count, then
//!                                   DROP old + RENAME staging + RENAME indexes; readers wait milliseconds
//! views, triggers, owned   Refill   DELETE + COPY into the table itself; readers go on with the old rows, at the
//! sequences, policies, …            price of dead rows for vacuum
//! foreign keys from others Merge    COPY into a temporary table, update and insert by primary key, delete the rest,
//!                                   so that rows others refer to are never gone
//! ```
//!
//! Swap keeps: primary key, indexes, constraints and their names, defaults, generated columns, comments, owner, grants,
//! storage options. While the rows are on their way the transaction holds the weakest lock on the old table, so readers
//! and writers go on and only another's ALTER TABLE waits (what writers add meanwhile is replaced). The exclusive lock is asked for with a short timeout and a few retries: a long-running reader
//! delays the swap, never the other readers.

mod catalog;
mod merge;

use host_model::StepError;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, CopyTarget};
use sqlx::AssertSqlSafe;

use super::plan::{self, Source, quoted_table};
use super::progress::Progress;
use super::write::{Written, check_counts};
use crate::connector::postgres::Lease;
use crate::connector::postgres::copy_in::CopyColumns;
use crate::connector::vet::quote;

use catalog::{Dependents, Rebuild};

/// Attempts to get the exclusive lock for the swap, each waiting [`LOCK_TIMEOUT`] at most.
const LOCK_ATTEMPTS: u32 = 6;
const LOCK_TIMEOUT: &str = "5s";

/// A target in its open transaction, ready to receive rows.
pub(super) struct PgTarget {
    /// The live table, quoted.
    path: String,
    table: String,
    /// Where the rows go, quoted.
    pub(super) into: String,
    pub(super) columns: CopyColumns,
    way: Way,
}

enum Way {
    Create,
    Append,
    Swap(Box<Rebuild>),
    Refill,
    Merge(merge::Keys),
}

impl PgTarget {
    /// One word for the log.
    pub(super) fn describe(&self) -> &'static str {
        match self.way {
            Way::Create => "creating the table",
            Way::Append => "appending",
            Way::Swap(_) => "through a staging table and a swap",
            Way::Refill => "in place, because something depends on the table",
            Way::Merge(_) => "by primary key, because foreign keys refer to the table",
        }
    }
}

/// Opens the transaction and makes the place the rows go to.
pub(super) async fn open(
    lease: &mut Lease,
    target: &CopyTarget,
    mode: CopyMode,
    source: &Source,
) -> Result<PgTarget, StepError> {
    let path = quoted_table(target.schema.as_deref(), &target.table);
    let place = lease.stop.place.clone();
    lease.batch("begin").await?;
    catalog::lock_copy(lease, &path, &target.table).await?;
    let table = target.table.clone();
    let Some(existing) = plan::postgres_table(lease, &path).await? else {
        if mode == CopyMode::Append {
            return Err(place.definition(format!("there is no table `{table}` to append to")));
        }
        let names: Vec<String> = source.columns.iter().map(|c| c.name.clone()).collect();
        plan::check_unique(&names, &place)?;
        lease.batch(&plan::create_table(&path, source, Dialect::Postgres)).await?;
        let columns = describe(lease, &path, &names).await?;
        return Ok(PgTarget { into: path.clone(), path, table, columns, way: Way::Create });
    };
    let names = plan::map_columns(source, &existing, &table, &place)?;
    let columns = describe(lease, &path, &names).await?;
    if mode == CopyMode::Append {
        return Ok(PgTarget { into: path.clone(), path, table, columns, way: Way::Append });
    }
    let dependents = catalog::find_dependents(lease, &path, &table).await?;
    let (into, way) = match dependents {
        Dependents::ForeignKeys(key_name) => {
            let keys = merge::Keys::of(&existing, &names).ok_or_else(|| {
                place.definition(format!(
                    "the table `{table}` cannot be overwritten: the foreign key {key_name} refers to it, and it has no \
                     primary key among the copied columns to update its rows by"
                ))
            })?;
            (merge::stage(lease, &path).await?, Way::Merge(keys))
        }
        Dependents::Others => {
            lease.batch(&format!("delete from {path}")).await?;
            (path.clone(), Way::Refill)
        }
        Dependents::None => {
            let rebuild = Rebuild::read(lease, &path, target.schema.as_deref()).await?;
            // All but indexes, which are built faster once the rows are there.
            lease
                .batch(&format!("create table {} (like {path} including all excluding indexes)", rebuild.staging))
                .await?;
            (rebuild.staging.clone(), Way::Swap(Box::new(rebuild)))
        }
    };
    Ok(PgTarget { path, table, into, columns, way })
}

async fn describe(lease: &mut Lease, path: &str, names: &[String]) -> Result<CopyColumns, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    stop.guard(path, async { Ok(CopyColumns::describe(conn, path, names).await?) }).await
}

/// Checks what arrived, puts it in place and commits.
pub(super) async fn finish(
    lease: &mut Lease,
    target: PgTarget,
    arrived: u64,
    progress: &Progress,
) -> Result<Written, StepError> {
    let place = lease.stop.place.clone();
    check_counts(progress, arrived, &place, &target.table)?;
    match &target.way {
        Way::Create | Way::Append | Way::Refill => {}
        Way::Merge(keys) => merge::apply(lease, &target.path, &target.into, keys).await?,
        Way::Swap(rebuild) => {
            for statement in &rebuild.before_swap {
                lease.batch(statement).await?;
            }
            // Plans made in the first minutes would be wild guesses otherwise.
            lease.batch(&format!("analyze {}", target.into)).await?;
            check_counts(progress, count(lease, &target.into).await?, &place, &target.table)?;
            swap(lease, &target, rebuild).await?;
        }
    }
    let target_rows = match target.way {
        // Nobody else can have added rows to these.
        Way::Create | Way::Swap(_) => arrived,
        Way::Append | Way::Refill | Way::Merge(_) => count(lease, &target.path).await?,
    };
    lease.batch("commit").await?;
    Ok(Written { rows: arrived, target_rows })
}

async fn count(lease: &mut Lease, path: &str) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let sql = format!("select count(*) from {path}");
    let work = async { Ok(sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql.as_str())).fetch_one(conn).await?) };
    Ok(stop.guard(&sql, work).await?.unsigned_abs())
}

/// The moment readers see the new rows.
async fn swap(lease: &mut Lease, target: &PgTarget, rebuild: &Rebuild) -> Result<(), StepError> {
    lease.batch(&format!("set local lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    let mut attempt = 1;
    loop {
        lease.batch("savepoint before_swap").await?;
        match lease.batch(&format!("lock table {} in access exclusive mode", target.path)).await {
            Ok(()) => break,
            Err(error) if attempt < LOCK_ATTEMPTS && error.detail.contains("SQLSTATE 55P03") => {
                attempt += 1;
                lease.batch("rollback to savepoint before_swap").await?;
            }
            Err(error) => return Err(error),
        }
    }
    // Something may have come to depend on the table while the rows were on their way; DROP without CASCADE refuses.
    lease.batch(&format!("drop table {}", target.path)).await?;
    lease.batch(&format!("alter table {} rename to {}", target.into, quote(&target.table))).await?;
    for statement in &rebuild.after_swap {
        lease.batch(statement).await?;
    }
    Ok(())
}
