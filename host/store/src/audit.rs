//! The port's `AuditTrail`: entries in `ly2_audit`, each hashed over the one before it. The schema refuses what would
//! break the chain; here it is built and gone along.
//!
//! An entry needs the hash of the newest one, so entries are added one after the other: in SQLite by the one writer, in
//! PostgreSQL under an advisory lock. A server on PostgreSQL adds whatever waits in one transaction, so that the lock
//! is held once for many. `seq` has no gaps: a transaction that fails gives its numbers back.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use host_model::audit::{AuditClosing, AuditDraft, AuditEntry, AuditFilter, AuditOutcome, AuditTrail, AuditVerdict};
use host_model::port::StoreError;
use host_model::{Instant, Json};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn, count, placeholders, render_at, storable, visible_nul};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

const COLUMNS: &str = "a.seq, a.at, a.username, a.source, a.address, a.action, a.object, a.outcome, a.detail, a.closes, a.previous, a.hash";
/// Entries that are looked at in one go while the chain is verified.
const PAGE: u32 = 1000;

/// Entries in one statement. Its rows go in one after the other, in order, as the trigger that guards the chain wants them.
const TOGETHER: usize = 16;

/// Entries that wait to be added together.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    draft: AuditDraft,
    reply: oneshot::Sender<Result<u64, String>>,
}

struct Append(Vec<AuditDraft>);

/// An entry with its place in the chain.
struct Linked<'a> {
    draft: &'a AuditDraft,
    seq: u64,
    detail: String,
    previous: String,
    hash: String,
}

impl Linked<'_> {
    fn binds(&self) -> [Bind<'_>; 12] {
        let draft = self.draft;
        [
            count(self.seq),
            Bind::at(draft.at),
            Bind::text(&draft.user),
            Bind::text(&draft.source),
            Bind::text(&draft.address),
            Bind::text(&draft.action),
            Bind::text(&draft.object),
            Bind::text(draft.outcome.as_str()),
            Bind::Json(Some(self.detail.clone())),
            Bind::Int(draft.closes.and_then(|seq| i64::try_from(seq).ok())),
            Bind::text(&self.previous),
            Bind::text(&self.hash),
        ]
    }
}

#[async_trait]
impl Write for Append {
    type Answer = Vec<u64>;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Vec<u64>>, DbError> {
        lock_chain(conn).await?;
        let (mut seq, mut previous) = find_last(conn).await?;
        let mut places = Vec::with_capacity(self.0.len());
        let mut entries = Vec::with_capacity(self.0.len());
        for draft in &self.0 {
            seq += 1;
            let detail = Json::Object(draft.detail.clone()).to_string();
            let hash = hash_of(draft, seq, &previous, &render_at(draft.at), &detail);
            let before = std::mem::replace(&mut previous, hash);
            entries.push(Linked { draft, seq, detail, hash: previous.clone(), previous: before });
            places.push(seq);
        }
        for some in entries.chunks(TOGETHER) {
            let binds: Vec<Bind<'_>> = some.iter().flat_map(Linked::binds).collect();
            let sql = format!(
                "insert into ly2_audit \
                 (seq, at, username, source, address, action, object, outcome, detail, closes, previous, hash) values {}",
                placeholders(some.len(), 12)
            );
            conn.execute(&sql, &binds).await?;
        }
        Ok(Verdict::Keep(places))
    }
}

/// One at a time from here to the end of the transaction. SQLite has one writer anyway.
async fn lock_chain(conn: &mut Conn<'_>) -> Result<(), DbError> {
    if let Conn::Postgres(..) = conn {
        conn.execute("select pg_advisory_xact_lock(hashtextextended('nomaflow audit', 0))", &[]).await?;
    }
    Ok(())
}

/// Place and hash of the newest entry; of the head when there is none.
async fn find_last(conn: &mut Conn<'_>) -> Result<(u64, String), DbError> {
    let sql = "select seq, hash from ly2_audit order by seq desc limit 1";
    match conn.fetch_optional(sql, &[]).await? {
        Some(row) => Ok((row.count("seq")?, row.text("hash")?)),
        None => find_head(conn).await,
    }
}

async fn find_head(conn: &mut Conn<'_>) -> Result<(u64, String), DbError> {
    let row = conn.fetch_optional("select seq, hash from ly2_audit_head", &[]).await?;
    let row = row.ok_or_else(|| DbError::Corrupt("`ly2_audit_head` has no row".to_owned()))?;
    Ok((row.count("seq")?, row.text("hash")?))
}

pub(crate) fn hash_of(draft: &AuditDraft, seq: u64, previous: &str, at: &str, detail: &str) -> String {
    hex::encode(Sha256::digest(draft.canonical(seq, previous, at, detail)))
}

/// A draft as it will be read again: what is hashed has to be what is kept.
fn as_kept(draft: &AuditDraft) -> AuditDraft {
    let mut kept = draft.clone();
    kept.at = storable(kept.at);
    for text in [&mut kept.user, &mut kept.source, &mut kept.address, &mut kept.action, &mut kept.object] {
        if let std::borrow::Cow::Owned(visible) = visible_nul(text) {
            *text = visible;
        }
    }
    kept
}

fn read_entry(row: &StoredRow) -> Result<AuditEntry, DbError> {
    let draft = AuditDraft {
        at: row.at("at")?,
        user: row.text("username")?,
        source: row.text("source")?,
        address: row.text("address")?,
        action: row.text("action")?,
        object: row.text("object")?,
        outcome: row.word("outcome", "outcome", AuditOutcome::parse)?,
        detail: row.json_map("detail")?,
        closes: row.opt_int("closes")?.and_then(|seq| u64::try_from(seq).ok()),
    };
    let (previous, hash) = (row.text("previous")?, row.text("hash")?);
    Ok(AuditEntry { seq: row.count("seq")?, draft, previous, hash, closing: None })
}

/// The entry of the list, joined with what closes it.
fn read_closed(row: &StoredRow) -> Result<AuditEntry, DbError> {
    let mut entry = read_entry(row)?;
    if row.opt_text("closing_outcome")?.is_some() {
        let outcome = row.word("closing_outcome", "outcome", AuditOutcome::parse)?;
        let (object, detail) = (row.text("closing_object")?, row.json_map("closing_detail")?);
        entry.closing = Some(AuditClosing { outcome, object, detail });
    }
    Ok(entry)
}

async fn list(conn: &mut Conn<'_>, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DbError> {
    let mut conditions = vec!["a.closes is null".to_owned()];
    let mut binds = Vec::new();
    let wanted = [
        ("a.username = {}", filter.user.as_deref().map(Bind::text)),
        (
            "(a.action = {} or substr(a.action, 1, length({}) + 1) = {} || '.')",
            filter.action.as_deref().map(Bind::text),
        ),
        ("(a.object = {} or c.object = {})", filter.object.as_deref().map(Bind::text)),
        ("coalesce(c.outcome, a.outcome) = {}", filter.outcome.map(|outcome| Bind::text(outcome.as_str()))),
        ("a.at >= {}", filter.from.map(Bind::at)),
        ("a.at < {}", filter.to.map(Bind::at)),
        ("a.seq < {}", filter.before.map(count)),
    ];
    for (condition, bind) in wanted {
        if let Some(bind) = bind {
            binds.push(bind);
            conditions.push(condition.replace("{}", &format!("${}", binds.len())));
        }
    }
    binds.push(Bind::int(filter.limit));
    let sql = format!(
        "select {COLUMNS}, c.outcome as closing_outcome, c.object as closing_object, \
         c.detail as closing_detail from ly2_audit a \
         left join ly2_audit c on c.closes = a.seq where {} order by a.seq desc limit ${}",
        conditions.join(" and "),
        binds.len()
    );
    conn.fetch_all(&sql, &binds).await?.iter().map(read_closed).collect()
}

async fn rows_after(conn: &mut Conn<'_>, after: u64, limit: u32) -> Result<Vec<StoredRow>, DbError> {
    let sql = format!("select {COLUMNS} from ly2_audit a where a.seq > $1 order by a.seq limit $2");
    conn.fetch_all(&sql, &[count(after), Bind::int(limit)]).await
}

async fn page(conn: &mut Conn<'_>, after: u64, limit: u32) -> Result<Vec<AuditEntry>, DbError> {
    rows_after(conn, after, limit).await?.iter().map(read_entry).collect()
}

/// Whether `row` follows the entry `last`; its hash when it does. A row that cannot even be read does not.
fn link(row: &StoredRow, last: &(u64, String)) -> Option<(u64, String)> {
    let entry = read_entry(row).ok()?;
    // The text as it is kept, not as we would write what was read.
    let detail = row.text("detail").ok()?;
    let hash = hash_of(&entry.draft, entry.seq, &entry.previous, &render_at(entry.draft.at), &detail);
    let follows = entry.seq == last.0 + 1 && entry.previous == last.1 && entry.hash == hash;
    follows.then_some((entry.seq, hash))
}

pub(crate) async fn verify(conn: &mut Conn<'_>) -> Result<AuditVerdict, DbError> {
    'again: loop {
        let head = find_head(conn).await?;
        let (mut last, mut entries) = (head.clone(), 0);
        loop {
            let rows = rows_after(conn, last.0, PAGE).await?;
            for row in &rows {
                match link(row, &last) {
                    Some(next) => last = next,
                    None if find_head(conn).await? != head => continue 'again,
                    None => return Ok(AuditVerdict { entries, broken_at: Some(last.0 + 1), last }),
                }
                entries += 1;
            }
            if rows.is_empty() {
                // Nothing may lie before the head either: it would not be part of any chain.
                return Ok(AuditVerdict { entries, broken_at: None, last });
            }
        }
    }
}

struct Prune {
    cutoff: Instant,
    limit: u32,
}

#[async_trait]
impl Write for Prune {
    type Answer = u64;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<u64>, DbError> {
        lock_chain(conn).await?;
        let (head, _) = find_head(conn).await?;
        // The first entry that stays: whatever lies behind it stays too, also where a clock went back.
        let sql = "select seq from ly2_audit where at >= $1 order by seq limit 1";
        let stays = conn.fetch_optional(sql, &[Bind::at(self.cutoff)]).await?;
        let stays = stays.map(|row| row.count::<u64>("seq")).transpose()?.unwrap_or(u64::MAX);
        let upto = (head + u64::from(self.limit)).min(stays.saturating_sub(1));
        let sql = "select seq, hash from ly2_audit where seq <= $1 order by seq desc limit 1";
        let Some(row) = conn.fetch_optional(sql, &[count(upto)]).await? else { return Ok(Verdict::Keep(0)) };
        let (seq, hash) = (row.count::<u64>("seq")?, row.text("hash")?);
        conn.execute("update ly2_audit_head set seq = $1, hash = $2", &[count(seq), Bind::text(&hash)]).await?;
        let gone = conn.execute("delete from ly2_audit where seq <= $1", &[count(seq)]).await?;
        Ok(Verdict::Keep(gone))
    }
}

const APPEND: &str = "write to the audit trail";

fn unavailable(message: String) -> StoreError {
    StoreError::Unavailable { operation: APPEND, message }
}

impl SqlStore {
    /// Adds what waits, this entry among it. Whoever comes while others write waits for the turn after them, and then
    /// mostly finds that somebody has written its entry along.
    async fn append_with_others(&self, draft: AuditDraft) -> Result<u64, StoreError> {
        let (reply, mut answer) = oneshot::channel();
        let trail = self.trail();
        trail.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { draft, reply });
        let _turn = trail.turn.lock().await;
        if let Ok(answer) = answer.try_recv() {
            return answer.map_err(unavailable);
        }
        let batch = std::mem::take(&mut *trail.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let drafts = batch.iter().map(|waiting| waiting.draft.clone()).collect();
        let written = self.write(APPEND, Append(drafts)).await.map_err(|error| error.to_string());
        let mut places = written.as_ref().map(|places| places.iter()).ok();
        for waiting in batch {
            let told = match (&written, places.as_mut().and_then(Iterator::next)) {
                (Ok(_), Some(seq)) => Ok(*seq),
                (Ok(_), None) => Err("fewer entries were written than waited".to_owned()),
                (Err(why), _) => Err(why.clone()),
            };
            // Whoever has gone needs no answer.
            let _ = waiting.reply.send(told);
        }
        let told = answer.await.unwrap_or_else(|_| Err("nobody wrote the entry".to_owned()));
        told.map_err(unavailable)
    }
}

#[async_trait]
impl AuditTrail for SqlStore {
    async fn append(&self, draft: &AuditDraft) -> Result<u64, StoreError> {
        let draft = as_kept(draft);
        if self.has_one_writer() {
            // Its writer puts what waits into one transaction by itself.
            let places = self.write(APPEND, Append(vec![draft])).await?;
            return places.first().copied().ok_or_else(|| unavailable("nothing was written".to_owned()));
        }
        self.append_with_others(draft).await
    }

    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        const OPERATION: &str = "list the audit trail";
        let mut reader = self.reader(OPERATION).await?;
        list(&mut reader.conn(), filter).await.map_err(|error| error.during(OPERATION))
    }

    async fn page(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        const OPERATION: &str = "read the audit trail";
        let mut reader = self.reader(OPERATION).await?;
        page(&mut reader.conn(), after, limit).await.map_err(|error| error.during(OPERATION))
    }

    async fn verify(&self) -> Result<AuditVerdict, StoreError> {
        const OPERATION: &str = "verify the audit trail";
        let mut reader = self.reader(OPERATION).await?;
        verify(&mut reader.conn()).await.map_err(|error| error.during(OPERATION))
    }

    async fn prune(&self, cutoff: Instant, limit: u32) -> Result<u64, StoreError> {
        self.write("prune the audit trail", Prune { cutoff, limit }).await
    }
}
