//! Leases, each the one row of a table: [`SCHEDULER`] is the right to fire schedules, which the pause shares its row with,
//! [`NOTIFIER`] the right to judge events and send messages. Taking one raises its term; whatever its holder writes in its
//! name looks for holder and term first.
//!
//! No clock is compared here. Whoever takes the lease over names the holder's last sign of life as it saw it, and takes it
//! only if there has been none since.

use async_trait::async_trait;
use host_model::Instant;
use host_model::replica::{Held, Lease};

use crate::error::DbError;
use crate::row::{LEASE_COLUMNS, read_lease};
use crate::sql::{Bind, Conn, count};
use crate::write::{Verdict, Write};

/// Where the scheduler's lease is.
pub(crate) const SCHEDULER: &str = "ly2_jobs_lock";
/// Where the notifier's lease is.
pub(crate) const NOTIFIER: &str = "ly2_notify_lock";

/// `Store::find_lease`. A row that only a pause has made is a lease that nobody holds.
pub(crate) async fn find_lease(conn: &mut Conn<'_>, table: &'static str) -> Result<Option<Lease>, DbError> {
    let row = conn.fetch_optional(&format!("select {LEASE_COLUMNS} from {table}"), &[]).await?;
    row.as_ref().map(read_lease).transpose()
}

/// Whether the lease somebody writes under is gone; without one, nothing can be.
pub(crate) async fn is_lost(conn: &mut Conn<'_>, lease: Option<&Held>) -> Result<bool, DbError> {
    let Some(held) = lease else { return Ok(false) };
    let sql = "select 1 as held from ly2_jobs_lock where holder = $1 and term = $2";
    Ok(conn.fetch_optional(sql, &[Bind::text(&held.holder), count(held.term)]).await?.is_none())
}

/// `Store::take_lease`.
pub(crate) struct TakeLease {
    pub(crate) table: &'static str,
    pub(crate) holder: String,
    pub(crate) seen: Option<Lease>,
    pub(crate) at: Instant,
}

#[async_trait]
impl Write for TakeLease {
    type Answer = Option<u64>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Option<u64>>, DbError> {
        let (holder, at) = (Bind::text(&self.holder), Bind::at(self.at));
        let table = self.table;
        let sql = format!(
            "insert into {table} (id, holder, term, beat, heartbeat_at) values (1, $1, 1, 1, $2) \
             on conflict (id) do nothing"
        );
        if conn.execute(&sql, &[holder.clone(), at.clone()]).await? == 1 {
            return Ok(Verdict::Keep(Some(1)));
        }
        let (term, beat) = self.seen.as_ref().map_or((0, 0), |seen| (seen.term, seen.beat));
        let sql = format!(
            "update {table} set holder = $1, term = term + 1, beat = 1, heartbeat_at = $2 \
             where holder = '' or (term = $3 and beat = $4) returning term"
        );
        let row = conn.fetch_optional(&sql, &[holder, at, count(term), count(beat)]).await?;
        Ok(Verdict::Keep(row.map(|row| row.count("term")).transpose()?))
    }
}

/// `Store::keep_lease`.
pub(crate) struct KeepLease {
    pub(crate) table: &'static str,
    pub(crate) held: Held,
    pub(crate) at: Instant,
}

#[async_trait]
impl Write for KeepLease {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let table = self.table;
        let sql = format!("update {table} set beat = beat + 1, heartbeat_at = $3 where holder = $1 and term = $2");
        let binds = [Bind::text(&self.held.holder), count(self.held.term), Bind::at(self.at)];
        Ok(Verdict::Keep(conn.execute(&sql, &binds).await? == 1))
    }
}

/// `Store::release_lease`.
pub(crate) struct ReleaseLease {
    pub(crate) table: &'static str,
    pub(crate) held: Held,
}

#[async_trait]
impl Write for ReleaseLease {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = format!("update {} set holder = '' where holder = $1 and term = $2", self.table);
        let binds = [Bind::text(&self.held.holder), count(self.held.term)];
        Ok(Verdict::Keep(conn.execute(&sql, &binds).await? == 1))
    }
}
