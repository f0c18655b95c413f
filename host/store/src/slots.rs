//! The ledger `ly2_slots`: what became of every instant at which a schedule was due. Written once for each slot.

use async_trait::async_trait;
use host_model::JobId;
use host_model::fire::SlotRecord;

use crate::error::DbError;
use crate::row::{SLOT_COLUMNS, read_slot};
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// `Store::record_slot`.
pub(crate) struct RecordSlot(pub(crate) SlotRecord);

#[async_trait]
impl Write for RecordSlot {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        insert_slot(conn, &self.0).await.map(Verdict::Keep)
    }
}

/// False when the slot was already decided; in PostgreSQL, after waiting for whoever is deciding it.
pub(crate) async fn insert_slot(conn: &mut Conn<'_>, record: &SlotRecord) -> Result<bool, DbError> {
    let binds = [
        Bind::text(record.slot.job_id.as_str()),
        Bind::text(&record.slot.schedule),
        Bind::at(record.slot.due_at),
        Bind::text(record.outcome.as_str()),
        Bind::opt_text(record.reason.as_deref()),
        Bind::Text(record.run_id.map(|run| run.to_string().into())),
        Bind::at(record.decided_at),
    ];
    let sql = "insert into ly2_slots (job_id, schedule, due_at, outcome, reason, run_id, decided_at) \
               values ($1, $2, $3, $4, $5, $6, $7) on conflict (job_id, due_at, schedule) do nothing";
    Ok(conn.execute(sql, &binds).await? == 1)
}

/// Newest first.
pub(crate) async fn list_slots(conn: &mut Conn<'_>, job: &JobId, limit: u32) -> Result<Vec<SlotRecord>, DbError> {
    let sql =
        format!("select {SLOT_COLUMNS} from ly2_slots where job_id = $1 order by due_at desc, schedule desc limit $2");
    let rows = conn.fetch_all(&sql, &[Bind::text(job.as_str()), Bind::int(limit)]).await?;
    rows.iter().map(read_slot).collect()
}
