//! Retention: the built-in job `_internal-prune-runs` and the runner of its one step, which removes history older than
//! the window in two passes, the log first (seeds, administration).
//!
//! Invariant: it never holds writers up for longer than one batch, and between two batches it rests as long as the batch
//! took. What counts as old is counted from the slot, not from the clock, so both passes mean the same moment.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use host_model::job::{INTERNAL_PREFIX, JobSchedule, Overrides};
use host_model::log::LogLevel;
use host_model::port::{PrunePass, Pruned, StepContext, StepFailure, StepOutcome, StepRunner, Store};
use host_model::retry::{Backoff, RetryPolicy};
use host_model::schedule::{CronExpr, ScheduleKind, ScheduleSpec};
use host_model::{Instant, Job, JobId, Placement, Step, StepError, StepErrorKind, StepName, StepSpec};
use serde_json::json;

/// Log rows, and ledger rows, of one batch: some ten milliseconds.
const ROWS: u32 = 2_000;
/// Runs of one batch, each with its steps and what they were given and returned.
const RUNS: u32 = 500;
/// Longest rest between two batches.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// The first pruning of a long history may take its time.
const TIMEOUT_SECONDS: u32 = 6 * 3600;
const SCHEDULE: &str = "0 3 * * *";

/// Jobs that no file declares; their schedules are in `zone`.
pub fn internal_jobs(zone: Tz) -> Vec<Job> {
    // The names are constants; a test says that they are valid.
    prune_job(zone).into_iter().collect()
}

fn prune_job(zone: Tz) -> Option<Job> {
    let schedule = JobSchedule {
        name: "default".to_owned(),
        text: SCHEDULE.to_owned(),
        spec: ScheduleSpec::new(ScheduleKind::Cron(CronExpr::parse(SCHEDULE).ok()?), zone),
        enabled: true,
        jitter_seconds: 0,
        // How long history is kept is said in `app.toml`, and each process has one of its own: this one's counts.
        placement: Some(Placement::Here),
        overrides: Overrides::default(),
    };
    let step =
        Step { timeout_seconds: TIMEOUT_SECONDS, ..Step::new(StepName::new("prune").ok()?, StepSpec::PruneRuns) };
    let id = JobId::new(&format!("{INTERNAL_PREFIX}prune-runs")).ok()?;
    Some(Job {
        description: "Removes run history older than `history_days`".to_owned(),
        tags: vec!["internal".to_owned()],
        schedules: vec![schedule],
        retry: RetryPolicy { attempts: 3, backoff: Backoff::Exponential, base_seconds: 60 },
        ..Job::new(id, "_internal", vec![step])
    })
}

/// Runs `prune_runs` steps.
pub struct PruneRunner {
    store: Arc<dyn Store>,
    history_days: u32,
}

impl PruneRunner {
    /// A runner that leaves the last `history_days` days in `store`.
    pub fn new(store: Arc<dyn Store>, history_days: u32) -> Self {
        Self { store, history_days }
    }
}

#[async_trait]
impl StepRunner for PruneRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        if *spec != StepSpec::PruneRuns {
            return Err(StepError::definition("this runner removes old history and nothing else").into());
        }
        let cutoff = ctx.scheduled_at - TimeDelta::days(i64::from(self.history_days));
        let shown = cutoff.to_rfc3339_opts(SecondsFormat::Millis, true);
        ctx.info(format!("removing runs that ended before {shown}: {} days are kept", self.history_days)).await;
        let mut pass = Pass { store: &*self.store, ctx, cutoff, pruned: Pruned::default() };

        pass.run(PrunePass::Logs, ROWS).await?;
        ctx.info(format!("pass 1: {} log rows removed", pass.pruned.log_rows)).await;

        pass.run(PrunePass::Runs, RUNS).await?;
        pass.run(PrunePass::Slots, ROWS).await?;
        let Pruned { log_rows, step_rows, run_rows, slot_rows } = pass.pruned;
        ctx.info(format!("pass 2: {step_rows} step rows, {run_rows} run rows and {slot_rows} slot rows removed")).await;

        let output = [
            ("history_days", json!(self.history_days)),
            ("cutoff", json!(shown)),
            ("log_rows", json!(log_rows)),
            ("step_rows", json!(step_rows)),
            ("run_rows", json!(run_rows)),
            ("slot_rows", json!(slot_rows)),
        ];
        Ok(StepOutcome {
            output: output.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
            rows_affected: i64::try_from(pass.pruned.total()).ok(),
            usage: None,
        })
    }
}

/// The batches of an attempt and what they removed together.
struct Pass<'a> {
    store: &'a dyn Store,
    ctx: &'a StepContext,
    cutoff: Instant,
    pruned: Pruned,
}

impl Pass<'_> {
    async fn run(&mut self, pass: PrunePass, limit: u32) -> Result<(), StepError> {
        let note = match pass {
            PrunePass::Logs => "log rows",
            PrunePass::Runs => "runs",
            PrunePass::Slots => "slots",
        };
        loop {
            let began = tokio::time::Instant::now();
            let batch = match self.store.prune(pass, self.cutoff, limit).await {
                Ok(batch) => batch,
                Err(error) => return Err(self.stopped(StepError::remote(error.to_string())).await),
            };
            if batch == Pruned::default() {
                return Ok(());
            }
            let took = began.elapsed();
            self.pruned += batch;
            self.ctx.voice.progress(self.pruned.total(), None, note);
            self.ctx.debug(format!("{} rows in a batch of {note}, {} ms", batch.total(), took.as_millis())).await;
            tokio::select! {
                () = tokio::time::sleep(took.min(LONGEST_REST)) => {}
                () = self.ctx.cancel.canceled() => {
                    let reason = self.ctx.cancel.reason().unwrap_or("canceled").to_owned();
                    return Err(self.stopped(StepError::new(StepErrorKind::Canceled, reason)).await);
                }
            }
        }
    }

    /// Says what is gone already: a failed attempt has no output.
    async fn stopped(&self, error: StepError) -> StepError {
        let Pruned { log_rows, step_rows, run_rows, slot_rows } = self.pruned;
        let counts = format!("{log_rows} log rows, {step_rows} step rows, {run_rows} run rows, {slot_rows} slot rows");
        self.ctx.voice.log(LogLevel::Warning, &format!("stopped early; removed until then: {counts}")).await;
        error
    }
}
