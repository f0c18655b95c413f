//! The pause of the whole scheduler, kept in the one row of `ly2_jobs_lock` so that it outlives a restart and holds for
//! every replica.
//!
//! Where nobody ever held the lease, pausing makes its row: nobody's, and without a sign of life, so that any process may take it.

use async_trait::async_trait;
use host_model::Instant;
use host_model::fire::Pause;

use crate::error::DbError;
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// `Store::set_pause`.
pub(crate) struct SetPause(pub(crate) Option<Pause>);

#[async_trait]
impl Write for SetPause {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let changed = match &self.0 {
            None => {
                let sql = "update ly2_jobs_lock set paused_by = null, paused_at = null, pause_reason = null \
                           where paused_by is not null";
                conn.execute(sql, &[]).await?
            }
            Some(pause) => {
                let sql = "insert into ly2_jobs_lock (id, holder, term, heartbeat_at) values (1, '', 1, $1) \
                           on conflict (id) do nothing";
                conn.execute(sql, &[Bind::at(Instant::UNIX_EPOCH)]).await?;
                let sql = "update ly2_jobs_lock set paused_by = $1, paused_at = $2, pause_reason = $3 \
                           where paused_by is null";
                conn.execute(sql, &[Bind::text(&pause.by), Bind::at(pause.at), Bind::text(&pause.reason)]).await?
            }
        };
        Ok(Verdict::Keep(changed == 1))
    }
}

/// `Store::find_pause`.
pub(crate) async fn find_pause(conn: &mut Conn<'_>) -> Result<Option<Pause>, DbError> {
    let sql = "select paused_by, paused_at, pause_reason from ly2_jobs_lock where paused_by is not null";
    let Some(row) = conn.fetch_optional(sql, &[]).await? else { return Ok(None) };
    let reason = row.opt_text("pause_reason")?.unwrap_or_default();
    Ok(Some(Pause { by: row.text("paused_by")?, at: row.at("paused_at")?, reason }))
}
