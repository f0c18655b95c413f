//! `call_job`: a step that is a run of another job. The runner fires it through the dispatch like anybody else, waits for
//! its end wherever it runs, and turns its final state into the step's.
//!
//! A run that waits for another holds no place among those that run at once (`run_task` gives it back), so callers can
//! never keep the runs they wait for from beginning. Invariant: no run waits for a run of a job that waits for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use host_model::job::Overrides;
use host_model::placement::limited_by;
use host_model::port::{CancelMark, StepContext, StepFailure, StepOutcome, StepRunner, StoreError};
use host_model::run::{Run, RunFilter, RunStatus, StepStatus, Trigger};
use host_model::{JobId, Json, JsonMap, RunId, StepError, StepErrorKind, StepSpec};
use serde_json::json;

use crate::claim;
use crate::dispatch::{self, DispatchError, FireRequest};
use crate::shared::Shared;

/// Between two looks at a run that may run in another process.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What the store gets to keep the mark when the caller is cancelled; a runner returns within 2 s.
const CANCEL_WITHIN: Duration = Duration::from_millis(1500);
/// Runs that call one another.
const DEEPEST: usize = 16;
/// Runs of a job looked at to find the one that was fired before a restart.
const LOOKED_AT: u32 = 100;

/// Runs `call_job` steps. It knows the engine it belongs to, and does not keep it alive.
pub(crate) struct CallRunner(Weak<Shared>);

impl CallRunner {
    pub(crate) fn new(shared: Weak<Shared>) -> Self {
        Self(shared)
    }
}

#[async_trait]
impl StepRunner for CallRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::CallJob { job, params } = spec else {
            return Err(StepError::definition("this runner calls jobs and nothing else").into());
        };
        let Some(shared) = self.0.upgrade() else {
            return Err(StepError::new(StepErrorKind::Crashed, "the engine is gone").into());
        };
        let call = Call { shared, ctx, job };
        let run = call.begin(params).await?;
        let ended = tokio::select! {
            ended = call.ended(run) => ended?,
            () = ctx.cancel.canceled() => {
                call.cancel(run).await;
                let reason = ctx.cancel.reason().unwrap_or("canceled").to_owned();
                return Err(StepError::new(StepErrorKind::Canceled, reason).into());
            }
        };
        Ok(call.outcome(ended).await?)
    }
}

struct Call<'a> {
    shared: Arc<Shared>,
    ctx: &'a StepContext,
    /// The job that is called.
    job: &'a JobId,
}

impl Call<'_> {
    /// The run to wait for: one that was fired before this process had the caller, else a new one.
    async fn begin(&self, params: &JsonMap) -> Result<RunId, StepError> {
        let caller = self.find(self.ctx.run_id).await?;
        self.check_chain(&caller).await?;
        let trigger = Trigger::Job(caller.id);
        if let Some(run) = self.already(&trigger.to_string()).await? {
            self.ctx.info(format!("run {run} of job `{}` goes on", self.job)).await;
            return Ok(run);
        }
        // What somebody set for this one fire of the caller is set for what it calls, too.
        let mut values = caller.overrides.get("params").and_then(Json::as_object).cloned().unwrap_or_default();
        values.extend(params.clone());
        let request = FireRequest {
            overrides: Overrides { params: values, log_level: Some(self.ctx.log_level), ..Overrides::default() },
            ..FireRequest::manual(self.job.clone(), trigger)
        };
        let (shared, as_of) = (self.shared.clone(), self.ctx.scheduled_at);
        // In a task of its own: a caller that is cut off in the middle must not leave a recorded run that nobody runs.
        let fired = tokio::spawn(async move { dispatch::call(&shared, request, as_of).await }).await;
        match fired {
            Ok(Ok(fired)) => {
                self.ctx.info(format!("run {} of job `{}` begins", fired.run_id, self.job)).await;
                Ok(fired.run_id)
            }
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(StepError::new(StepErrorKind::Crashed, "the dispatch broke off")),
        }
    }

    /// The catalogue refuses circles; this is for definitions that were accepted before it changed.
    async fn check_chain(&self, caller: &Run) -> Result<(), StepError> {
        let mut chain = vec![caller.job_id.clone()];
        let mut above = caller.triggered_by.clone();
        while let Some(run) = above.strip_prefix("job:").and_then(|id| RunId::parse(id).ok()) {
            let Some(run) = self.shared.store.find_run(run).await.map_err(|e| away(&e))? else { break };
            chain.push(run.job_id);
            above = run.triggered_by;
            if chain.len() > DEEPEST {
                return Err(StepError::definition(format!("more than {DEEPEST} jobs call one another")));
            }
        }
        if chain.contains(self.job) {
            let path: Vec<&str> = chain.iter().rev().chain([self.job]).map(JobId::as_str).collect();
            return Err(StepError::definition(format!("`call_job` calls itself in a circle: {}", path.join(" → "))));
        }
        let jobs = self.shared.jobs();
        let limits = &self.shared.limits;
        let held = chain.iter().filter_map(|id| jobs.get(id)).flat_map(|job| limited_by(job, limits));
        let wanted = jobs.get(self.job).map(|job| limited_by(job, limits)).unwrap_or_default();
        if let Some(key) = held.into_iter().find(|key| wanted.contains(key) && limits.get(key) == Some(&1)) {
            let text = format!(
                "job `{}` would wait for the limit `{key}`, which its caller holds until it has ended",
                self.job
            );
            return Err(StepError::definition(text));
        }
        Ok(())
    }

    async fn already(&self, triggered_by: &str) -> Result<Option<RunId>, StepError> {
        let filter = RunFilter {
            jobs: vec![self.job.clone()],
            statuses: vec![RunStatus::Queued, RunStatus::Running],
            limit: LOOKED_AT,
            ..RunFilter::default()
        };
        let runs = self.shared.store.list_runs(&filter).await.map_err(|e| away(&e))?;
        let is_ours = |run: &&Run| run.triggered_by == triggered_by && run.cancel_requested_by.is_none();
        Ok(runs.iter().find(is_ours).map(|run| run.id))
    }

    async fn find(&self, run: RunId) -> Result<Run, StepError> {
        let found = self.shared.patience.until_stored(|| self.shared.store.find_run(run)).await;
        let gone = || StepError::remote(format!("run {run} is no longer in the store"));
        found.map_err(|error| away(&error))?.ok_or_else(gone)
    }

    /// The run once it is final.
    async fn ended(&self, run: RunId) -> Result<Run, StepError> {
        loop {
            // From here on no end in this process is missed.
            let rings = self.shared.idle.notified();
            let found = self.find(run).await?;
            if found.status.is_final() {
                return Ok(found);
            }
            self.ctx.voice.progress(found.steps_done.into(), Some(found.step_count.into()), "steps");
            tokio::select! {
                () = rings => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn cancel(&self, run: RunId) {
        let by = Trigger::Job(self.ctx.run_id).to_string();
        let asked = tokio::time::timeout(CANCEL_WITHIN, claim::request_cancel(&self.shared, run, &by)).await;
        match asked {
            Ok(Ok(CancelMark::Marked | CancelMark::AlreadyFinal(_) | CancelMark::NotFound)) => {}
            Ok(Err(error)) => tracing::warn!(%error, run.id = %run, "a called run could not be canceled"),
            Err(_) => tracing::warn!(run.id = %run, "a called run could not be canceled in time"),
        }
    }

    /// What the end of the called run means for the step.
    async fn outcome(&self, run: Run) -> Result<StepOutcome, StepError> {
        let what = format!("run {} of job `{}`", run.id, run.job_id);
        let why = run.error.as_deref().or(run.reason.as_deref()).unwrap_or("no reason was recorded");
        match run.status {
            RunStatus::Succeeded => {}
            RunStatus::Canceled => {
                return Err(StepError::new(StepErrorKind::Canceled, format!("{what} was canceled: {why}")));
            }
            RunStatus::Skipped => {
                return Err(StepError::new(StepErrorKind::Failed, format!("{what} was skipped: {why}")));
            }
            RunStatus::Failed | RunStatus::Queued | RunStatus::Running => {
                return Err(StepError::new(StepErrorKind::Failed, format!("{what} failed: {why}")));
            }
        }
        let steps = self.shared.store.list_steps(run.id).await.map_err(|e| away(&e))?;
        let last = steps.into_iter().rev().find(|step| step.status == StepStatus::Succeeded);
        let output = [
            ("run_id", json!(run.id.to_string())),
            ("job", json!(run.job_id.as_str())),
            ("status", json!(run.status.as_str())),
            ("rows_affected", json!(run.rows_affected)),
            ("output", Json::Object(last.and_then(|step| step.output).unwrap_or_default())),
        ];
        Ok(StepOutcome {
            output: output.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
            rows_affected: Some(run.rows_affected),
            usage: None,
        })
    }
}

fn away(error: &StoreError) -> StepError {
    StepError::remote(error.to_string())
}

fn refused(error: &DispatchError) -> StepError {
    let text = error.to_string();
    match error {
        DispatchError::UnknownJob { .. } | DispatchError::UnknownSteps { .. } | DispatchError::UnknownPreset { .. } => {
            StepError::definition(text)
        }
        DispatchError::AlreadyRunning { .. } | DispatchError::HeldBack { .. } => {
            StepError::new(StepErrorKind::Failed, text)
        }
        DispatchError::SlotTaken { .. }
        | DispatchError::LeaseLost
        | DispatchError::ShuttingDown
        | DispatchError::Store(_) => StepError::remote(text),
    }
}
