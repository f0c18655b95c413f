//! A run again: with the values its operator gave it and its slot, by the definition kept with it or the job's of now, whole
//! or from a step. What the steps before that one returned is read from the run that is repeated.

use std::collections::HashMap;
use std::sync::Arc;

use host_model::definition::Definition;
use host_model::diagnostic::nearest;
use host_model::fire::Replay;
use host_model::port::{Store, StoreError};
use host_model::run::{Run, RunStatus, StepRun, Trigger};
use host_model::template::StepResult;
use host_model::transition::SKIPPED_REPLAY;
use host_model::{Job, JobId, Json, RunId, StepName, StepStatus, params};

use crate::dispatch::{self, DispatchError, FireRequest, Fired, How};
use crate::shared::Shared;

/// A replay of a replay reads what it skips from the run before, and so on; at most so far back.
const DEEPEST: usize = 32;

/// A wish to repeat a run.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// Which run.
    pub run: RunId,
    /// The first step to run; `None` = the first of all.
    pub from_step: Option<StepName>,
    /// True = what the job says now; false = what it said when the run was recorded.
    pub current: bool,
    /// Who asks.
    pub trigger: Trigger,
    /// The id the new run has to have, if it was chosen before.
    pub run_id: Option<RunId>,
}

/// Why a run is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No such run.
    #[error("there is no run `{run}`")]
    UnknownRun {
        /// The id asked for.
        run: RunId,
    },
    /// It can still change.
    #[error("run `{run}` is still {}", status.as_str())]
    NotOver {
        /// The run.
        run: RunId,
        /// Where it stands.
        status: RunStatus,
    },
    /// The job has no such step now.
    #[error("job `{job}` has no step named `{step}`")]
    UnknownStep {
        /// The job.
        job: JobId,
        /// The name asked for.
        step: StepName,
        /// The nearest name it has.
        near: Option<String>,
    },
    /// The values of the run's schedule are gone with it.
    #[error("run `{run}` was fired by schedule `{schedule}`, which job `{job}` no longer has")]
    ScheduleGone {
        /// The run.
        run: RunId,
        /// Its job.
        job: JobId,
        /// Its schedule.
        schedule: String,
    },
    /// The run is of a version that did not keep what its job said.
    #[error("what run `{run}` did was not kept with it")]
    NoDefinition {
        /// The run.
        run: RunId,
    },
    /// The new run did not begin.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Dispatch(error.into())
    }
}

/// The first steps of a replay, which do not run, and what they returned before.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// How many.
    pub(crate) count: u32,
    /// By step, as far as the runs before had them.
    pub(crate) results: HashMap<StepName, StepResult>,
}

pub(crate) async fn replay(shared: &Arc<Shared>, request: ReplayRequest) -> Result<Fired, ReplayError> {
    let store = &*shared.store;
    let run = store.find_run(request.run).await?.ok_or(ReplayError::UnknownRun { run: request.run })?;
    if !run.status.is_final() {
        return Err(ReplayError::NotOver { run: run.id, status: run.status });
    }
    let overrides = params::read_overrides(&run.overrides);
    let preset = run.overrides.get(params::PRESET).and_then(Json::as_str).map(str::to_owned);
    let manual = FireRequest::manual(run.job_id.clone(), request.trigger);
    let fire = FireRequest { overrides, preset, run_id: request.run_id, ..manual };
    let (job, definition) = if request.current {
        (current(shared, &run, &fire)?, None)
    } else {
        let text = store.find_definition(run.id).await?.ok_or(ReplayError::NoDefinition { run: run.id })?;
        let definition = Definition::parse(&text).map_err(|error| StoreError::Corrupt {
            operation: "read the definition of a run",
            message: error.to_string(),
        })?;
        (Arc::new(as_it_was(shared, &run, &definition)), Some(definition))
    };
    let mut head = Head::default();
    if let Some(step) = &request.from_step {
        head = Head { count: position(&job, step)?, results: find_results(store, &run).await? };
    }
    let replay = Replay {
        of: run.id,
        schedule: run.schedule,
        scheduled_at: run.scheduled_at.unwrap_or(run.queued_at),
        from: request.from_step,
    };
    Ok(dispatch::begin(shared, job, fire, How { replay: Some((replay, head)), definition, ..How::default() }).await?)
}

/// The job as it is, which must still have the schedule whose values apply.
fn current(shared: &Shared, run: &Run, fire: &FireRequest) -> Result<Arc<Job>, ReplayError> {
    let job = dispatch::find_job(shared, fire)?;
    match run.schedule.as_ref().filter(|name| job.schedules.iter().all(|s| s.name != **name)) {
        Some(schedule) => {
            Err(ReplayError::ScheduleGone { run: run.id, job: job.id.clone(), schedule: schedule.clone() })
        }
        None => Ok(job),
    }
}

/// The job as it was. How its runs get along with one another is a rule of today, if the job still exists.
fn as_it_was(shared: &Shared, run: &Run, definition: &Definition) -> Job {
    let was = Job { log_level: run.log_level, ..definition.job(run.job_id.clone()) };
    match shared.jobs().get(&run.job_id) {
        Some(now) => Job { tags: now.tags.clone(), overlap: now.overlap, placement: now.placement.clone(), ..was },
        None => was,
    }
}

/// What the steps before the first one of a replay returned, for a run that is taken up from the store.
pub(crate) async fn find_head(shared: &Shared, run: &Run) -> Result<Head, StoreError> {
    let (Some(of), Some(from)) = (run.replay_of, &run.replay_from) else { return Ok(Head::default()) };
    let steps = shared.store.list_steps(run.id).await?;
    let count = steps.iter().find(|step| step.name == *from).map_or(0, |step| step.index);
    let results = match shared.store.find_run(of).await? {
        Some(of) => find_results(&*shared.store, &of).await?,
        // Retention took it; templates that need it will say so.
        None => HashMap::new(),
    };
    Ok(Head { count, results })
}

fn position(job: &Job, step: &StepName) -> Result<u32, ReplayError> {
    let found = job.find_step(step.as_str()).and_then(|(index, _)| u32::try_from(index).ok());
    found.ok_or_else(|| ReplayError::UnknownStep {
        near: nearest(step.as_str(), job.steps.iter().map(|s| s.name.as_str())).map(str::to_owned),
        job: job.id.clone(),
        step: step.clone(),
    })
}

/// What each step came to; steps that a replay skipped count as in the run it repeated.
async fn find_results(store: &dyn Store, run: &Run) -> Result<HashMap<StepName, StepResult>, StoreError> {
    let mut results = HashMap::new();
    let (mut id, mut of) = (run.id, run.replay_of);
    for _ in 0..DEEPEST {
        let steps = store.list_steps(id).await?;
        // Attempts come in order, so the last of each step stays.
        let latest: HashMap<StepName, StepRun> = steps.into_iter().map(|step| (step.name.clone(), step)).collect();
        let (skipped, ran): (Vec<StepRun>, Vec<StepRun>) = latest.into_values().partition(is_replayed);
        for step in ran {
            let result = StepResult { status: step.status, output: step.output.unwrap_or_default() };
            results.entry(step.name).or_insert(result);
        }
        let before = match of.filter(|_| !skipped.is_empty()) {
            Some(before) => store.find_run(before).await?,
            None => None,
        };
        let Some(before) = before else { break };
        (id, of) = (before.id, before.replay_of);
    }
    Ok(results)
}

fn is_replayed(step: &StepRun) -> bool {
    let reason = step.reason.as_deref().unwrap_or_default();
    step.status == StepStatus::Canceled && reason.starts_with(SKIPPED_REPLAY)
}
