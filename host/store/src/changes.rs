//! Applying transitions: one guarded update for each change. A change takes only from a state it may start from and only
//! while the run has the owner it names, in the term it names; the first that does not take undoes the batch and says what
//! it met.
//!
//! A change of a step holds the run's row until its transaction ends: otherwise a recovery could give the run to another
//! process in between, which would find the step as it was before.

use async_trait::async_trait;
use host_model::transition::{Applied, Change, RunChange, StepChange};
use host_model::{RunStatus, StepStatus};

use crate::changes_at_once;
use crate::error::DbError;
use crate::row::write_step_error;
use crate::sql::{Bind, Conn, quoted_words};
use crate::write::{Verdict, Write};

/// `Store::apply`.
pub(crate) struct ApplyChanges(pub(crate) Vec<Change>);

#[async_trait]
impl Write for ApplyChanges {
    /// And whether a run may be taken up now that could not be before.
    type Answer = (Applied, bool);

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Self::Answer>, DbError> {
        let mut ring = false;
        for (index, change) in self.0.iter().enumerate() {
            let made = match change {
                Change::Run(change) => apply_run(conn, change).await?,
                Change::Step(change) => apply_step(conn, change).await?,
            };
            match made {
                Made::Change { frees } => ring |= frees,
                Made::Nothing { found } => return Ok(Verdict::Undo((Applied::Stale { index, found }, false))),
            }
        }
        Ok(Verdict::Keep((Applied::Yes, ring)))
    }

    async fn perform_at_once(&self, conn: &mut Conn<'_>) -> Result<Option<Self::Answer>, DbError> {
        let ring = changes_at_once::apply(conn, &self.0).await?;
        Ok(ring.map(|ring| (Applied::Yes, ring)))
    }
}

/// Whether the end of a run may be what another waits for.
pub(crate) const FREES: &str = "case when waits = true or limits <> '[]' then 1 else 0 end";

enum Made {
    Change {
        /// A run may be taken up that could not be before.
        frees: bool,
    },
    Nothing {
        /// What was in the way.
        found: String,
    },
}

async fn apply_run(conn: &mut Conn<'_>, change: &RunChange) -> Result<Made, DbError> {
    let from = quoted_words(change.from.iter().map(|status| status.as_str()));
    // One that is taken up again keeps the start it had.
    let sql = format!(
        "update ly2_job_runs set status = $3, reason = coalesce($4, reason), error = coalesce($5, error), \
         started_at = coalesce(started_at, $6), finished_at = $7, \
         owner = case when $9 is null then owner else '' end, placement = coalesce($9, placement) \
         where id = $1 and owner = $2 and term = $8 and status in ({from}) returning cast({FREES} as bigint) as frees"
    );
    let binds = [
        Bind::word(change.run_id),
        Bind::text(&change.owner),
        Bind::text(change.to.as_str()),
        Bind::opt_text(change.reason.as_deref()),
        Bind::opt_text(change.error.as_deref()),
        Bind::opt_at((change.to == RunStatus::Running).then_some(change.at)),
        Bind::opt_at(change.to.is_final().then_some(change.at)),
        Bind::int(change.term),
        Bind::opt_text(change.give_to.as_deref()),
    ];
    if let Some(row) = conn.fetch_optional(&sql, &binds).await? {
        let frees = change.give_to.is_some() || (change.to.is_final() && row.int("frees")? == 1);
        return Ok(Made::Change { frees });
    }
    let sql = "select owner, term, status from ly2_job_runs where id = $1";
    let found = describe(conn, sql, &[Bind::word(change.run_id)], (&change.owner, change.term)).await?;
    Ok(Made::Nothing { found })
}

async fn apply_step(conn: &mut Conn<'_>, change: &StepChange) -> Result<Made, DbError> {
    let from = quoted_words(change.from.iter().map(|status| status.as_str()));
    let sql = format!(
        "update ly2_step_runs set status = $5, reason = coalesce($6, reason), started_at = coalesce($7, started_at), \
         finished_at = $8, input = coalesce($9, input), output = $10, rows_affected = $11, error = $12, usage = $13 \
         where run_id = $1 and step_index = $2 and attempt = $3 and status in ({from}) \
         and exists (select 1 from ly2_job_runs where id = $1 and owner = $4 and term = $14 {})",
        conn.locking("for no key update")
    );
    let mut binds =
        vec![Bind::word(change.run_id), Bind::int(change.index), Bind::int(change.attempt), Bind::text(&change.owner)];
    binds.extend(step_binds(change));
    binds.push(Bind::int(change.term));
    if conn.execute(&sql, &binds).await? != 1 {
        let sql = "select r.owner, r.term, s.status from ly2_step_runs s join ly2_job_runs r on r.id = s.run_id \
                   where s.run_id = $1 and s.step_index = $2 and s.attempt = $3";
        let found = describe(conn, sql, &binds[..3], (&change.owner, change.term)).await?;
        return Ok(Made::Nothing { found });
    }
    if change.retry_at.is_some() {
        insert_next_attempt(conn, change).await?;
    }
    add_to_run(conn, change).await?;
    Ok(Made::Change { frees: false })
}

/// What a change writes into the row of its attempt: status, reason, start, end, input, output, rows, error, usage.
pub(crate) fn step_binds(change: &StepChange) -> [Bind<'_>; 9] {
    [
        Bind::text(change.to.as_str()),
        Bind::opt_text(change.reason.as_deref()),
        Bind::opt_at((change.to == StepStatus::Running).then_some(change.at)),
        Bind::opt_at(change.to.is_final().then_some(change.at)),
        Bind::json(change.input.as_ref()),
        Bind::json_map(change.output.as_ref()),
        Bind::Int(change.rows_affected),
        Bind::json_map(change.error.as_ref().map(write_step_error).as_ref()),
        Bind::json_map(change.usage.as_ref()),
    ]
}

/// The words of [`Applied::Stale`].
async fn describe(
    conn: &mut Conn<'_>,
    sql: &str,
    binds: &[Bind<'_>],
    (owner, term): (&str, u32),
) -> Result<String, DbError> {
    let Some(row) = conn.fetch_optional(sql, binds).await? else { return Ok("missing".to_owned()) };
    if row.text("owner")? != owner || row.count::<u32>("term")? != term {
        return Ok("another owner".to_owned());
    }
    row.text("status")
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

/// Steps that are done, and rows, that a change adds to the run's: one step when no other attempt follows.
pub(crate) fn done_and_rows(change: &StepChange) -> (i64, i64) {
    let done = i64::from(change.to.is_final() && change.retry_at.is_none());
    (done, change.rows_affected.unwrap_or(0).max(-i64::MAX))
}

/// The run's rows and `$3` more. The sum stops at the largest integer: a step that reports nonsense must not make its own end
/// impossible to record.
pub(crate) const ADD_ROWS: &str = "case \
    when $3 > 0 and rows_affected > 9223372036854775807 - $3 then 9223372036854775807 \
    when $3 < 0 and rows_affected < -9223372036854775807 - $3 then -9223372036854775807 \
    else rows_affected + $3 end";

/// Adds what the attempt has done to the run's figures.
async fn add_to_run(conn: &mut Conn<'_>, change: &StepChange) -> Result<(), DbError> {
    let (done, rows) = done_and_rows(change);
    if done == 0 && rows == 0 {
        return Ok(());
    }
    let binds = [Bind::word(change.run_id), Bind::int(done), Bind::int(rows)];
    let sql = format!("update ly2_job_runs set steps_done = steps_done + $2, rows_affected = {ADD_ROWS} where id = $1");
    conn.execute(&sql, &binds).await?;
    Ok(())
}
