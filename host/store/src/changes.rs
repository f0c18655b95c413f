//! Applying transitions: one guarded update for each change. A change takes only from a state it may start from and only
//! while the run has the owner it names; the first that does not take undoes the batch and says what it met.

use async_trait::async_trait;
use host_model::transition::{Applied, Change, RunChange, StepChange};
use host_model::{RunStatus, StepStatus};

use crate::error::DbError;
use crate::gate::AHEAD;
use crate::row::write_step_error;
use crate::sql::{Bind, Conn, quoted_words};
use crate::write::{Verdict, Write};

/// `Store::apply`.
pub(crate) struct ApplyChanges(pub(crate) Vec<Change>);

#[async_trait]
impl Write for ApplyChanges {
    type Answer = Applied;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Applied>, DbError> {
        for (index, change) in self.0.iter().enumerate() {
            let found = match change {
                Change::Run(change) => apply_run(conn, change).await?,
                Change::Step(change) => apply_step(conn, change).await?,
            };
            if let Some(found) = found {
                return Ok(Verdict::Undo(Applied::Stale { index, found }));
            }
        }
        Ok(Verdict::Keep(Applied::Yes))
    }
}

/// What was in the way, if anything was.
type Found = Option<String>;

async fn apply_run(conn: &mut Conn<'_>, change: &RunChange) -> Result<Found, DbError> {
    let from = quoted_words(change.from.iter().map(|status| status.as_str()));
    // A run that waits starts when nobody is ahead of it.
    let turn = match change.to {
        RunStatus::Running => format!("and (waits = false or not exists (select 1 {AHEAD}))"),
        _ => String::new(),
    };
    let sql = format!(
        "update ly2_job_runs set status = $3, reason = coalesce($4, reason), error = coalesce($5, error), \
         started_at = coalesce($6, started_at), finished_at = $7 \
         where id = $1 and owner = $2 and status in ({from}) {turn}"
    );
    let binds = [
        Bind::word(change.run_id),
        Bind::text(&change.owner),
        Bind::text(change.to.as_str()),
        Bind::opt_text(change.reason.as_deref()),
        Bind::opt_text(change.error.as_deref()),
        Bind::opt_at((change.to == RunStatus::Running).then_some(change.at)),
        Bind::opt_at(change.to.is_final().then_some(change.at)),
    ];
    if conn.execute(&sql, &binds).await? == 1 {
        return Ok(None);
    }
    let sql = "select owner, status from ly2_job_runs where id = $1";
    describe(conn, sql, &[Bind::word(change.run_id)], &change.owner).await
}

async fn apply_step(conn: &mut Conn<'_>, change: &StepChange) -> Result<Found, DbError> {
    let from = quoted_words(change.from.iter().map(|status| status.as_str()));
    let sql = format!(
        "update ly2_step_runs set status = $5, reason = coalesce($6, reason), started_at = coalesce($7, started_at), \
         finished_at = $8, input = coalesce($9, input), output = $10, rows_affected = $11, error = $12, usage = $13 \
         where run_id = $1 and step_index = $2 and attempt = $3 and status in ({from}) \
         and exists (select 1 from ly2_job_runs where id = $1 and owner = $4)"
    );
    let error = change.error.as_ref().map(write_step_error);
    let binds = [
        Bind::word(change.run_id),
        Bind::int(change.index),
        Bind::int(change.attempt),
        Bind::text(&change.owner),
        Bind::text(change.to.as_str()),
        Bind::opt_text(change.reason.as_deref()),
        Bind::opt_at((change.to == StepStatus::Running).then_some(change.at)),
        Bind::opt_at(change.to.is_final().then_some(change.at)),
        Bind::json(change.input.as_ref()),
        Bind::json_map(change.output.as_ref()),
        Bind::Int(change.rows_affected),
        Bind::json_map(error.as_ref()),
        Bind::json_map(change.usage.as_ref()),
    ];
    if conn.execute(&sql, &binds).await? != 1 {
        let sql = "select r.owner, s.status from ly2_step_runs s join ly2_job_runs r on r.id = s.run_id \
                   where s.run_id = $1 and s.step_index = $2 and s.attempt = $3";
        return describe(conn, sql, &binds[..3], &change.owner).await;
    }
    if change.retry_at.is_some() {
        insert_next_attempt(conn, change).await?;
    }
    add_to_run(conn, change).await?;
    Ok(None)
}

/// The words of [`Applied::Stale`].
async fn describe(conn: &mut Conn<'_>, sql: &str, binds: &[Bind<'_>], owner: &str) -> Result<Found, DbError> {
    let Some(row) = conn.fetch_optional(sql, binds).await? else { return Ok(Some("missing".to_owned())) };
    if row.text("owner")? != owner {
        return Ok(Some("another owner".to_owned()));
    }
    row.text("status").map(Some)
}

async fn insert_next_attempt(conn: &mut Conn<'_>, change: &StepChange) -> Result<(), DbError> {
    let binds = [
        Bind::word(change.run_id),
        Bind::int(change.index),
        Bind::int(change.attempt),
        Bind::text(StepStatus::Pending.as_str()),
        Bind::opt_at(change.retry_at),
    ];
    conn.execute(
        "insert into ly2_step_runs (run_id, step_index, attempt, step_name, step_type, status, retry_at) \
         select run_id, step_index, attempt + 1, step_name, step_type, $4, $5 from ly2_step_runs \
         where run_id = $1 and step_index = $2 and attempt = $3",
        &binds,
    )
    .await?;
    Ok(())
}

/// Adds the attempt's rows to the run's, and one to the steps that are done when no other attempt follows. The sum stops
/// at the largest integer: a step that reports nonsense must not make its own end impossible to record.
async fn add_to_run(conn: &mut Conn<'_>, change: &StepChange) -> Result<(), DbError> {
    let done = i64::from(change.to.is_final() && change.retry_at.is_none());
    let rows = change.rows_affected.unwrap_or(0).max(-i64::MAX);
    if done == 0 && rows == 0 {
        return Ok(());
    }
    let binds = [Bind::word(change.run_id), Bind::int(done), Bind::int(rows)];
    conn.execute(
        "update ly2_job_runs set steps_done = steps_done + $2, rows_affected = case \
         when $3 > 0 and rows_affected > 9223372036854775807 - $3 then 9223372036854775807 \
         when $3 < 0 and rows_affected < -9223372036854775807 - $3 then -9223372036854775807 \
         else rows_affected + $3 end where id = $1",
        &binds,
    )
    .await?;
    Ok(())
}
