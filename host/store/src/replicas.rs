//! The processes that share the store, each a row of `ly2_replicas` that its signs of life keep up to date, and the owners
//! of runs, which are processes that may have no row any more.

use async_trait::async_trait;
use host_model::Instant;
use host_model::replica::{Presence, Replica};

use crate::error::DbError;
use crate::row::{REPLICA_COLUMNS, read_replica};
use crate::sql::{Bind, Conn, count, placeholders};
use crate::write::{Verdict, Write};

/// `Store::beat`.
pub(crate) struct Beat {
    pub(crate) presence: Presence,
    pub(crate) at: Instant,
}

#[async_trait]
impl Write for Beat {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let Presence { owner, role, labels, url, version, scheduler_enabled, room, started_at } = &self.presence;
        let binds = [
            Bind::text(owner),
            Bind::int(1),
            Bind::at(self.at),
            Bind::text(role),
            Bind::texts(labels),
            Bind::opt_text(url.as_deref()),
            Bind::text(version),
            Bind::Flag(*scheduler_enabled),
            Bind::int(*room),
            Bind::at(*started_at),
        ];
        let sql = format!(
            "insert into ly2_replicas ({REPLICA_COLUMNS}) values {} on conflict (owner) do update set \
             beat = ly2_replicas.beat + 1, seen_at = excluded.seen_at, role = excluded.role, labels = excluded.labels, \
             url = excluded.url, version = excluded.version, scheduler_enabled = excluded.scheduler_enabled, \
             room = excluded.room, started_at = excluded.started_at returning beat",
            placeholders(1, binds.len())
        );
        let row = conn.fetch_optional(&sql, &binds).await?;
        let beat = row.map_or(Ok(1), |row| row.int("beat"))?;
        Ok(Verdict::Keep(beat > 1))
    }
}

/// `Store::forget_replica`.
pub(crate) struct ForgetReplica {
    pub(crate) owner: String,
    pub(crate) beat: Option<u64>,
}

#[async_trait]
impl Write for ForgetReplica {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let owner = Bind::text(&self.owner);
        let gone = match self.beat {
            None => conn.execute("delete from ly2_replicas where owner = $1", &[owner]).await?,
            Some(beat) => {
                conn.execute("delete from ly2_replicas where owner = $1 and beat = $2", &[owner, count(beat)]).await?
            }
        };
        Ok(Verdict::Keep(gone == 1))
    }
}

/// `Store::list_replicas`.
pub(crate) async fn list_replicas(conn: &mut Conn<'_>) -> Result<Vec<Replica>, DbError> {
    let sql = format!("select {REPLICA_COLUMNS} from ly2_replicas order by owner");
    conn.fetch_all(&sql, &[]).await?.iter().map(read_replica).collect()
}

/// `Store::list_owners`.
pub(crate) async fn list_owners(conn: &mut Conn<'_>) -> Result<Vec<String>, DbError> {
    let sql =
        "select distinct owner from ly2_job_runs where status in ('QUEUED', 'RUNNING') and owner <> '' order by owner";
    conn.fetch_all(sql, &[]).await?.iter().map(|row| row.text("owner")).collect()
}
