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
//! upsert                   Upsert   the same by the keys of the step, and nothing is deleted
//! ```
//!
//! Swap keeps: primary key, indexes, constraints and their names, defaults, generated columns, comments, owner, grants,
//! storage options. While the rows are on their way the transaction holds the weakest lock on the old table, so readers
//! and writers go on and only another's ALTER TABLE waits (what writers add meanwhile is replaced). The exclusive lock is
//! asked for again and again, briefly each time, so that a reader who takes long delays the swap and hardly the other
//! readers; when nobody lets go for half a minute, the staged rows go into the table itself as with Refill.

mod by_key;
mod catalog;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SqlCopySpec, Verify};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::check::{check_counts, check_sums};
use super::checksum::RowHash;
use super::coerce::Taste;
use super::load::{self, Intake};
use super::plan::{self, SourceColumn, TableColumn, quoted_table};
use super::postgres_source::table_columns;
use super::progress::Progress;
use super::row::{Encoding, Message};
use super::side::{Changes, Destination, Loaded, Written};
use super::staged::Keys;
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use crate::connector::postgres::Lease;
use crate::connector::postgres::copy_in::CopyColumns;
use crate::connector::postgres::kind::Kind;
use crate::connector::postgres::statement::Decoder;
use crate::connector::vet::quote;

pub(super) use catalog::Names;
use catalog::{Dependents, Rebuild};

/// Attempts to get the exclusive lock for the swap: half a minute in all. Each waits [`LOCK_TIMEOUT`], because readers
/// who come meanwhile wait behind it, and then lets them go on for [`LOCK_PAUSE`].
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_TIMEOUT: &str = "300ms";
const LOCK_PAUSE: Duration = Duration::from_millis(300);

/// A target in its open transaction, ready to receive rows.
pub(super) struct PgTarget {
    lease: Lease,
    /// The live table, quoted.
    path: String,
    /// As the step names it.
    schema: Option<String>,
    table: String,
    /// Where the rows go, quoted.
    into: String,
    columns: CopyColumns,
    way: Way,
    side: Option<SideTable>,
    verify: Verify,
}

enum Way {
    Create,
    Append,
    Swap(Box<Rebuild>),
    Refill,
    Merge(Keys),
    Upsert(Keys),
}

/// Opens the transaction and makes the place the rows go to. `source` are the columns as the target is to see them.
pub(super) async fn open(
    mut lease: Lease,
    spec: &SqlCopySpec,
    source: &[SourceColumn],
    side: Option<SideTable>,
) -> Result<PgTarget, StepError> {
    let target = &spec.target;
    let path = quoted_table(target.schema.as_deref(), &target.table);
    let place = lease.stop.place.clone();
    lease.batch("begin").await?;
    catalog::lock_copy(&mut lease, &path, &target.table).await?;
    if let Some(side) = &side {
        lease.batch(&side.create()).await?;
    }
    let table = target.table.clone();
    let make = |lease, into, columns, way| PgTarget {
        lease,
        path: path.clone(),
        schema: target.schema.clone(),
        table: table.clone(),
        into,
        columns,
        way,
        side: side.clone(),
        verify: spec.verify,
    };
    let Some(existing) = table_columns(&mut lease, &path).await? else {
        let names: Vec<String> = source.iter().map(|c| c.name.clone()).collect();
        plan::check_unique(&names, &place)?;
        lease.batch(&plan::create_table(&path, spec, source, Dialect::Postgres, &place)?).await?;
        let columns = describe(&mut lease, &path, &names).await?;
        return Ok(make(lease, path.clone(), columns, Way::Create));
    };
    let names = plan::map_columns(source, &existing, &table, &place)?;
    let columns = describe(&mut lease, &path, &names).await?;
    let (into, way) = choose(&mut lease, spec, &path, &existing, &names, side.is_some(), &place).await?;
    Ok(make(lease, into, columns, way))
}

/// Decides how the rows reach a table that is there, and makes the place they go to.
async fn choose(
    lease: &mut Lease,
    spec: &SqlCopySpec,
    path: &str,
    existing: &[TableColumn],
    names: &[String],
    skips: bool,
    place: &Place,
) -> Result<(String, Way), StepError> {
    let table = &spec.target.table;
    match spec.mode {
        CopyMode::Append => return Ok((path.to_owned(), Way::Append)),
        CopyMode::Upsert => {
            let keys = Keys::for_upsert(existing, names, &spec.key_columns, table, place)?;
            return Ok((by_key::stage(lease, path, existing, &keys, names, skips).await?, Way::Upsert(keys)));
        }
        CopyMode::Overwrite => {}
    }
    Ok(match catalog::find_dependents(lease, path, table).await? {
        Dependents::ForeignKeys(key_name) => {
            let keys = Keys::of(existing, names, &[]).ok_or_else(|| {
                place.definition(format!(
                    "the table `{table}` cannot be overwritten: the foreign key {key_name} refers to it, and it has no \
                     primary key among the copied columns to update its rows by"
                ))
            })?;
            (by_key::stage(lease, path, existing, &keys, names, skips).await?, Way::Merge(keys))
        }
        Dependents::Others => {
            lease.batch(&format!("delete from {path}")).await?;
            (path.to_owned(), Way::Refill)
        }
        Dependents::None => {
            let rebuild = Rebuild::read(lease, path, spec.target.schema.as_deref()).await?;
            rebuild.make(lease, path).await?;
            if skips {
                // Every rule must be in force while rows arrive, so that it is a row that breaks it.
                for statement in &rebuild.before_swap {
                    lease.batch(statement).await?;
                }
            }
            (rebuild.staging.clone(), Way::Swap(Box::new(rebuild)))
        }
    })
}

async fn describe(lease: &mut Lease, path: &str, names: &[String]) -> Result<CopyColumns, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    stop.guard(path, async { Ok(CopyColumns::describe(conn, path, names).await?) }).await
}

#[async_trait]
impl Destination for PgTarget {
    fn encoding(&self) -> Encoding {
        Encoding::Copy(self.columns.clone())
    }

    fn tastes(&self) -> Vec<Taste> {
        let taste = |kind: &Kind| match kind {
            Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid | Kind::Float4 | Kind::Float8 | Kind::Numeric => {
                Taste::Number
            }
            Kind::Text | Kind::Bytea | Kind::Void | Kind::Other => Taste::Text,
            Kind::Bool | Kind::Date | Kind::Time | Kind::Timestamp | Kind::Timestamptz => Taste::Other,
            Kind::Uuid | Kind::Json | Kind::Jsonb | Kind::Label => Taste::Other,
        };
        self.columns.kinds().iter().map(taste).collect()
    }

    fn describe(&self) -> &'static str {
        match self.way {
            Way::Create => "creating the table",
            Way::Append => "appending",
            Way::Swap(_) => "through a staging table and a swap",
            Way::Refill => "in place, because something depends on the table",
            Way::Merge(_) => "by primary key, because foreign keys refer to the table",
            Way::Upsert(_) => "by key, through a staging table",
        }
    }

    async fn write(
        self: Box<Self>,
        chunks: Receiver<Message>,
        progress: Arc<Progress>,
    ) -> Result<Option<Written>, StepError> {
        // A connection that failed here is closed, never lent again: dropping it is enough.
        let mut target = *self;
        let names = match &target.way {
            Way::Swap(rebuild) => rebuild.names.clone(),
            Way::Merge(_) | Way::Upsert(_) => Names::of_temporary(&target.table),
            Way::Create | Way::Append | Way::Refill => Names::default(),
        };
        let written = target.run(&names, chunks, &progress).await.map_err(|error| names.tell_error(error))?;
        if written.is_some() {
            target.lease.release().await;
        }
        Ok(written)
    }
}

impl PgTarget {
    async fn run(
        &mut self,
        names: &Names,
        chunks: Receiver<Message>,
        progress: &Progress,
    ) -> Result<Option<Written>, StepError> {
        let into = Intake { table: &self.into, is_new: matches!(self.way, Way::Create | Way::Swap(_)), names };
        let side = self.side.as_ref();
        let loaded = load::load(&mut self.lease, into, &self.columns, side, chunks, progress).await?;
        let Some(loaded) = loaded else { return Ok(None) };
        self.finish(loaded, progress).await.map(Some)
    }

    /// Checks what arrived, puts it in place and commits.
    async fn finish(&mut self, loaded: Loaded, progress: &Progress) -> Result<Written, StepError> {
        let place = self.lease.stop.place.clone();
        check_counts(progress, loaded.rows + loaded.skipped, &place, &self.table)?;
        if self.verify == Verify::Checksum {
            let stored = self.checksum().await?;
            check_sums(loaded.sum, stored, &place, &self.table)?;
        }
        let mut changes = None;
        match &self.way {
            Way::Create | Way::Append | Way::Refill => {}
            Way::Merge(keys) => drop(by_key::apply(&mut self.lease, &self.path, keys, &self.columns, true).await?),
            Way::Upsert(keys) => {
                let made: Changes = by_key::apply(&mut self.lease, &self.path, keys, &self.columns, false).await?;
                changes = Some(made);
            }
            Way::Swap(rebuild) => {
                // With a side table they are in force already.
                let missing = if self.side.is_some() { &[] } else { rebuild.before_swap.as_slice() };
                for statement in missing {
                    self.lease.batch(statement).await?;
                }
                // Plans made in the first minutes would be wild guesses otherwise.
                self.lease.batch(&catalog::brief_statistics(&self.into)).await?;
                self.lease.batch(&format!("analyze {}", self.into)).await?;
                // One COPY ends with the server's own count, which was compared above; of many, the sum is ours.
                if self.side.is_some() {
                    let staged = count(&mut self.lease, &self.into).await?;
                    check_counts(progress, staged + loaded.skipped, &place, &self.table)?;
                }
                if !swap(&mut self.lease, &self.path, self.schema.as_deref(), &self.table, rebuild).await? {
                    let rows = refill(&mut self.lease, &self.path, &self.into, &self.columns).await?;
                    check_counts(progress, rows + loaded.skipped, &place, &self.table)?;
                }
            }
        }
        let target_rows = match self.way {
            // Nobody else can have added rows to these.
            Way::Create | Way::Swap(_) => loaded.rows,
            Way::Append | Way::Refill | Way::Merge(_) | Way::Upsert(_) => count(&mut self.lease, &self.path).await?,
        };
        self.lease.batch("commit").await?;
        Ok(Written { rows: loaded.rows, skipped: loaded.skipped, target_rows, changes })
    }

    /// Reads back what has been stored, before anybody else can see it.
    async fn checksum(&mut self) -> Result<u64, StepError> {
        let list = self.columns.names().iter().map(|n| quote(n)).collect::<Vec<_>>();
        let as_text =
            |(name, kind): (&String, &Kind)| if *kind == Kind::Other { format!("{name}::text") } else { name.clone() };
        let list: Vec<String> = list.iter().zip(self.columns.kinds()).map(as_text).collect();
        let sql = format!("select {} from {}", list.join(", "), self.into);
        let stop = self.lease.stop.clone();
        let conn = &mut self.lease.conn;
        let work = async {
            let mut sum = 0_u64;
            let mut decoder: Option<Decoder> = None;
            let mut rows = sqlx::query(AssertSqlSafe(sql.as_str())).fetch(conn);
            while let Some(row) = rows.try_next().await? {
                let decoder = decoder.get_or_insert_with(|| Decoder::of(row.columns()));
                let mut hash = RowHash::default();
                for n in 0..decoder.kinds.len() {
                    hash.cell(Cell::from(&decoder.cell(&row, n, &stop)?));
                }
                sum = sum.wrapping_add(hash.finish());
            }
            Ok(sum)
        };
        stop.guard(&sql, work).await
    }
}

async fn count(lease: &mut Lease, path: &str) -> Result<u64, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let sql = format!("select count(*) from {path}");
    let work = async { Ok(sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql.as_str())).fetch_one(conn).await?) };
    Ok(stop.guard(&sql, work).await?.unsigned_abs())
}

/// The moment readers see the new rows. False when somebody has kept the table busy all the time, or given it an index, a
/// grant or a trigger while the rows were on their way, which would go with the old table.
async fn swap(
    lease: &mut Lease,
    path: &str,
    schema: Option<&str>,
    table: &str,
    rebuild: &Rebuild,
) -> Result<bool, StepError> {
    lease.batch(&format!("set local lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    let mut attempt = 1;
    loop {
        lease.batch("savepoint before_swap").await?;
        match lease.batch(&format!("lock table {path} in access exclusive mode")).await {
            Ok(()) => break,
            Err(error) if error.detail.contains("SQLSTATE 55P03") => {
                lease.batch("rollback to savepoint before_swap").await?;
                if attempt == LOCK_ATTEMPTS {
                    return Ok(false);
                }
                attempt += 1;
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    let has_others = matches!(catalog::find_dependents(lease, path, table).await?, Dependents::Others);
    if has_others || Rebuild::read(lease, path, schema).await? != *rebuild {
        lease.batch("rollback to savepoint before_swap").await?;
        return Ok(false);
    }
    // A foreign key may have come to refer to the table; DROP without CASCADE refuses.
    lease.batch(&format!("drop table {path}")).await?;
    lease.batch(&format!("alter table {} rename to {}", rebuild.staging, quote(table))).await?;
    for statement in &rebuild.after_swap {
        lease.batch(statement).await?;
    }
    Ok(true)
}

/// What the swap does, done with the rows alone: slower, but behind nobody's back and in nobody's way. How many went in.
async fn refill(lease: &mut Lease, path: &str, staging: &str, columns: &CopyColumns) -> Result<u64, StepError> {
    let list = columns.names().iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
    lease.batch("set local lock_timeout = 0").await?;
    lease.batch(&format!("delete from {path}")).await?;
    let insert = format!("insert into {path} ({list}) overriding system value select {list} from {staging}");
    let rows = lease.execute(&insert).await?;
    lease.batch(&format!("drop table {staging}")).await?;
    Ok(rows)
}
