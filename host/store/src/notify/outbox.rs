//! Deliveries and their attempts. A delivery that waits for its first attempt can be joined by others of its group; from
//! the moment it is taken it is closed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use host_model::notify::Notice;
use host_model::notify::delivery::{
    Attempt, Delivery, DeliveryFilter, DeliveryStatus, MOST_NOTICES, NewDelivery, Then,
};
use host_model::replica::Held;
use host_model::{Instant, Json};

use super::events::is_held;
use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn, quoted_words};
use crate::write::{Verdict, Write};

const COLUMNS: &str = "id, created_at, transport, recipient, route, notices, n_notices, status, due_at, attempts, \
    finished_at, error, resend_of, requested_by";

fn read_delivery(row: &StoredRow) -> Result<Delivery, DbError> {
    let notices = row.json_list("notices")?;
    Ok(Delivery {
        id: row.int("id")?,
        created_at: row.at("created_at")?,
        transport: row.text("transport")?,
        recipient: row.text("recipient")?,
        route: row.opt_text("route")?,
        notices: notices.iter().filter_map(Notice::parse).collect(),
        n_notices: row.count("n_notices")?,
        status: row.word("status", "status of a delivery", DeliveryStatus::parse)?,
        due_at: row.at("due_at")?,
        attempts: row.count("attempts")?,
        finished_at: row.opt_at("finished_at")?,
        error: row.opt_text("error")?,
        resend_of: row.opt_int("resend_of")?,
        requested_by: row.opt_text("requested_by")?,
    })
}

/// Puts a message into the outbox, or adds it to the one of its group that waits.
pub(super) async fn put(conn: &mut Conn<'_>, new: &NewDelivery, at: Instant) -> Result<(), DbError> {
    if let (Some(group), None) = (&new.group, &new.failure) {
        let lock = conn.locking("for update");
        let sql = format!(
            "select id, notices, n_notices from ly2_notify_deliveries \
             where group_key = $1 and status = 'PENDING' and attempts = 0 order by id limit 1 {lock}"
        );
        if let Some(row) = conn.fetch_optional(&sql, &[Bind::text(group)]).await? {
            let mut notices = row.json_list("notices")?;
            if notices.len() < MOST_NOTICES {
                notices.push(new.notice.to_json());
            }
            let sql = "update ly2_notify_deliveries set notices = $2, n_notices = n_notices + 1 where id = $1";
            let binds = [Bind::int(row.int("id")?), Bind::json(Some(&Json::Array(notices)))];
            conn.execute(sql, &binds).await?;
            return Ok(());
        }
    }
    insert(conn, new, at).await.map(drop)
}

async fn insert(conn: &mut Conn<'_>, new: &NewDelivery, at: Instant) -> Result<i64, DbError> {
    let status = if new.failure.is_some() { DeliveryStatus::Failed } else { DeliveryStatus::Pending };
    let notices = Json::Array(vec![new.notice.to_json()]);
    let binds = [
        Bind::at(at),
        Bind::text(&new.transport),
        Bind::text(&new.recipient),
        Bind::opt_text(new.route.as_deref()),
        Bind::opt_text(new.group.as_deref()),
        Bind::text(new.notice.job_id.as_str()),
        Bind::json(Some(&notices)),
        Bind::text(status.as_str()),
        Bind::at(new.due_at),
        Bind::opt_at(new.failure.as_ref().map(|_| at)),
        Bind::opt_text(new.failure.as_deref()),
        Bind::Int(new.resend_of),
        Bind::opt_text(new.requested_by.as_deref()),
    ];
    let sql = "insert into ly2_notify_deliveries (created_at, transport, recipient, route, group_key, job_id, notices, \
               n_notices, status, due_at, finished_at, error, resend_of, requested_by) \
               values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13) returning id";
    match conn.fetch_optional(sql, &binds).await? {
        Some(row) => row.int("id"),
        None => Err(DbError::NotCommitted("the outbox gave no number to a delivery".to_owned())),
    }
}

async fn insert_attempt(conn: &mut Conn<'_>, delivery: i64, attempt: &Attempt) -> Result<(), DbError> {
    let binds = [
        Bind::int(delivery),
        Bind::int(attempt.number),
        Bind::at(attempt.at),
        Bind::int(attempt.duration_ms),
        Bind::Flag(attempt.is_sent),
        Bind::text(&attempt.answer),
    ];
    let sql = "insert into ly2_notify_attempts (delivery_id, attempt, at, duration_ms, sent, answer) \
               values ($1, $2, $3, $4, $5, $6)";
    conn.execute(sql, &binds).await.map(drop)
}

/// `NotifyStore::next_due`.
pub(super) async fn next_due(conn: &mut Conn<'_>) -> Result<Option<Instant>, DbError> {
    let sql = "select due_at from ly2_notify_deliveries where status = 'PENDING' \
               order by due_at limit 1";
    conn.fetch_optional(sql, &[]).await?.map(|row| row.at("due_at")).transpose()
}

/// `NotifyStore::take_due`.
pub(super) struct TakeDue {
    pub(super) held: Held,
    pub(super) now: Instant,
    pub(super) limit: u32,
    pub(super) busy: Vec<String>,
}

#[async_trait]
impl Write for TakeDue {
    type Answer = Vec<Delivery>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Vec<Delivery>>, DbError> {
        if !is_held(conn, &self.held).await? {
            return Ok(Verdict::Undo(Vec::new()));
        }
        let mut binds = vec![Bind::at(self.now), Bind::int(self.limit)];
        let mut sql = format!(
            "select {COLUMNS} from ly2_notify_deliveries \
             where status = 'PENDING' and due_at <= $1"
        );
        for name in &self.busy {
            binds.push(Bind::text(name));
            sql.push_str(&format!(" and transport <> ${}", binds.len()));
        }
        sql.push_str(&format!(" order by due_at, id limit $2 {}", conn.locking("for update")));
        let mut taken = Vec::new();
        for row in conn.fetch_all(&sql, &binds).await? {
            let delivery = read_delivery(&row)?;
            let sql = "update ly2_notify_deliveries set status = 'SENDING' where id = $1";
            conn.execute(sql, &[Bind::int(delivery.id)]).await?;
            taken.push(Delivery { status: DeliveryStatus::Sending, ..delivery });
        }
        Ok(Verdict::Keep(taken))
    }
}

/// `NotifyStore::record_attempt`.
pub(super) struct RecordAttempt {
    pub(super) held: Held,
    pub(super) delivery: i64,
    pub(super) attempt: Attempt,
    pub(super) then: Then,
}

#[async_trait]
impl Write for RecordAttempt {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        if !is_held(conn, &self.held).await? {
            return Ok(Verdict::Undo(false));
        }
        let (status, due_at) = match self.then {
            Then::Sent => (DeliveryStatus::Sent, None),
            Then::Retry(at) => (DeliveryStatus::Pending, Some(at)),
            Then::GiveUp => (DeliveryStatus::Failed, None),
        };
        let finished_at = due_at.is_none().then_some(self.attempt.at);
        let binds = [
            Bind::int(self.delivery),
            Bind::text(status.as_str()),
            Bind::opt_at(due_at),
            Bind::int(self.attempt.number),
            Bind::opt_at(finished_at),
            Bind::opt_text((!self.attempt.is_sent).then_some(self.attempt.answer.as_str())),
        ];
        let sql = "update ly2_notify_deliveries set status = $2, due_at = coalesce($3, due_at), attempts = $4, \
                   finished_at = $5, error = $6 where id = $1 and status = 'SENDING'";
        if conn.execute(sql, &binds).await? != 1 {
            return Ok(Verdict::Undo(false));
        }
        insert_attempt(conn, self.delivery, &self.attempt).await?;
        Ok(Verdict::Keep(true))
    }
}

/// `NotifyStore::record_delivery`.
pub(super) struct RecordDelivery(pub(super) NewDelivery, pub(super) Attempt);

#[async_trait]
impl Write for RecordDelivery {
    type Answer = i64;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<i64>, DbError> {
        let Self(new, attempt) = self;
        let id = insert(conn, new, attempt.at).await?;
        let status = if attempt.is_sent { DeliveryStatus::Sent } else { DeliveryStatus::Failed };
        let binds = [
            Bind::int(id),
            Bind::text(status.as_str()),
            Bind::at(attempt.at),
            Bind::opt_text((!attempt.is_sent).then_some(attempt.answer.as_str())),
        ];
        let sql =
            "update ly2_notify_deliveries set status = $2, attempts = 1, finished_at = $3, error = $4 where id = $1";
        conn.execute(sql, &binds).await?;
        insert_attempt(conn, id, attempt).await?;
        Ok(Verdict::Keep(id))
    }
}

/// `NotifyStore::resend`.
pub(super) struct Resend {
    pub(super) delivery: i64,
    pub(super) by: String,
    pub(super) at: Instant,
}

#[async_trait]
impl Write for Resend {
    type Answer = Option<i64>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Option<i64>>, DbError> {
        let sql = "insert into ly2_notify_deliveries (created_at, transport, recipient, route, job_id, notices, \
                   n_notices, status, due_at, resend_of, requested_by) \
                   select $2, transport, recipient, route, job_id, notices, n_notices, 'PENDING', $2, id, $3 \
                   from ly2_notify_deliveries where id = $1 and status in ('SENT', 'FAILED') and transport <> '' \
                   returning id";
        let binds = [Bind::int(self.delivery), Bind::at(self.at), Bind::text(&self.by)];
        let row = conn.fetch_optional(sql, &binds).await?;
        Ok(Verdict::Keep(row.map(|row| row.int("id")).transpose()?))
    }
}

/// `NotifyStore::list_deliveries`.
pub(super) async fn list_deliveries(conn: &mut Conn<'_>, filter: &DeliveryFilter) -> Result<Vec<Delivery>, DbError> {
    let mut sql = format!("select {COLUMNS} from ly2_notify_deliveries where true");
    let mut binds = Vec::new();
    if let Some(transport) = &filter.transport {
        binds.push(Bind::text(transport));
        sql.push_str(&format!(" and transport = ${}", binds.len()));
    }
    if let Some(job) = &filter.job {
        binds.push(Bind::text(job));
        sql.push_str(&format!(" and job_id = ${}", binds.len()));
    }
    if let Some(before) = filter.before {
        binds.push(Bind::int(before));
        sql.push_str(&format!(" and id < ${}", binds.len()));
    }
    if !filter.statuses.is_empty() {
        let words = quoted_words(filter.statuses.iter().map(|status| status.as_str()));
        sql.push_str(&format!(" and status in ({words})"));
    }
    binds.push(Bind::int(filter.limit));
    sql.push_str(&format!(" order by id desc limit ${}", binds.len()));
    conn.fetch_all(&sql, &binds).await?.iter().map(read_delivery).collect()
}

/// `NotifyStore::list_attempts`.
pub(super) async fn list_attempts(conn: &mut Conn<'_>, delivery: i64) -> Result<Vec<Attempt>, DbError> {
    let sql = "select attempt, at, duration_ms, sent, answer from ly2_notify_attempts where delivery_id = $1 \
               order by attempt";
    let read = |row: &StoredRow| {
        Ok(Attempt {
            number: row.count("attempt")?,
            at: row.at("at")?,
            duration_ms: row.count("duration_ms")?,
            is_sent: row.flag("sent")?,
            answer: row.text("answer")?,
        })
    };
    conn.fetch_all(sql, &[Bind::int(delivery)]).await?.iter().map(read).collect()
}

/// `NotifyStore::list_last_deliveries`.
pub(super) async fn list_last(conn: &mut Conn<'_>) -> Result<BTreeMap<String, Delivery>, DbError> {
    let sql = format!(
        "select {COLUMNS} from ly2_notify_deliveries where id in (\
         select max(id) from ly2_notify_deliveries where transport <> '' and attempts > 0 group by transport)"
    );
    let rows = conn.fetch_all(&sql, &[]).await?;
    rows.iter().map(|row| read_delivery(row).map(|last| (last.transport.clone(), last))).collect()
}
