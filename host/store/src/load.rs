//! How busy all processes together were: how many runs ran and waited at once, and how many lines they wrote, stretch by
//! stretch. Nothing is sampled: runs have their times and blocks of lines theirs, so what is drawn of a night is what
//! happened in it, whichever process did it and whether it is still there.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use host_model::Instant;
use host_model::care::LoadSlot;

use crate::care::first_id;
use crate::error::DbError;
use crate::sql::{Bind, Conn};

/// Runs that were queued earlier than this before the span are not looked for: ids sort by when a run was queued, and there is
/// no index by its end.
const LOOK_BACK: TimeDelta = TimeDelta::days(3);

/// What changed in a stretch: the most at once of what began in it, and by how much more there are at its end. The numbers
/// of a stretch count from the beginning of the data.
#[derive(Default)]
struct Change {
    most: i64,
    net: i64,
}

/// See [`host_model::care::StoreCare::load`].
pub(crate) async fn load(
    conn: &mut Conn<'_>,
    from: Instant,
    to: Instant,
    width_seconds: u32,
) -> Result<Vec<LoadSlot>, DbError> {
    let width = i64::from(width_seconds.max(1));
    let (first, last) = (from.timestamp().div_euclid(width), to.timestamp().div_euclid(width));
    let oldest = Bind::word(first_id(from - LOOK_BACK));
    let changes = changes(conn, width, oldest.clone(), from).await?;
    let lines = lines(conn, width, oldest, from).await?;
    let mut slots: Vec<LoadSlot> = (first..=last).map(|slot| LoadSlot { slot, ..LoadSlot::default() }).collect();
    for slot in &mut slots {
        slot.lines = lines.get(&slot.slot).copied().unwrap_or_default();
    }
    for (of, is_running) in [(&changes.0, false), (&changes.1, true)] {
        let mut level: i64 = of.range(..first).map(|(_, change)| change.net).sum();
        for slot in &mut slots {
            // What was there when the stretch began counts too.
            let most = of.get(&slot.slot).map_or(level, |change| change.most.max(level));
            level += of.get(&slot.slot).map_or(0, |change| change.net);
            let most = u64::try_from(most).unwrap_or_default();
            if is_running {
                slot.running = most;
            } else {
                slot.queued = most;
            }
        }
    }
    Ok(slots)
}

fn slot_of(conn: &Conn<'_>, column: &str, width: i64) -> String {
    match conn {
        Conn::Sqlite(_) => format!("cast(strftime('%s', {column}) as integer) / {width}"),
        Conn::Postgres(..) => format!("floor(extract(epoch from {column}))::bigint / {width}"),
    }
}

type ByStretch = BTreeMap<i64, Change>;

/// Of runs that wait, and of runs that run.
async fn changes(
    conn: &mut Conn<'_>,
    width: i64,
    oldest: Bind<'_>,
    from: Instant,
) -> Result<(ByStretch, ByStretch), DbError> {
    // At one instant those that go are counted before those that come: a run that follows another is not beside it.
    let sql = format!(
        "with r as (select queued_at, started_at, finished_at from ly2_job_runs \
                    where id >= $1 and status <> 'SKIPPED' and (finished_at is null or finished_at >= $2) \
                    union all select queued_at, started_at, finished_at from ly2_job_runs \
                              where status in ('QUEUED', 'RUNNING') and id < $1), \
         e as (select cast(0 as bigint) as kind, queued_at as at, 1 as d from r \
               union all select 0, coalesce(started_at, finished_at), -1 from r \
                         where coalesce(started_at, finished_at) is not null \
               union all select 1, started_at, 1 from r where started_at is not null \
               union all select 1, finished_at, -1 from r where started_at is not null and finished_at is not null), \
         n as (select kind, at, d, sum(d) over (partition by kind order by at, d rows unbounded preceding) as n from e) \
         select kind, {} as slot, cast(max(n) as bigint) as most, cast(sum(d) as bigint) as net from n group by 1, 2",
        slot_of(conn, "at", width)
    );
    let mut found = (ByStretch::new(), ByStretch::new());
    for row in conn.fetch_all(&sql, &[oldest, Bind::at(from)]).await? {
        let of = if row.int("kind")? == 0 { &mut found.0 } else { &mut found.1 };
        of.insert(row.int("slot")?, Change { most: row.int("most")?, net: row.int("net")? });
    }
    Ok(found)
}

/// A block has up to 32 lines that were written together; it counts where its last line does.
async fn lines(
    conn: &mut Conn<'_>,
    width: i64,
    oldest: Bind<'_>,
    from: Instant,
) -> Result<BTreeMap<i64, u64>, DbError> {
    let sql = format!(
        "select {} as slot, cast(sum(last_seq - first_seq + 1) as bigint) as lines from ly2_log_blocks \
         where run_id >= $1 and last_at >= $2 group by 1",
        slot_of(conn, "last_at", width)
    );
    let mut found = BTreeMap::new();
    for row in conn.fetch_all(&sql, &[oldest, Bind::at(from)]).await? {
        found.insert(row.int("slot")?, row.count("lines")?);
    }
    Ok(found)
}
