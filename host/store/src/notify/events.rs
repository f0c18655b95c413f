//! Events and judgements. Triggers of the schema write the events; here they are read, and go away with the judgement
//! that puts their messages into the outbox.

use async_trait::async_trait;
use host_model::Instant;
use host_model::notify::EventKind;
use host_model::notify::store::{Judgement, Mark, StoredEvent};
use host_model::replica::{Held, Lease};

use super::outbox;
use crate::error::DbError;
use crate::lease::{NOTIFIER, TakeLease};
use crate::row::StoredRow;
use crate::sql::{Bind, Conn, count};
use crate::write::{Verdict, Write};

/// `NotifyStore::take_notify_lease`.
pub(super) struct TakeOver {
    pub(super) holder: String,
    pub(super) seen: Option<Lease>,
    pub(super) at: Instant,
}

#[async_trait]
impl Write for TakeOver {
    type Answer = Option<u64>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Option<u64>>, DbError> {
        let take = TakeLease { table: NOTIFIER, holder: self.holder.clone(), seen: self.seen.clone(), at: self.at };
        let taken = take.perform(conn).await?;
        if let Verdict::Keep(Some(_)) = taken {
            // Whoever was sending these is gone, or will find that nothing it writes takes.
            conn.execute("update ly2_notify_deliveries set status = 'PENDING' where status = 'SENDING'", &[]).await?;
        }
        Ok(taken)
    }
}

/// Whether the lease is still there. In PostgreSQL it cannot be lost before the transaction ends.
pub(super) async fn is_held(conn: &mut Conn<'_>, held: &Held) -> Result<bool, DbError> {
    let lock = conn.locking("for share");
    let sql = format!("select 1 as held from {NOTIFIER} where holder = $1 and term = $2 {lock}");
    Ok(conn.fetch_optional(&sql, &[Bind::text(&held.holder), count(held.term)]).await?.is_some())
}

/// `NotifyStore::list_events`.
pub(super) async fn list_events(conn: &mut Conn<'_>, limit: u32) -> Result<Vec<StoredEvent>, DbError> {
    let sql = "select seq, event, run_id, job_id, at from ly2_notify_events order by seq limit $1";
    let read = |row: &StoredRow| {
        Ok(StoredEvent {
            seq: row.int("seq")?,
            kind: row.word("event", "event", EventKind::parse)?,
            run_id: row.run_id("run_id")?,
            job_id: row.job_id()?,
            at: row.at("at")?,
        })
    };
    conn.fetch_all(sql, &[Bind::int(limit)]).await?.iter().map(read).collect()
}

/// `NotifyStore::list_marks`.
pub(super) async fn list_marks(conn: &mut Conn<'_>) -> Result<Vec<Mark>, DbError> {
    let rows = conn.fetch_all("select name, at from ly2_notify_marks order by name", &[]).await?;
    rows.iter().map(|row| Ok(Mark { name: row.text("name")?, at: row.at("at")? })).collect()
}

/// `NotifyStore::want_events`.
pub(super) struct WantEvents(pub(super) Vec<EventKind>);

#[async_trait]
impl Write for WantEvents {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        conn.execute("delete from ly2_notify_wants", &[]).await?;
        for kind in &self.0 {
            let sql = "insert into ly2_notify_wants (event) values ($1) on conflict (event) do nothing";
            conn.execute(sql, &[Bind::text(kind.as_str())]).await?;
        }
        Ok(Verdict::Keep(()))
    }
}

/// `NotifyStore::judge`.
pub(super) struct Judge {
    pub(super) held: Held,
    pub(super) judgement: Judgement,
    pub(super) at: Instant,
}

#[async_trait]
impl Write for Judge {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        if !is_held(conn, &self.held).await? {
            return Ok(Verdict::Undo(false));
        }
        for seq in &self.judgement.events {
            if conn.execute("delete from ly2_notify_events where seq = $1", &[Bind::int(*seq)]).await? != 1 {
                return Ok(Verdict::Undo(false));
            }
        }
        for mark in &self.judgement.marks {
            let sql = "insert into ly2_notify_marks (name, at) values ($1, $2) \
                       on conflict (name) do update set at = excluded.at";
            conn.execute(sql, &[Bind::text(&mark.name), Bind::at(mark.at)]).await?;
        }
        for name in &self.judgement.unmarked {
            conn.execute("delete from ly2_notify_marks where name = $1", &[Bind::text(name)]).await?;
        }
        for new in &self.judgement.deliveries {
            outbox::put(conn, new, self.at).await?;
        }
        Ok(Verdict::Keep(true))
    }
}
