//! Marks of runs that somebody wants canceled. The mark changes no status: the owner of the run finds it and does
//! that, or whoever looks when nobody has the run.

use async_trait::async_trait;
use host_model::port::CancelMark;
use host_model::{Instant, Run, RunId};

use crate::error::DbError;
use crate::row::{RUN_COLUMNS, read_run};
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// Sets the mark to `$2` at `$3`. The first to ask is the one who is named; what has an older mark without a time keeps it so.
pub(crate) const FIRST_TO_ASK: &str = "cancel_requested_at = case when cancel_requested_by is null then $3 \
    else cancel_requested_at end, cancel_requested_by = coalesce(cancel_requested_by, $2)";

/// `Store::request_cancel`.
pub(crate) struct RequestCancel {
    pub(crate) run: RunId,
    pub(crate) by: String,
    pub(crate) at: Instant,
}

#[async_trait]
impl Write for RequestCancel {
    type Answer = CancelMark;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<CancelMark>, DbError> {
        let sql = format!("update ly2_job_runs set {FIRST_TO_ASK} where id = $1 and status in ('QUEUED', 'RUNNING')");
        if conn.execute(&sql, &[Bind::word(self.run), Bind::text(&self.by), Bind::at(self.at)]).await? == 1 {
            return Ok(Verdict::Keep(CancelMark::Marked));
        }
        let row = conn.fetch_optional("select status from ly2_job_runs where id = $1", &[Bind::word(self.run)]).await?;
        Ok(Verdict::Keep(match row {
            None => CancelMark::NotFound,
            Some(row) => CancelMark::AlreadyFinal(row.run_status()?),
        }))
    }
}

/// Runs of `owner` and of nobody, oldest first.
pub(crate) async fn list_cancel_marks(conn: &mut Conn<'_>, owner: &str) -> Result<Vec<Run>, DbError> {
    let sql = format!(
        "select {RUN_COLUMNS} from ly2_job_runs where status in ('QUEUED', 'RUNNING') \
         and cancel_requested_by is not null and owner in ($1, '') order by id"
    );
    let rows = conn.fetch_all(&sql, &[Bind::text(owner)]).await?;
    rows.iter().map(read_run).collect()
}
