//! Recording a fire: the run with its pending steps, or the skipped run, and the row of the slot it serves.
//!
//! Order matters. The slot's row comes first: where two replicas fire the same slot, its primary key makes the second wait
//! and then find it taken, before it has written anything. Its statement looks for the lease; a take-over that commits
//! between that look and our own commit does no harm: the new holder meets our row of the slot, waits for it and finds the
//! slot taken. Then comes the run, and the partial unique index decides whether it may be active; only a refusal makes us
//! look for the run that is in the way.
//!
//! A fire that has nothing to look up in between sends slot, run and steps together; each depends on the one before. Many
//! of them at once go through `bundle`.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::fire::{NewRun, Recorded, Slot, SlotOutcome, queue_full, still_running};
use host_model::job::Overlap;
use host_model::{Json, RunId, RunStatus, StepStatus};

use crate::bundle;
use crate::definitions::{self, Definitions, Digest};
use crate::error::DbError;
use crate::gate;
use crate::lease;
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// `Store::record_fire`.
pub(crate) struct RecordFire {
    pub(crate) new: NewRun,
    pub(crate) digest: Digest,
    pub(crate) definitions: Arc<Definitions>,
}

impl RecordFire {
    pub(crate) fn new(new: NewRun, definitions: Arc<Definitions>) -> Self {
        Self { digest: Digest::of(&new.definition), new, definitions }
    }
}

/// The run in the way may end between the refusal and our look at it; more than twice in a row is no coincidence.
const ATTEMPTS: u32 = 8;

#[async_trait]
impl Write for RecordFire {
    type Answer = Recorded;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Recorded>, DbError> {
        let new = &self.new;
        let (digest, slot, steps) = (self.digest.to_string(), slot_statement(""), steps_statement(conn));
        let run = run_statement("", new.slot.is_some(), may_begin(new.overlap));
        let binds = self.binds(&digest);
        let mut statements: Vec<&str> = vec![&slot, &run, &steps];
        if new.slot.is_none() {
            statements.remove(0);
        }
        if new.steps.is_empty() {
            statements.pop();
        }
        let is_noted = self.definitions.is_noted(&self.digest, new.queued_at);
        if !is_noted || new.overlap.waits() || !new.depends_on.is_empty() {
            if new.slot.is_some() && conn.execute(statements.remove(0), &binds).await? == 0 {
                return refused(conn, new).await;
            }
            if let Some(reason) = self.find_obstacle(conn).await? {
                record_skipped(conn, new, &reason).await?;
                return Ok(Verdict::Keep(Recorded::HeldBack { reason }));
            }
            if !is_noted {
                definitions::keep(conn, &digest, new).await?;
                self.definitions.note(self.digest, new.queued_at);
            }
        }
        for _ in 0..ATTEMPTS {
            let changed = conn.execute_in_turn(&statements, &binds).await?;
            let takes_slot = statements[0] == slot;
            if takes_slot && changed == 0 {
                return refused(conn, new).await;
            }
            if changed > u64::from(takes_slot) {
                return Ok(Verdict::Keep(Recorded::Queued));
            }
            if takes_slot {
                statements.remove(0);
            }
            if let Some(active) = find_active(conn, new).await? {
                record_skipped(conn, new, &still_running(active)).await?;
                return Ok(Verdict::Keep(Recorded::Skipped { active }));
            }
            // Nobody was in the way, so it may be that retention has taken the definition.
            definitions::keep(conn, &digest, new).await?;
        }
        Err(DbError::NotCommitted(format!("runs of job `{}` begin and end too quickly", new.job_id)))
    }

    /// A run that somebody asks for, of a job that waits for nothing.
    async fn perform_at_once(&self, conn: &mut Conn<'_>) -> Result<Option<Recorded>, DbError> {
        let new = &self.new;
        let is_noted = self.definitions.is_noted(&self.digest, new.queued_at);
        if !is_noted || new.slot.is_some() || new.overlap.waits() || !new.depends_on.is_empty() {
            return Ok(None);
        }
        let run = run_statement("", false, may_begin(new.overlap));
        let sql = format!(
            "with run as ({run} returning id), steps as (\
             insert into ly2_step_runs (run_id, step_index, step_name, step_type, status, attempt) \
             select run.id, step.n - 1, step.value ->> 0, step.value ->> 1, $27, 1 \
             from run, json_array_elements($26) with ordinality step (value, n)) \
             select id from run"
        );
        let digest = self.digest.to_string();
        let row = conn.fetch_optional(&sql, &self.binds(&digest)).await?;
        Ok(row.map(|_| Recorded::Queued))
    }

    fn as_fire(&self) -> Option<(&RecordFire, Recorded)> {
        bundle::may_hold(&self.new).then_some((self, Recorded::Queued))
    }
}

impl RecordFire {
    /// The parameters of all statements for a run that begins or waits.
    pub(crate) fn binds<'a>(&'a self, digest: &'a str) -> [Bind<'a>; 27] {
        binds(&self.new, RunStatus::Queued, Does::This(digest))
    }

    /// What keeps the run from being recorded as one that begins or waits.
    async fn find_obstacle(&self, conn: &mut Conn<'_>) -> Result<Option<String>, DbError> {
        let new = &self.new;
        if let Some(reason) = gate::find_unmet(conn, new).await? {
            return Ok(Some(reason));
        }
        if new.overlap.waits() {
            gate::lock_job(conn, &new.job_id).await?;
            if gate::is_queue_full(conn, &new.job_id).await? {
                return Ok(Some(queue_full()));
            }
            if new.overlap == Overlap::CancelRunning {
                gate::supersede(conn, new).await?;
            }
        }
        Ok(None)
    }
}

/// Why the slot's row was not written; neither was anything else. A lease that is there now was there then: one that is
/// lost does not come back in the same term.
async fn refused(conn: &mut Conn<'_>, new: &NewRun) -> Result<Verdict<Recorded>, DbError> {
    let is_lost = lease::is_lost(conn, new.lease.as_ref()).await?;
    Ok(Verdict::Keep(if is_lost { Recorded::LeaseLost } else { Recorded::SlotTaken }))
}

async fn record_skipped(conn: &mut Conn<'_>, new: &NewRun, reason: &str) -> Result<(), DbError> {
    let binds = binds(new, RunStatus::Skipped, Does::Nothing { reason });
    conn.execute(&run_statement("", new.slot.is_some(), "true"), &binds).await?;
    match &new.slot {
        Some(slot) => mark_slot_skipped(conn, slot, reason).await,
        None => Ok(()),
    }
}

/// What a new run does.
enum Does<'a> {
    /// What the definition with this digest says.
    This(&'a str),
    Nothing {
        reason: &'a str,
    },
}

/// The parameters of [`slot_statement`], [`run_statement`] and [`steps_statement`].
fn binds<'a>(new: &'a NewRun, status: RunStatus, does: Does<'a>) -> [Bind<'a>; 27] {
    let (definition, reason) = match does {
        Does::This(digest) => (Some(digest), None),
        Does::Nothing { reason } => (None, Some(reason)),
    };
    let finished_at = status.is_final().then_some(new.queued_at);
    let steps = new.steps.iter().map(|(name, step_type)| Json::from(vec![name.as_str(), step_type])).collect();
    [
        Bind::word(new.id),
        Bind::text(new.job_id.as_str()),
        Bind::text(status.as_str()),
        Bind::opt_text(reason),
        Bind::text(&new.triggered_by),
        Bind::opt_text(new.schedule()),
        Bind::opt_at(new.scheduled_at()),
        Bind::at(new.queued_at),
        Bind::opt_at(finished_at),
        Bind::int(i64::try_from(new.steps.len()).unwrap_or(i64::MAX)),
        Bind::text(new.log_level.as_str()),
        Bind::json_map(Some(&new.params)),
        Bind::json_map(Some(&new.overrides)),
        Bind::text(&new.owner),
        Bind::Flag(new.overlap != Overlap::Allow),
        Bind::Flag(new.overlap.waits()),
        Bind::Text(new.replay.as_ref().map(|replay| replay.of.to_string().into())),
        Bind::int(i64::from(!new.owner.is_empty())),
        Bind::text(&new.placement),
        Bind::texts(&new.limits),
        Bind::opt_text(definition),
        Bind::opt_text(new.replay.as_ref().and_then(|replay| replay.from.as_ref()).map(|step| step.as_str())),
        Bind::opt_text(new.lease.as_ref().map(|held| held.holder.as_str())),
        Bind::Int(new.lease.as_ref().map(|held| i64::try_from(held.term).unwrap_or(i64::MAX))),
        Bind::text(SlotOutcome::Fired.as_str()),
        Bind::json(Some(&Json::Array(steps))),
        Bind::text(StepStatus::Pending.as_str()),
    ]
}

/// Changes nothing when the lease is gone or the slot was already decided; in PostgreSQL, after waiting for whoever is
/// deciding it. Schedule and instant of a fire that has a slot are those of the slot. `from` is what it is done for each row
/// of, or nothing.
pub(crate) fn slot_statement(from: &str) -> String {
    format!(
        "insert into ly2_slots (job_id, schedule, due_at, outcome, run_id, decided_at) \
         select $2, $6, $7, $25, $1, $8 {from} \
         where ($23 is null or exists (select 1 from ly2_jobs_lock where holder = $23 and term = $24)) \
         on conflict (job_id, due_at, schedule) do nothing"
    )
}

/// What has to be true for a run to be recorded, beyond what the index says: that knows nothing of runs that wait, which
/// are there when the job was of another mind before.
fn may_begin(overlap: Overlap) -> &'static str {
    if overlap == Overlap::Skip { NONE_IN_FLIGHT } else { "true" }
}

/// No run of the job that allows no other is in flight.
pub(crate) const NONE_IN_FLIGHT: &str = "not exists (select 1 from ly2_job_runs \
    where job_id = $2 and exclusive = true and status in ('QUEUED', 'RUNNING'))";

/// Changes nothing when the run would be the second active one of a job that allows one, when its definition is not there,
/// or when it has a slot that is not its own.
pub(crate) fn run_statement(from: &str, has_slot: bool, may_begin: &str) -> String {
    let owns_slot = if has_slot {
        "exists (select 1 from ly2_slots where job_id = $2 and due_at = $7 and schedule = $6 and run_id = $1)"
    } else {
        "true"
    };
    format!(
        "insert into ly2_job_runs (id, job_id, status, reason, triggered_by, schedule, scheduled_at, queued_at, \
         finished_at, step_count, log_level, params, overrides, owner, exclusive, waits, replay_of, \
         term, placement, limits, definition, replay_from) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22 \
         {from} where {owns_slot} and {may_begin} \
         and ($21 is null or exists (select 1 from ly2_job_definitions where digest = $21)) \
         on conflict (job_id) where exclusive = true and waits = false and status in ('QUEUED', 'RUNNING') do nothing"
    )
}

/// One text for any number of steps; changes nothing when the run is not there.
fn steps_statement(conn: &Conn<'_>) -> String {
    match conn {
        Conn::Sqlite(_) => steps_statement_of_sqlite("from"),
        Conn::Postgres(..) => "insert into ly2_step_runs (run_id, step_index, step_name, step_type, status, attempt) \
             select $1, step.n - 1, step.value ->> 0, step.value ->> 1, $27, 1 \
             from json_array_elements($26) with ordinality step (value, n) \
             where exists (select 1 from ly2_job_runs where id = $1)"
            .to_owned(),
    }
}

/// [`steps_statement`] for each row of `from`.
pub(crate) fn steps_statement_of_sqlite(from: &str) -> String {
    format!(
        "insert into ly2_step_runs (run_id, step_index, step_name, step_type, status, attempt) \
         select $1, step.key, step.value ->> 0, step.value ->> 1, $27, 1 {from} json_each($26) step \
         where exists (select 1 from ly2_job_runs where id = $1)"
    )
}

async fn find_active(conn: &mut Conn<'_>, new: &NewRun) -> Result<Option<RunId>, DbError> {
    let sql = "select id from ly2_job_runs where job_id = $1 and exclusive = true and status in ('QUEUED', 'RUNNING') \
               order by id limit 1";
    let row = conn.fetch_optional(sql, &[Bind::text(new.job_id.as_str())]).await?;
    row.map(|row| row.run_id("id")).transpose()
}

async fn mark_slot_skipped(conn: &mut Conn<'_>, slot: &Slot, reason: &str) -> Result<(), DbError> {
    let binds = [
        Bind::text(slot.job_id.as_str()),
        Bind::at(slot.due_at),
        Bind::text(&slot.schedule),
        Bind::text(SlotOutcome::Skipped.as_str()),
        Bind::text(reason),
    ];
    conn.execute(
        "update ly2_slots set outcome = $4, reason = $5 where job_id = $1 and due_at = $2 and schedule = $3",
        &binds,
    )
    .await?;
    Ok(())
}
