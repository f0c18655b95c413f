//! Removing history, a batch in a transaction. A run is old when it ended before the cutoff, so one in flight never is;
//! its id says when it was accepted, which lets the primary keys of runs, steps and logs find the oldest rows.
//!
//! Invariant: each batch takes the oldest rows there are, so that whoever stops in between leaves no hole behind.

use async_trait::async_trait;
use host_model::port::{PrunePass, Pruned};
use host_model::{Instant, RunId};

use crate::error::DbError;
use crate::set_back::{self, says_up_to};
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

/// `Store::prune`.
pub(crate) struct PruneBatch {
    pub(crate) pass: PrunePass,
    pub(crate) before: Instant,
    pub(crate) limit: u32,
}

/// A log row without a run came late, after its run was pruned.
const LOGS: &str = "delete from ly2_job_logs where (run_id, seq) in (\
    select l.run_id, l.seq from ly2_job_logs l left join ly2_job_runs r on r.id = l.run_id \
    where l.run_id < $1 and (r.id is null or r.finished_at < $2) order by l.run_id, l.seq limit $3)";

/// What the search knows of such rows.
const BLOCKS: &str = "delete from ly2_log_blocks where id in (\
    select b.id from ly2_log_blocks b left join ly2_job_runs r on r.id = b.run_id \
    where b.run_id < $1 and (r.id is null or r.finished_at < $2) order by b.run_id, b.first_seq limit $3)";

const STEPS: &str = "delete from ly2_step_runs where run_id in (\
    select id from ly2_job_runs where id < $1 and finished_at < $2 order by id limit $3)";

const RUNS: &str = "delete from ly2_job_runs where id in (\
    select id from ly2_job_runs where id < $1 and finished_at < $2 order by id limit $3)";

/// A fire of the last hours has moved `used_at`; one that needs the text while it is taken away writes it again.
const DEFINITIONS: &str = "delete from ly2_job_definitions where digest in (\
    select d.digest from ly2_job_definitions d where d.used_at < $1 and not exists (\
    select 1 from ly2_job_runs r where r.definition = d.digest) order by d.used_at limit $2)";

/// Deliveries go with the history they tell of; one that is still on its way is never old.
const DELIVERIES: &str = "delete from ly2_notify_deliveries where id in (\
    select id from ly2_notify_deliveries where finished_at < $1 order by finished_at limit $2)";

/// Small rows, and looked at only once in a pruning.
const DELIVERIES_OF_A_BATCH: i64 = 20;

/// Where no server ever judges them.
const EVENTS: &str = "delete from ly2_notify_events where at < $1";

/// The newest row that says up to where its schedule was decided stays.
fn slots() -> String {
    format!(
        "delete from ly2_slots where (job_id, due_at, schedule) in (\
         select s.job_id, s.due_at, s.schedule from ly2_slots s where s.due_at < $1 and exists (\
         select 1 from ly2_slots n where n.job_id = s.job_id and n.due_at > s.due_at and n.schedule = s.schedule \
         and {}) order by s.due_at limit $2)",
        says_up_to()
    )
}

#[async_trait]
impl Write for PruneBatch {
    type Answer = Pruned;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Pruned>, DbError> {
        let (cutoff, limit) = (Bind::at(self.before), Bind::int(self.limit));
        let of_runs = [Bind::word(first_id_at(self.before)), cutoff.clone(), limit.clone()];
        let mut pruned = Pruned::default();
        match self.pass {
            PrunePass::Logs => {
                // Each block has a line at least, so no block is left when the last line goes.
                conn.execute(BLOCKS, &of_runs).await?;
                pruned.log_rows = conn.execute(LOGS, &of_runs).await?;
            }
            PrunePass::Runs => {
                // Before their runs: what goes by cascade is not counted.
                pruned.step_rows = conn.execute(STEPS, &of_runs).await?;
                pruned.run_rows = conn.execute(RUNS, &of_runs).await?;
                if pruned.run_rows < u64::from(self.limit) {
                    // The last batch: what only these runs did is not needed any more.
                    conn.execute(DEFINITIONS, &[cutoff.clone(), limit.clone()]).await?;
                    let many = Bind::int(i64::from(self.limit) * DELIVERIES_OF_A_BATCH);
                    conn.execute(DELIVERIES, &[cutoff.clone(), many]).await?;
                    conn.execute(EVENTS, &[cutoff]).await?;
                }
            }
            PrunePass::Slots => {
                pruned.slot_rows = conn.execute(&slots(), &[cutoff.clone(), limit]).await?;
                if pruned.slot_rows < u64::from(self.limit) {
                    conn.execute(set_back::FORGET, &[cutoff]).await?;
                }
            }
        }
        Ok(Verdict::Keep(pruned))
    }
}

/// No run accepted before `at` has this id or a later one.
fn first_id_at(at: Instant) -> RunId {
    RunId::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), 0)
}
