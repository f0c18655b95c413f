//! Replacing or extending a MySQL or MariaDB table so that no reader ever sees it empty or half full. Statements that
//! define tables commit by themselves here, so not everything can be one transaction; what readers see changes in one
//! statement all the same. How, is decided by what the table is:
//!
//! ```text
//! no such table            Create   under another name, which becomes the right one when the rows are there
//! append                   Append   INSERT in one transaction
//! nothing special          Swap     staging table LIKE it, rows, count, RENAME TABLE of both at once (atomic)
//! triggers, foreign keys   Refill   DELETE + INSERT in one transaction: RENAME would leave the triggers with the old
//! of its own, history               table, and LIKE copies no foreign keys
//! foreign keys from others Merge    rows into a temporary table, then deleted, updated and inserted by primary key
//! upsert                   Upsert   the same by the keys of the step, and nothing is deleted
//! ```
//!
//! Swap keeps: keys, indexes, defaults, generated columns, checks, comments, partitions, the next AUTO_INCREMENT; grants
//! and views go by the table's name. A copy that is killed leaves at most a staging table, which the next one removes; a
//! lock by name keeps two copies into one table apart.

mod by_key;
mod catalog;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use host_model::StepError;
use host_model::connector::Dialect;
use host_model::job::spec::{CopyMode, SqlCopySpec, Verify};
use host_model::value::Value;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc::Receiver;

use super::bad_rows::SideTable;
use super::check::{check_counts, check_sums};
use super::checksum::RowHash;
use super::coerce::Taste;
use super::mysql_insert::{self, Order};
use super::mysql_source::table_columns;
use super::plan::{self, SourceColumn, TableColumn};
use super::progress::Progress;
use super::row::{Encoding, Message};
use super::side::{Destination, Loaded, Written};
use super::staged::Keys;
use crate::connector::mysql::Lease;
use crate::connector::mysql::insert::Columns;
use crate::connector::mysql::kind::{Kind, Wire};
use crate::connector::mysql::statement::Decoder;
use crate::connector::vet::mysql_quote;
use catalog::{Names, Table};

/// Attempts to get the table for the swap: each waits a second (the server counts in seconds), because readers who come
/// meanwhile wait behind it, and then lets them go on.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// A target that has been looked at, ready to receive rows.
pub(super) struct MySqlTarget {
    lease: Lease,
    names: Names,
    /// As the step names it.
    schema: Option<String>,
    table: String,
    /// Where the rows go, quoted.
    into: String,
    columns: Columns,
    way: Way,
    is_transactional: bool,
    side: Option<SideTable>,
    verify: Verify,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Create,
    Append,
    Swap,
    Refill,
    Merge(Keys),
    Upsert(Keys),
}

impl Way {
    /// Whether the rows go to a table that nobody knows.
    fn is_hidden(&self) -> bool {
        matches!(self, Self::Create | Self::Swap)
    }
}

/// Makes the place the rows go to. `source` are the columns as the target is to see them.
pub(super) async fn open(
    mut lease: Lease,
    spec: &SqlCopySpec,
    source: &[SourceColumn],
    side: Option<SideTable>,
) -> Result<MySqlTarget, StepError> {
    let (target, schema) = (&spec.target, spec.target.schema.as_deref());
    let place = lease.stop.place.clone();
    let names = Names::of(schema, &target.table);
    catalog::lock_copy(&mut lease, schema, &target.table).await?;
    lease.batch(&names.clean_up()).await?;
    if let Some(side) = &side {
        lease.batch(&side.create()).await?;
    }
    let (into, copied, way, is_transactional) = match catalog::look(&mut lease, schema, &target.table).await? {
        None => {
            let copied: Vec<String> = source.iter().map(|c| c.name.clone()).collect();
            plan::check_unique(&copied, &place)?;
            let way = if spec.mode == CopyMode::Append { Way::Append } else { Way::Create };
            lease.batch(&plan::create_table(&names.staging, spec, source, Dialect::MySql, &place)?).await?;
            (names.staging.clone(), copied, way, true)
        }
        Some(found) => {
            let existing = table_columns(&mut lease, schema, &target.table).await?.unwrap_or_default();
            let copied = plan::map_columns(source, &existing, &target.table, &place)?;
            let (into, way) = choose(&mut lease, spec, &names, &found, &existing, &copied).await?;
            if !found.is_transactional && !way.is_hidden() {
                return Err(place.definition(format!(
                    "the table `{}` uses the engine `{}`, which has no transactions, so a copy that fails would leave \
                     some of its rows; only `overwrite` can be done",
                    target.table, found.engine
                )));
            }
            (into, copied, way, found.is_transactional)
        }
    };
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let columns = stop.guard(&into, async { Ok(Columns::describe(conn, &into, &copied).await?) }).await?;
    Ok(MySqlTarget {
        lease,
        names,
        schema: target.schema.clone(),
        table: target.table.clone(),
        into,
        columns,
        way,
        is_transactional,
        side,
        verify: spec.verify,
    })
}

/// Decides how the rows reach a table that is there, and makes the place they go to.
async fn choose(
    lease: &mut Lease,
    spec: &SqlCopySpec,
    names: &Names,
    found: &Table,
    existing: &[TableColumn],
    copied: &[String],
) -> Result<(String, Way), StepError> {
    let place = lease.stop.place.clone();
    let table = &spec.target.table;
    match spec.mode {
        CopyMode::Append => return Ok((names.path.clone(), Way::Append)),
        CopyMode::Upsert => {
            let keys = Keys::for_upsert(existing, copied, &spec.key_columns, table, &place)?;
            return Ok((by_key::stage(lease, names, spec, &keys, copied).await?, Way::Upsert(keys)));
        }
        CopyMode::Overwrite => {}
    }
    if let Some(name) = &found.referred_by {
        let keys = Keys::of(existing, copied, &[]).ok_or_else(|| {
            place.definition(format!(
                "the table `{table}` cannot be overwritten: the foreign key {name} refers to it, and it has no primary \
                 key among the copied columns to update its rows by"
            ))
        })?;
        return Ok((by_key::stage(lease, names, spec, &keys, copied).await?, Way::Merge(keys)));
    }
    if found.is_special {
        return Ok((names.path.clone(), Way::Refill));
    }
    match lease.batch(&format!("create table {} like {}", names.staging, names.path)).await {
        Ok(()) => {}
        // "CREATE command denied": the rows can go in all the same.
        Err(error) if error.detail.starts_with("error 1142") && found.is_transactional => {
            return Ok((names.path.clone(), Way::Refill));
        }
        Err(error) => return Err(error),
    }
    if let Some(next) = found.auto_increment {
        lease.batch(&format!("alter table {} auto_increment = {next}", names.staging)).await?;
    }
    Ok((names.staging.clone(), Way::Swap))
}

fn quoted<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|n| mysql_quote(n)).collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Destination for MySqlTarget {
    fn encoding(&self) -> Encoding {
        Encoding::Cells
    }

    fn tastes(&self) -> Vec<Taste> {
        let taste = |kind: &Kind| match kind {
            Kind::Int { .. } | Kind::Year | Kind::Float | Kind::Double | Kind::Decimal | Kind::Bit => Taste::Number,
            Kind::Date | Kind::Time | Kind::Datetime | Kind::Timestamp => Taste::Other,
            Kind::Text | Kind::Json | Kind::Bytes | Kind::Null => Taste::Text,
        };
        self.columns.kinds.iter().map(taste).collect()
    }

    fn describe(&self) -> &'static str {
        match self.way {
            Way::Create => "creating the table",
            Way::Append => "appending",
            Way::Swap => "through a staging table and a swap",
            Way::Refill => "in place, because of triggers, foreign keys or a history of the table",
            Way::Merge(_) => "by primary key, because foreign keys refer to the table",
            Way::Upsert(_) => "by key, through a staging table",
        }
    }

    async fn write(
        self: Box<Self>,
        chunks: Receiver<Message>,
        progress: Arc<Progress>,
    ) -> Result<Option<Written>, StepError> {
        let mut target = *self;
        let result = target.run(chunks, &progress).await;
        let is_hidden = target.way.is_hidden();
        let stop = target.lease.stop.clone();
        // Closing the connection rolls back and lets go of its locks.
        target.lease.release().await;
        if is_hidden && !matches!(result, Ok(Some(_))) {
            stop.tidy(&target.names.clean_up()).await;
        }
        result
    }
}

impl MySqlTarget {
    async fn run(&mut self, chunks: Receiver<Message>, progress: &Progress) -> Result<Option<Written>, StepError> {
        self.lease.batch("start transaction").await?;
        if self.way == Way::Refill {
            self.lease.batch(&format!("delete from {}", self.names.path)).await?;
        }
        let order = Order {
            into: &self.into,
            columns: &self.columns,
            side: self.side.as_ref(),
            is_hidden: self.way.is_hidden(),
            is_transactional: self.is_transactional,
        };
        let Some(loaded) = mysql_insert::load(&mut self.lease, order, chunks, progress).await? else { return Ok(None) };
        self.finish(loaded, progress).await.map(Some)
    }

    /// Checks what arrived and puts it in place.
    async fn finish(&mut self, loaded: Loaded, progress: &Progress) -> Result<Written, StepError> {
        let place = self.lease.stop.place.clone();
        // An append cannot tell its rows from those that were there.
        let stored = match self.way {
            Way::Append => loaded.rows,
            _ => self.count(&self.into.clone()).await?,
        };
        check_counts(progress, stored + loaded.skipped, &place, &self.table)?;
        if self.verify == Verify::Checksum {
            let stored = self.checksum().await?;
            check_sums(loaded.sum, stored, &place, &self.table)?;
        }
        let mut changes = None;
        match self.way.clone() {
            Way::Append | Way::Refill => {}
            Way::Merge(keys) => drop(self.apply(&keys, true).await?),
            Way::Upsert(keys) => changes = Some(self.apply(&keys, false).await?),
            Way::Create | Way::Swap => {
                self.lease.batch("commit").await?;
                self.swap().await?;
                return Ok(Written { rows: loaded.rows, skipped: loaded.skipped, target_rows: stored, changes });
            }
        }
        let target_rows = self.count(&self.names.path.clone()).await?;
        self.lease.batch("commit").await?;
        Ok(Written { rows: loaded.rows, skipped: loaded.skipped, target_rows, changes })
    }

    async fn count(&mut self, path: &str) -> Result<u64, StepError> {
        let rows = self.lease.select(&format!("select count(*) from {path}"), &[]).await?;
        Ok(match rows.first().map(Vec::as_slice) {
            Some([Value::Int(count)]) => count.unsigned_abs(),
            _ => 0,
        })
    }

    /// The moment readers see the new rows.
    async fn swap(&mut self) -> Result<(), StepError> {
        let Names { path, staging, old } = &self.names;
        let rename = match self.way {
            Way::Create => format!("rename table {staging} to {path}"),
            _ => format!("rename table {path} to {old}, {staging} to {path}"),
        };
        self.lease.batch("set session lock_wait_timeout = 1").await?;
        for attempt in 1.. {
            if self.way == Way::Swap && self.has_become_special().await? {
                return self.refill().await;
            }
            match self.lease.batch(&rename).await {
                Ok(()) => break,
                Err(error) if error.detail.starts_with("error 1205,") && self.way == Way::Swap => {
                    if attempt == LOCK_ATTEMPTS {
                        return self.refill().await;
                    }
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        if self.way == Way::Swap {
            // Readers have the new rows; what fails here is left for the next run.
            let _ = self.lease.batch(&format!("drop table if exists {}", self.names.old)).await;
        }
        Ok(())
    }

    /// Whether the table was given a trigger while the rows were on their way, which would go with the old table. A foreign
    /// key that has come to refer to it would be left alone by either way.
    async fn has_become_special(&mut self) -> Result<bool, StepError> {
        let found = catalog::look(&mut self.lease, self.schema.as_deref(), &self.table).await?;
        let found = found.as_ref();
        if let Some(name) = found.and_then(|table| table.referred_by.as_ref()) {
            let text = format!("the foreign key {name} has come to refer to `{}`, which is left as it was", self.table);
            return Err(StepError::remote(format!("connector `{}`: {text}", self.lease.stop.place.connector)));
        }
        Ok(found.is_some_and(|table| table.is_special))
    }

    /// What the swap does, done with the rows alone: slower, but in nobody's way.
    async fn refill(&mut self) -> Result<(), StepError> {
        let Names { path, staging, .. } = &self.names;
        if !self.is_transactional {
            let text =
                format!("somebody has kept the table `{}` busy all the time, so it is left as it was", self.table);
            return Err(StepError::remote(format!("connector `{}`: {text}", self.lease.stop.place.connector)));
        }
        let list = quoted(self.columns.names.iter());
        self.lease.batch("start transaction").await?;
        self.lease.batch(&format!("delete from {path}")).await?;
        self.lease.batch(&format!("insert into {path} ({list}) select {list} from {staging}")).await?;
        self.lease.batch("commit").await?;
        let _ = self.lease.batch(&format!("drop table if exists {staging}")).await;
        Ok(())
    }

    /// Reads back what has been stored, before anybody else can see it.
    async fn checksum(&mut self) -> Result<u64, StepError> {
        let sql = format!("select {} from {}", quoted(self.columns.names.iter()), self.into);
        let stop = self.lease.stop.clone();
        let (conn, traits) = (&mut self.lease.conn, &self.lease.traits);
        let work = async {
            let mut sum = 0_u64;
            let mut scratch = String::new();
            let mut decoder: Option<Decoder> = None;
            let mut rows = sqlx::query(AssertSqlSafe(sql.as_str())).fetch(conn);
            while let Some(row) = rows.try_next().await? {
                let decoder = decoder.get_or_insert_with(|| Decoder::of(row.columns(), Wire::Binary, traits));
                let mut hash = RowHash::default();
                for n in 0..decoder.kinds.len() {
                    hash.cell(decoder.cell(&row, n, &stop.place, &mut scratch)?);
                }
                sum = sum.wrapping_add(hash.finish());
            }
            Ok(sum)
        };
        stop.guard(&sql, work).await
    }
}
