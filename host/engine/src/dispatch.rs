//! The only door by which a run begins, whoever asks: scheduler, page, REST, shell. It pins the job, merges parameters,
//! records the fire in one transaction and hands the run to its task.

use std::sync::Arc;

use host_model::definition::Definition;
use host_model::event::Event;
use host_model::fire::{NewRun, Recorded, Replay, Slot, still_running};
use host_model::job::{Job, Overlap, Overrides};
use host_model::placement::{Placement, limited_by};
use host_model::port::StoreError;
use host_model::replica::{COMMAND, Held};
use host_model::run::{Run, RunStatus, Trigger};
use host_model::{Instant, JobId, RunId, StepName, params};
use tokio::sync::OwnedSemaphorePermit;

use crate::claim;
use crate::patience::{LATE_COMMITS, is_row_of};
use crate::recovery;
use crate::replay::Head;
use crate::run_task::RunTask;
use crate::shared::{GIVEN_AWAY, Live, Shared};
use crate::step_task::panic_text;
use crate::tracker::{pending_steps, queued_run};

mod checks;

use checks::check_preset;
pub(crate) use checks::check_steps;

/// Fires that failed and are still being withdrawn; more of them are refused at once, so that an outage does not fill memory.
const MOST_WITHDRAWN: usize = 1000;

/// A wish to run a job.
#[derive(Debug, Clone)]
pub struct FireRequest {
    /// Which job.
    pub job_id: JobId,
    /// Who or what asks.
    pub trigger: Trigger,
    /// The schedule and instant, when a schedule asks.
    pub slot: Option<(String, Instant)>,
    /// Where the run goes, over what schedule and job say.
    pub placement: Option<Placement>,
    /// A preset of the job: its values apply as those of a schedule would.
    pub preset: Option<String>,
    /// Values for this fire only.
    pub overrides: Overrides,
    /// The id the run has to have, when whoever asks chose it before; see [`crate::Engine::next_run_id`].
    pub run_id: Option<RunId>,
}

impl FireRequest {
    /// A request without overrides or schedule.
    pub fn manual(job_id: JobId, trigger: Trigger) -> Self {
        Self {
            job_id,
            trigger,
            slot: None,
            placement: None,
            preset: None,
            overrides: Overrides::default(),
            run_id: None,
        }
    }
}

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// Its id.
    pub run_id: RunId,
    /// The text of the trigger.
    pub triggered_by: String,
}

/// Why no run began.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// No valid job has this id.
    #[error("there is no job `{job}`")]
    UnknownJob {
        /// The id asked for.
        job: JobId,
        /// The nearest known id.
        near: Option<String>,
    },
    /// The overrides name steps the job does not have.
    #[error("job `{job}` has no step named `{}`", steps.join("`, `"))]
    UnknownSteps {
        /// The job.
        job: JobId,
        /// The unknown names.
        steps: Vec<String>,
        /// The names it has.
        known: Vec<StepName>,
    },
    /// The job has no such preset.
    #[error("job `{job}` has no preset `{preset}`")]
    UnknownPreset {
        /// The job.
        job: JobId,
        /// The name asked for.
        preset: String,
        /// The names it has.
        known: Vec<String>,
    },
    /// One run at a time, and one is in flight. The fire was recorded as a `SKIPPED` run.
    #[error("job `{job}` is already running as run {active}")]
    AlreadyRunning {
        /// The job.
        job: JobId,
        /// The run in flight.
        active: RunId,
        /// The recorded run.
        skipped: RunId,
    },
    /// Something else holds the job back: a job it depends on, a full queue. The fire was recorded as a `SKIPPED` run.
    #[error("job `{job}` was skipped: {reason}")]
    HeldBack {
        /// The job.
        job: JobId,
        /// The reason of the recorded run.
        reason: String,
        /// The recorded run.
        skipped: RunId,
    },
    /// This slot was decided before, here or by another replica.
    #[error("the slot of job `{job}` at {due_at} was already decided")]
    SlotTaken {
        /// The job.
        job: JobId,
        /// The instant.
        due_at: Instant,
    },
    /// Another process fires schedules by now.
    #[error("the scheduler's lease belongs to another process")]
    LeaseLost,
    /// The process is stopping.
    #[error("the server is shutting down and takes no new runs")]
    ShuttingDown,
    /// The store cannot record the run.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates the run and starts its task.
pub(crate) async fn fire(shared: &Arc<Shared>, request: FireRequest) -> Result<Fired, DispatchError> {
    let job = find_job(shared, &request)?;
    begin(shared, job, request, How::default()).await
}

/// What sets a fire apart from one somebody asks for.
#[derive(Default)]
pub(crate) struct How {
    /// What is taken over from the run it repeats.
    pub(crate) replay: Option<(Replay, Head)>,
    /// What it does, when that is not what the job says now.
    pub(crate) definition: Option<Definition>,
    /// The right to serve the slot.
    pub(crate) lease: Option<Held>,
    /// The instant it stands for, when it serves no slot.
    pub(crate) as_of: Option<Instant>,
}

/// [`fire`] on behalf of a run that waits for it; dates are counted from that run's instant.
pub(crate) async fn call(shared: &Arc<Shared>, request: FireRequest, as_of: Instant) -> Result<Fired, DispatchError> {
    let job = find_job(shared, &request)?;
    begin(shared, job, request, How { as_of: Some(as_of), ..How::default() }).await
}

/// The job a request is about; its overrides must name steps the job has.
pub(crate) fn find_job(shared: &Shared, request: &FireRequest) -> Result<Arc<Job>, DispatchError> {
    let jobs = shared.jobs();
    let job = jobs.get(&request.job_id).cloned().ok_or_else(|| DispatchError::UnknownJob {
        near: host_model::diagnostic::nearest(request.job_id.as_str(), jobs.keys().map(JobId::as_str))
            .map(str::to_owned),
        job: request.job_id.clone(),
    })?;
    check_steps(&job, &request.overrides)?;
    check_preset(&job, request.preset.as_deref())?;
    Ok(job)
}

/// Records a run of `job` and starts its task, or leaves it to be taken up.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    job: Arc<Job>,
    request: FireRequest,
    how: How,
) -> Result<Fired, DispatchError> {
    let (mut new, prepared) = prepare(shared, &job, &request, how);
    // The door is held while the run is recorded, so that a shutdown sees either no run or a live one.
    let door = shared.door.read().await;
    if *door {
        return Err(DispatchError::ShuttingDown);
    }
    // A slot must not be lost, so the scheduler outlasts a store that is away; a person gets the error at once.
    let recorded = if request.slot.is_some() {
        let next_id = || shared.ids.next(&*shared.clock);
        shared.patience.record_fire(&*shared.store, &mut new, next_id).await?
    } else if shared.withdrawn().len() >= MOST_WITHDRAWN {
        let message = format!("{MOST_WITHDRAWN} runs that could not be recorded are still being looked for");
        return Err(StoreError::Unavailable { operation: "record a run", message }.into());
    } else {
        match shared.store.record_fire(&new).await {
            Ok(recorded) => recorded,
            Err(error) => {
                withdraw(shared, new, prepared).await;
                return Err(error.into());
            }
        }
    };
    match recorded {
        Recorded::Queued => {
            let fired = Fired { run_id: new.id, triggered_by: new.triggered_by.clone() };
            match prepared.place {
                Some(_) => start(shared, prepared.task(shared, &new)).await,
                None => {
                    shared.bus.publish(Event::Run(Arc::new(queued_run(&new))));
                    shared.waiting.add();
                }
            }
            if new.overlap == Overlap::CancelRunning {
                claim::cancel_marked(shared).await;
            }
            Ok(fired)
        }
        Recorded::Skipped { active } => {
            announce_skipped(shared, &new, still_running(active));
            Err(DispatchError::AlreadyRunning { job: new.job_id, active, skipped: new.id })
        }
        Recorded::HeldBack { reason } => {
            announce_skipped(shared, &new, reason.clone());
            Err(DispatchError::HeldBack { job: new.job_id, reason, skipped: new.id })
        }
        Recorded::SlotTaken => {
            Err(DispatchError::SlotTaken { due_at: new.slot.map_or(new.queued_at, |s| s.due_at), job: new.job_id })
        }
        Recorded::LeaseLost => Err(DispatchError::LeaseLost),
    }
}

fn announce_skipped(shared: &Shared, new: &NewRun, reason: String) {
    let run =
        Run { status: RunStatus::Skipped, reason: Some(reason), finished_at: Some(new.queued_at), ..queued_run(new) };
    shared.bus.publish(Event::Run(Arc::new(run)));
}

/// What the task of a run needs beyond its row, and the place it has here; without one it waits.
struct Prepared {
    definition: Definition,
    fire: Overrides,
    head: Head,
    place: Option<OwnedSemaphorePermit>,
}

impl Prepared {
    fn task(self, shared: &Arc<Shared>, new: &NewRun) -> RunTask {
        let Self { definition, fire, head, place } = self;
        RunTask::new(shared.clone(), queued_run(new), pending_steps(new), definition, fire, head, place)
    }
}

/// Perhaps only the store's answer was lost, and the run is there, or will be: a commit may reach the store late. The caller
/// was told that none began, so it must neither run nor stay in the way of the next one: it is cancelled as soon as it is
/// found.
async fn withdraw(shared: &Arc<Shared>, new: NewRun, prepared: Prepared) {
    const WHY: &str = "the store failed while recording it";
    // While the door is still held: from here on nobody takes it for a run whose claim was not answered.
    shared.withdrawn().insert(new.id);
    // Its place is for others.
    let (keeper, task) = (shared.clone(), Prepared { place: None, ..prepared }.task(shared, &new));
    let work = async move {
        if let Some(run) = find_late(&keeper, &new).await
            && keeper
                .patience
                .until_stored(|| keeper.store.request_cancel(run.id, WHY, keeper.clock.now()))
                .await
                .is_ok()
        {
            if run.owner == keeper.me() && run.term == task.run.term {
                task.cancel.cancel(&format!("canceled: {WHY}"));
                start(&keeper, task).await;
            }
            claim::cancel_marked(&keeper).await;
        }
        keeper.withdrawn().remove(&new.id);
    };
    shared.tasks.lock().await.spawn(work);
}

/// The row of `new`, once the store answers and as long as it may still appear.
async fn find_late(shared: &Shared, new: &NewRun) -> Option<Run> {
    for pause in LATE_COMMITS {
        tokio::time::sleep(*pause).await;
        let found = shared.patience.until_stored(|| shared.store.find_run(new.id)).await.ok()?;
        if let Some(run) = found {
            return Some(run).filter(|run| run.status == RunStatus::Queued && is_row_of(run, new));
        }
    }
    None
}

fn prepare(shared: &Arc<Shared>, job: &Job, request: &FireRequest, how: How) -> (NewRun, Prepared) {
    let (replay, head) = how.replay.map_or((None, Head::default()), |(replay, head)| (Some(replay), head));
    let repeated = replay.as_ref().and_then(|replay| replay.schedule.as_ref());
    let schedule_name = request.slot.as_ref().map(|(name, _)| name).or(repeated);
    let declared = schedule_name.and_then(|name| job.schedules.iter().find(|s| s.name == *name));
    let preset = request.preset.as_ref().and_then(|name| job.presets.iter().find(|preset| preset.name == *name));
    let layer = preset.map(|preset| &preset.overrides).or(declared.map(|schedule| &schedule.overrides));
    let definition = how.definition.unwrap_or_else(|| {
        let zone = declared.or(job.schedules.first()).map_or(shared.default_zone, |s| s.spec.zone);
        Definition::of(job, &layer.cloned().unwrap_or_default(), zone)
    });
    let fire = &request.overrides;
    let mut overrides = params::overrides_json(fire);
    overrides.extend(request.preset.iter().map(|name| (params::PRESET.to_owned(), name.as_str().into())));
    let log_level = fire.log_level.or(definition.schedule.log_level).unwrap_or(job.log_level);
    let is_scheduled = request.slot.is_some();
    // A command runs what it is asked for itself, wherever the job's runs go otherwise (product §9).
    let of_job = [declared.and_then(|s| s.placement.as_ref()), job.placement.as_ref()].into_iter().flatten().next();
    let of_job = of_job.filter(|_| shared.presence.role != COMMAND);
    let placement = request.placement.as_ref().or(of_job).cloned();
    let placement = placement.unwrap_or(if is_scheduled { Placement::Any } else { Placement::Here });
    let placement = placement.of_run(shared.me());
    let limits = limited_by(job, &shared.limits);
    let goes_here = shared.accepts().contains(&placement);
    // What has to wait for something else than a place is taken up through the store, which knows all that it waits for.
    let at_once = goes_here && !job.overlap.waits() && limits.is_empty() && !shared.waiting.is_there();
    let place = shared.room.clone().try_acquire_owned().ok().filter(|_| at_once);
    let new = NewRun {
        id: request.run_id.unwrap_or_else(|| shared.ids.next(&*shared.clock)),
        job_id: job.id.clone(),
        overlap: job.overlap,
        depends_on: job.depends_on.clone(),
        triggered_by: request.trigger.to_string(),
        slot: request.slot.as_ref().map(|(schedule, due_at)| Slot {
            job_id: job.id.clone(),
            schedule: schedule.clone(),
            due_at: *due_at,
        }),
        replay,
        as_of: how.as_of,
        queued_at: shared.clock.now(),
        owner: if place.is_some() { shared.me().to_owned() } else { String::new() },
        placement,
        limits,
        definition: definition.to_json().into(),
        lease: how.lease,
        log_level,
        params: params::snapshot(job, &definition.schedule, fire),
        overrides,
        steps: job.steps.iter().map(|s| (s.name.clone(), s.spec.type_name())).collect(),
    };
    (new, Prepared { definition, fire: params::literal(fire), head, place })
}

/// Runs the task to its end, and closes the run should the task break off.
pub(crate) async fn start(shared: &Arc<Shared>, task: RunTask) {
    let (run_id, job_id, term) = (task.run.id, task.job.id.clone(), task.run.term);
    let live = Live { job_id: job_id.clone(), term, cancel: task.cancel.clone(), asked: task.asked.clone() };
    let before = shared.live().insert(run_id, live);
    if let Some(before) = before.filter(|before| before.term < term) {
        // Given up for lost, and taken up again before the old task knew.
        before.cancel.cancel(GIVEN_AWAY);
    }
    let keeper = shared.clone();
    let work = async move {
        let span = tracing::info_span!("run", run.id = %run_id, job.id = %job_id);
        let ended = tokio::spawn(tracing::Instrument::instrument(task.run(), span)).await;
        let why = match ended {
            Ok(Ok(())) => None,
            Ok(Err(lost)) => Some(lost.to_string()),
            Err(broken) => {
                let text = broken.try_into_panic().map(|p| panic_text(&*p).to_owned()).unwrap_or_default();
                Some(format!("the run's task panicked: {text}"))
            }
        };
        if let Some(why) = why {
            tracing::error!(run.id = %run_id, job.id = %job_id, why, "the run's task broke off");
            keeper.sink.finish(run_id).await;
            recovery::close_broken(&keeper, run_id, term, &why).await;
        }
        keeper.remove_live(run_id, term);
        keeper.idle.notify_waiters();
        keeper.waiting.look_again();
    };
    shared.tasks.lock().await.spawn(work);
}
