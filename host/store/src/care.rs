//! The port's `StoreCare`: sizes, growth, what retention would remove, and the use of connections.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use host_model::care::{FireTime, LoadSlot, PoolUse, PruneEstimate, StoreCare, TableSize};
use host_model::port::StoreError;
use host_model::{Instant, RunId};

use crate::error::DbError;
use crate::load::load;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;

/// Tables that grow with time, and the condition on the rows of a span; `$1` and `$2` are run ids, `$3` and `$4` instants.
const GROWING: [(&str, Span); 7] = [
    ("ly2_job_runs", Span::Ids("id")),
    ("ly2_step_runs", Span::Ids("run_id")),
    ("ly2_job_logs", Span::Ids("run_id")),
    ("ly2_slots", Span::Times("due_at")),
    ("ly2_audit", Span::Times("at")),
    ("ly2_notify_deliveries", Span::Times("created_at")),
    ("ly2_job_versions", Span::Times("changed_at")),
];

enum Span {
    /// Run ids sort by time.
    Ids(&'static str),
    Times(&'static str),
}

/// Who waits for a connection at the moment.
#[derive(Debug, Default)]
pub(crate) struct Waiting(AtomicU32);

impl Waiting {
    /// Counts as long as `acquiring` takes.
    pub(crate) async fn over<T>(&self, acquiring: impl Future<Output = T>) -> T {
        let _one = One::of(&self.0);
        acquiring.await
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Also taken back when nobody waits any more for what it counts.
struct One<'c>(&'c AtomicU32);

impl<'c> One<'c> {
    fn of(count: &'c AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn first_id(at: Instant) -> RunId {
    RunId::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), 0)
}

async fn number(conn: &mut Conn<'_>, sql: &str, binds: &[Bind<'_>]) -> Result<u64, DbError> {
    let row = conn.fetch_optional(sql, binds).await?;
    row.map(|row| row.count("n")).transpose().map(Option::unwrap_or_default)
}

async fn table_sizes(conn: &mut Conn<'_>, since: Instant, now: Instant) -> Result<Vec<TableSize>, DbError> {
    // SQLite goes through its file once for all tables; PostgreSQL has its own figures, the rows as of the last ANALYZE.
    let sql = match conn {
        Conn::Sqlite(_) => {
            "select m.tbl_name as name, cast(sum(d.pgsize) as integer) as bytes, \
             cast(max(case when m.name = m.tbl_name then d.ncell end) as integer) as counted \
             from dbstat d join sqlite_master m on m.name = d.name \
             where d.aggregate = true and m.tbl_name glob 'ly2_*' group by m.tbl_name order by 2 desc, 1"
        }
        Conn::Postgres(..) => {
            "select c.relname::text as name, pg_total_relation_size(c.oid) as bytes, c.reltuples::bigint as counted \
             from pg_class c where c.relkind = 'r' and c.relname like 'ly2\\_%' \
             and c.relnamespace = (select m.relnamespace from pg_class m where m.oid = to_regclass('ly2_migrations')) \
             order by 2 desc, 1"
        }
    };
    let mut sizes = Vec::new();
    for row in conn.fetch_all(sql, &[]).await? {
        let name = row.text("name")?;
        let counted = row.opt_int("counted")?.unwrap_or(-1);
        // Counting a small table is cheap and exact; so is one that was never analyzed.
        const LARGE: i64 = 100_000;
        let rows = match u64::try_from(counted) {
            Ok(rows) if counted >= LARGE => rows,
            _ => number(conn, &format!("select count(*) as n from {name}"), &[]).await?,
        };
        let rows_per_day = growth(conn, &name, since, now).await?;
        sizes.push(TableSize {
            name,
            rows,
            bytes: row.opt_int("bytes")?.and_then(|n| u64::try_from(n).ok()),
            rows_per_day,
        });
    }
    Ok(sizes)
}

async fn growth(conn: &mut Conn<'_>, name: &str, since: Instant, now: Instant) -> Result<Option<f64>, DbError> {
    let Some((_, span)) = GROWING.iter().find(|(growing, _)| *growing == name) else { return Ok(None) };
    let (column, binds) = match span {
        Span::Ids(column) => (column, [Bind::word(first_id(since)), Bind::word(first_id(now))]),
        Span::Times(column) => (column, [Bind::at(since), Bind::at(now)]),
    };
    let sql = format!("select count(*) as n from {name} where {column} >= $1 and {column} < $2");
    let rows = number(conn, &sql, &binds).await?;
    let days = (now - since).as_seconds_f64() / 86_400.0;
    Ok(Some(rows as f64 / days.max(1.0 / 24.0)))
}

async fn estimate_prune(conn: &mut Conn<'_>, cutoff: Instant) -> Result<PruneEstimate, DbError> {
    let old = [Bind::word(first_id(cutoff)), Bind::at(cutoff)];
    let of_runs = |table: &str| {
        format!(
            "select count(*) as n from {table} t where t.run_id < $1 and exists \
             (select 1 from ly2_job_runs r where r.id = t.run_id and r.finished_at < $2)"
        )
    };
    let slots = "select count(*) as n from ly2_slots s where s.due_at < $1 and exists (select 1 from ly2_slots n \
                 where n.job_id = s.job_id and n.due_at > s.due_at and n.schedule = s.schedule)";
    Ok(PruneEstimate {
        run_rows: number(conn, "select count(*) as n from ly2_job_runs where id < $1 and finished_at < $2", &old)
            .await?,
        step_rows: number(conn, &of_runs("ly2_step_runs"), &old).await?,
        log_rows: number(conn, &of_runs("ly2_job_logs"), &old).await?,
        slot_rows: number(conn, slots, &[Bind::at(cutoff)]).await?,
    })
}

async fn fire_times(conn: &mut Conn<'_>, from: Instant, to: Instant, limit: u32) -> Result<Vec<FireTime>, DbError> {
    let sql = "select id, job_id, schedule, scheduled_at, queued_at, started_at from ly2_job_runs \
               where id >= $1 and id < $2 and triggered_by = 'cron' and scheduled_at is not null and status <> 'SKIPPED' \
               order by id desc limit $3";
    let binds = [Bind::word(first_id(from)), Bind::word(first_id(to)), Bind::int(limit)];
    let read = |row: &StoredRow| {
        Ok(FireTime {
            run_id: row.run_id("id")?,
            job_id: row.job_id()?,
            schedule: row.opt_text("schedule")?.unwrap_or_default(),
            due_at: row.at("scheduled_at")?,
            queued_at: row.at("queued_at")?,
            started_at: row.opt_at("started_at")?,
        })
    };
    conn.fetch_all(sql, &binds).await?.iter().map(read).collect()
}

#[async_trait]
impl StoreCare for SqlStore {
    async fn table_sizes(&self, since: Instant, now: Instant) -> Result<Vec<TableSize>, StoreError> {
        const OPERATION: &str = "measure the tables";
        let mut reader = self.reader(OPERATION).await?;
        table_sizes(&mut reader.conn(), since, now).await.map_err(|error| error.during(OPERATION))
    }

    async fn estimate_prune(&self, cutoff: Instant) -> Result<PruneEstimate, StoreError> {
        const OPERATION: &str = "count what is old";
        let mut reader = self.reader(OPERATION).await?;
        estimate_prune(&mut reader.conn(), cutoff).await.map_err(|error| error.during(OPERATION))
    }

    async fn fire_times(&self, from: Instant, to: Instant, limit: u32) -> Result<Vec<FireTime>, StoreError> {
        const OPERATION: &str = "list what schedules fired";
        let mut reader = self.reader(OPERATION).await?;
        fire_times(&mut reader.conn(), from, to, limit).await.map_err(|error| error.during(OPERATION))
    }

    async fn load(&self, from: Instant, to: Instant, width_seconds: u32) -> Result<Vec<LoadSlot>, StoreError> {
        const OPERATION: &str = "count how busy it was";
        let mut reader = self.reader(OPERATION).await?;
        load(&mut reader.conn(), from, to, width_seconds).await.map_err(|error| error.during(OPERATION))
    }

    fn pools(&self) -> Vec<PoolUse> {
        let (most, open, idle) = self.connections();
        let waiting = self.waiting().count();
        vec![PoolUse { name: "store".to_owned(), most, open, idle: u32::try_from(idle).unwrap_or(u32::MAX), waiting }]
    }
}
