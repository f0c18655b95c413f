//! Recording a fire: the run with its pending steps, or the skipped run, and the row of the slot it serves.
//!
//! Order matters. The lease comes before anything is written. A take-over that commits between that look and our own commit
//! does no harm: the new holder meets our row of the slot, waits for it and finds the slot taken. The slot's row comes next: where two replicas fire the same slot, its primary key makes the second wait
//! and then find it taken, before it has written anything. Then comes the run, and the partial unique index decides
//! whether it may be active; only a refusal makes us look for the run that is in the way.

use std::sync::Arc;

use async_trait::async_trait;
use host_model::RunId;
use host_model::fire::{NewRun, Recorded, Slot, SlotOutcome, SlotRecord, queue_full, still_running};
use host_model::job::Overlap;
use host_model::run::{RunStatus, StepStatus};

use crate::definitions::{self, Definitions, Digest};
use crate::error::DbError;
use crate::gate;
use crate::lease;
use crate::slots::insert_slot;
use crate::sql::{Bind, Conn, placeholders};
use crate::write::{Verdict, Write};

/// `Store::record_fire`.
pub(crate) struct RecordFire {
    new: NewRun,
    digest: Digest,
    definitions: Arc<Definitions>,
}

impl RecordFire {
    pub(crate) fn new(new: NewRun, definitions: Arc<Definitions>) -> Self {
        Self { digest: Digest::of(&new.definition), new, definitions }
    }
}

/// The run in the way may end between the refusal and our look at it; more than twice in a row is no coincidence.
const ATTEMPTS: u32 = 8;
/// Steps of one insert, five parameters each; SQLite finds numbered parameters by searching, so lists stay short.
const STEPS_PER_INSERT: usize = 100;

#[async_trait]
impl Write for RecordFire {
    type Answer = Recorded;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Recorded>, DbError> {
        let new = &self.new;
        if let Some(slot) = &new.slot {
            if lease::is_lost(conn, new.lease.as_ref()).await? {
                return Ok(Verdict::Undo(Recorded::LeaseLost));
            }
            if !insert_slot(conn, &fired(new, slot)).await? {
                return Ok(Verdict::Undo(Recorded::SlotTaken));
            }
        }
        if let Some(reason) = gate::find_unmet(conn, new).await? {
            record_skipped(conn, new, &reason).await?;
            return Ok(Verdict::Keep(Recorded::HeldBack { reason }));
        }
        if new.overlap.waits() {
            gate::lock_job(conn, &new.job_id).await?;
            if gate::is_queue_full(conn, &new.job_id).await? {
                let reason = queue_full();
                record_skipped(conn, new, &reason).await?;
                return Ok(Verdict::Keep(Recorded::HeldBack { reason }));
            }
            if new.overlap == Overlap::CancelRunning {
                gate::supersede(conn, new).await?;
            }
        }
        let digest = self.digest.to_string();
        if !self.definitions.is_noted(&self.digest, new.queued_at) {
            definitions::keep(conn, &digest, new).await?;
            self.definitions.note(self.digest, new.queued_at);
        }
        for _ in 0..ATTEMPTS {
            if insert_run(conn, new, RunStatus::Queued, Does::This(&digest)).await? {
                insert_steps(conn, new).await?;
                return Ok(Verdict::Keep(Recorded::Queued));
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
}

fn fired(new: &NewRun, slot: &Slot) -> SlotRecord {
    SlotRecord {
        slot: slot.clone(),
        outcome: SlotOutcome::Fired,
        reason: None,
        run_id: Some(new.id),
        decided_at: new.queued_at,
    }
}

async fn record_skipped(conn: &mut Conn<'_>, new: &NewRun, reason: &str) -> Result<(), DbError> {
    insert_run(conn, new, RunStatus::Skipped, Does::Nothing { reason }).await?;
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

/// False when the run would be the second active one of a job that allows one, or its definition is not there.
async fn insert_run(conn: &mut Conn<'_>, new: &NewRun, status: RunStatus, does: Does<'_>) -> Result<bool, DbError> {
    let (definition, reason) = match does {
        Does::This(digest) => (Some(digest), None),
        Does::Nothing { reason } => (None, Some(reason)),
    };
    let step_count = i64::try_from(new.steps.len()).unwrap_or(i64::MAX);
    let finished_at = status.is_final().then_some(new.queued_at);
    let binds = [
        Bind::word(new.id),
        Bind::text(new.job_id.as_str()),
        Bind::text(status.as_str()),
        Bind::opt_text(reason),
        Bind::text(&new.triggered_by),
        Bind::opt_text(new.schedule()),
        Bind::opt_at(new.scheduled_at()),
        Bind::at(new.queued_at),
        Bind::opt_at(finished_at),
        Bind::int(step_count),
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
    ];
    let when = match (new.overlap, status) {
        (Overlap::Skip, RunStatus::Queued) => {
            // The index knows nothing of runs that wait: they are there when the job was of another mind before.
            "not exists (select 1 from ly2_job_runs \
             where job_id = $2 and exclusive = true and status in ('QUEUED', 'RUNNING'))"
        }
        _ => "true",
    };
    let sql = format!(
        "insert into ly2_job_runs (id, job_id, status, reason, triggered_by, schedule, scheduled_at, queued_at, \
         finished_at, step_count, log_level, params, overrides, owner, exclusive, waits, replay_of, \
         term, placement, limits, definition, replay_from) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22 \
         where {when} and ($21 is null or exists (select 1 from ly2_job_definitions where digest = $21)) \
         on conflict (job_id) where exclusive = true and waits = false and status in ('QUEUED', 'RUNNING') do nothing"
    );
    Ok(conn.execute(&sql, &binds).await? == 1)
}

async fn insert_steps(conn: &mut Conn<'_>, new: &NewRun) -> Result<(), DbError> {
    for (chunk, steps) in new.steps.chunks(STEPS_PER_INSERT).enumerate() {
        let mut binds = Vec::with_capacity(steps.len() * 5);
        for (position, (name, step_type)) in steps.iter().enumerate() {
            let index = i64::try_from(chunk * STEPS_PER_INSERT + position).unwrap_or(i64::MAX);
            binds.extend([
                Bind::word(new.id),
                Bind::int(index),
                Bind::text(name.as_str()),
                Bind::text(step_type),
                Bind::text(StepStatus::Pending.as_str()),
            ]);
        }
        // `attempt` is a number of every row alike; a literal keeps the list of parameters short.
        let values = placeholders(steps.len(), 5).replace(')', ", 1)");
        let sql = format!(
            "insert into ly2_step_runs (run_id, step_index, step_name, step_type, status, attempt) values {values}"
        );
        conn.execute(&sql, &binds).await?;
    }
    Ok(())
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
