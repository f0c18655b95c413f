//! One run from `QUEUED` to its final state, as named stages: start, steps in order, end. A run that another process began
//! goes on at its first step that has not ended.
//!
//! Whatever happens, the task ends by applying exactly one final change, and only after every log line of the run is in
//! the store. Stale changes mean that somebody else owns the run now; the task then stops without another word.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use host_model::definition::Definition;
use host_model::event::Event;
use host_model::job::{Overrides, Step, input};
use host_model::log::LogLevel;
use host_model::port::{StepFailure, StepOutcome};
use host_model::retry::RetryDecision;
use host_model::run::{Run, StepRun};
use host_model::template::{Reveal, StepResult};
use host_model::transition::{
    RunChange, SKIPPED_DISABLED, SKIPPED_EARLIER_FAILED, SKIPPED_REPLAY, SKIPPED_RUN_CANCELED, StepChange,
};
use host_model::{CancelToken, Instant, Job, JsonMap, StepErrorKind, StepName, StepSpec, StepStatus, params};
use tokio::sync::OwnedSemaphorePermit;

use crate::replay::Head;
use crate::shared::{Asked, GIVEN_AWAY, Shared};
use crate::step_task;
use crate::tracker::{Lost, Tracker};

mod condition;
mod context;
mod words;

/// What a run needs to begin.
pub(crate) struct RunTask {
    pub(crate) shared: Arc<Shared>,
    /// Pinned: an edit or reload never changes a run in flight.
    pub(crate) job: Arc<Job>,
    /// The run as it is in the store.
    pub(crate) run: Run,
    /// Its attempts as they are in the store.
    steps: Vec<StepRun>,
    schedule: Overrides,
    /// Per-fire values, made literal.
    fire: Overrides,
    zone: Tz,
    /// The steps that are taken from the run before, when this is a replay from a step.
    head: Head,
    /// Its place among those that run at once here. A run that is only to be withdrawn needs none.
    place: Option<OwnedSemaphorePermit>,
    pub(crate) cancel: CancelToken,
    pub(crate) asked: Asked,
}

enum End {
    Succeeded,
    Failed(String),
    Canceled(String),
}

struct Stage {
    task: RunTask,
    tracker: Tracker,
    results: HashMap<StepName, StepResult>,
}

impl RunTask {
    /// The task of `run`, which is this process's and `QUEUED`.
    pub(crate) fn new(
        shared: Arc<Shared>,
        run: Run,
        steps: Vec<StepRun>,
        definition: Definition,
        fire: Overrides,
        head: Head,
        place: impl Into<Option<OwnedSemaphorePermit>>,
    ) -> Self {
        let job = Arc::new(definition.job(run.job_id.clone()));
        let Definition { schedule, zone, .. } = definition;
        let (cancel, asked, place) = (CancelToken::new(), Asked::default(), place.into());
        Self { shared, job, run, steps, schedule, fire, zone, head, place, cancel, asked }
    }

    /// Runs to the end.
    pub(crate) async fn run(mut self) -> Result<(), Lost> {
        let shared = self.shared.clone();
        let (run, steps) = (self.run.clone(), std::mem::take(&mut self.steps));
        let (store, bus, patience) = (shared.store.clone(), shared.bus.clone(), shared.patience.clone());
        let tracker = Tracker::new(store, bus, patience, self.asked.clone(), run, steps);
        let mut stage = Stage { task: self, tracker, results: HashMap::new() };
        shared.bus.publish(Event::Run(Arc::new(stage.tracker.run.clone())));
        let end = if stage.task.cancel.is_canceled() {
            End::Canceled(stage.cancel_reason())
        } else {
            stage.tracker.queue(RunChange::start(stage.task.run.id, stage.task.run.owner(), stage.now()));
            let _timer = stage.start_timer();
            if stage.task.run.term == 1 {
                shared.sink.begin(stage.task.run.id).await;
            }
            stage.say(LogLevel::Info, stage.greeting()).await;
            stage.run_steps().await?
        };
        if stage.task.cancel.reason() == Some(GIVEN_AWAY) {
            return Err(Lost::Stale(GIVEN_AWAY.to_owned()));
        }
        stage.finish(end).await
    }
}

impl RunTask {
    /// While it waits for another run, which needs one.
    fn give_place_back(&mut self) {
        self.place = None;
        self.shared.waiting.look_again();
    }

    /// A run that is being stopped does not wait for one.
    async fn take_place(&mut self) {
        tokio::select! {
            place = self.shared.room.clone().acquire_owned() => self.place = place.ok(),
            () = self.cancel.canceled() => {}
        }
    }
}

fn timeout_text(seconds: u32) -> String {
    format!("job timed out after {seconds} s")
}

/// Stops the job's timer when the run ends.
struct Timer(Option<tokio::task::JoinHandle<()>>);

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Stage {
    fn now(&self) -> Instant {
        self.task.shared.clock.now()
    }

    /// The job's timeout is for the run: what has gone by since its first start counts, also while nobody had it.
    fn start_timer(&self) -> Timer {
        let gone_by = self.task.run.started_at.and_then(|at| (self.now() - at).to_std().ok()).unwrap_or_default();
        Timer(self.task.job.timeout_seconds.and_then(|seconds| {
            let token = self.task.cancel.clone();
            let left = Duration::from_secs(seconds.into()).saturating_sub(gone_by);
            if left.is_zero() {
                token.cancel(&timeout_text(seconds));
                return None;
            }
            Some(tokio::spawn(async move {
                tokio::time::sleep(left).await;
                token.cancel(&timeout_text(seconds));
            }))
        }))
    }

    fn cancel_reason(&self) -> String {
        self.task.cancel.reason().unwrap_or("canceled").to_owned()
    }

    async fn run_steps(&mut self) -> Result<End, Lost> {
        let job = self.task.job.clone();
        for (index, step) in (0..).zip(&job.steps) {
            if self.task.cancel.is_canceled() {
                return Ok(self.stopped());
            }
            if let Some(ended) = self.tracker.ended(index) {
                // In the process that had the run before.
                let (status, output) = (ended.status, ended.output.clone().unwrap_or_default());
                match self.task.head.results.remove_entry(&step.name).filter(|_| index < self.task.head.count) {
                    Some((name, result)) => drop(self.results.insert(name, result)),
                    None => self.keep(step, status, output),
                }
                continue;
            }
            if index < self.task.head.count {
                self.skip_to_replay(index, step);
                continue;
            }
            if !params::is_enabled(step, &self.task.schedule, &self.task.fire) {
                let change = StepChange::cancel(self.tracker.attempt(index), self.now(), SKIPPED_DISABLED.to_owned());
                self.tracker.queue(change);
                self.keep(step, StepStatus::Canceled, JsonMap::new());
                self.say(LogLevel::Info, format!("step `{}` {SKIPPED_DISABLED}", step.name)).await;
                continue;
            }
            if self.is_skipped_by_condition(index, step).await {
                continue;
            }
            if let Some(end) = self.run_step(index, step).await? {
                return Ok(end);
            }
        }
        Ok(End::Succeeded)
    }

    fn skip_to_replay(&mut self, index: u32, step: &Step) {
        let first = self.task.job.steps.get(self.task.head.count as usize).map_or("", |s| s.name.as_str());
        let reason = format!("{SKIPPED_REPLAY}{first}");
        let change = StepChange::cancel(self.tracker.attempt(index), self.now(), reason);
        self.tracker.queue(change);
        self.results.extend(self.task.head.results.remove_entry(&step.name));
    }

    /// What a cancelled token means for the run.
    fn stopped(&self) -> End {
        let reason = self.cancel_reason();
        // The first reason given decides: a timer that ends while a cancelled step is winding up changes nothing.
        let timed_out = self.task.job.timeout_seconds.is_some_and(|seconds| reason == timeout_text(seconds));
        if timed_out { End::Failed(reason) } else { End::Canceled(reason) }
    }

    fn keep(&mut self, step: &Step, status: StepStatus, output: JsonMap) {
        self.results.insert(step.name.clone(), StepResult { status, output });
    }

    /// All attempts of one step. `None` = it succeeded, or may fail, and the run goes on.
    async fn run_step(&mut self, index: u32, step: &Step) -> Result<Option<End>, Lost> {
        let policy = step.retry.unwrap_or(self.task.job.retry);
        if let Some(again) = self.tracker.retry_at(index) {
            let wait = (again - self.now()).to_std().unwrap_or_default();
            if !self.rest(wait).await {
                return Ok(Some(self.stopped()));
            }
        }
        loop {
            let answer = self.run_attempt(index, step).await?;
            let attempt = self.tracker.attempt(index).attempt;
            let failure = match answer {
                Ok(outcome) => {
                    self.succeed(index, step, outcome).await;
                    return Ok(None);
                }
                Err(failure) => failure,
            };
            let now = self.now();
            let key = self.tracker.attempt(index);
            if failure.error.kind == StepErrorKind::Canceled {
                let mut change = StepChange::cancel(key, now, failure.error.message.clone());
                change.usage = failure.usage;
                self.tracker.queue(change);
                // A called run that was canceled cancels its caller, whose own token knows nothing of it.
                return Ok(Some(match self.task.cancel.is_canceled() {
                    true => self.stopped(),
                    false => End::Canceled(failure.error.message),
                }));
            }
            let error = failure.error.clone();
            self.say_failure(step, attempt, &error).await;
            match policy.decide(attempt, &error) {
                RetryDecision::GiveUp => {
                    let change = StepChange::fail(self.tracker.attempt(index), now, error.clone(), failure.usage);
                    self.tracker.queue(change);
                    self.keep(step, StepStatus::Failed, JsonMap::new());
                    if step.continue_on_error {
                        self.say(LogLevel::Warning, format!("step `{}` failed, the run goes on", step.name)).await;
                        return Ok(None);
                    }
                    return Ok(Some(End::Failed(format!("step `{}`: {}", step.name, error.message))));
                }
                RetryDecision::Again(wait) => {
                    let again = now + wait;
                    let key = self.tracker.attempt(index);
                    self.tracker.queue(StepChange::retry_at(key, now, error, failure.usage, again));
                    self.tracker.commit().await?;
                    let text = format!(
                        "step `{}`: attempt {} of {} in {} s",
                        step.name,
                        attempt + 1,
                        policy.attempts,
                        wait.as_secs()
                    );
                    self.say(LogLevel::Info, text).await;
                    if !self.rest(wait).await {
                        return Ok(Some(self.stopped()));
                    }
                }
            }
        }
    }

    /// False when the run was cancelled meanwhile.
    async fn rest(&self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = self.task.cancel.canceled() => false,
        }
    }

    async fn succeed(&mut self, index: u32, step: &Step, outcome: StepOutcome) {
        let now = self.now();
        let took = self.took(index, now);
        let rows = outcome.rows_affected.map(|n| format!(", {n} rows")).unwrap_or_default();
        self.say(LogLevel::Info, format!("step `{}` succeeded in {took}{rows}", step.name)).await;
        self.keep(step, StepStatus::Succeeded, outcome.output.clone());
        let key = self.tracker.attempt(index);
        self.tracker.queue(StepChange::succeed(key, now, outcome.output, outcome.rows_affected, outcome.usage));
    }

    async fn run_attempt(&mut self, index: u32, step: &Step) -> Result<Result<StepOutcome, StepFailure>, Lost> {
        let judged = self.judge(step);
        let shown = self.prepare(step, Reveal::Masked);
        let recorded = match &shown {
            Ok(prepared) => input::input_json(&prepared.spec, &prepared.params),
            Err(_) => input::input_json(&step.spec, &step.op_kwargs),
        };
        let recorded = condition::with_judgement(recorded, judged.as_ref().ok());
        let start = StepChange::start(self.tracker.attempt(index), self.now(), recorded);
        self.tracker.queue(start);
        self.tracker.commit().await?;
        let ready = judged.and(shown).and_then(|shown| Ok((shown, self.prepare(step, Reveal::All)?)));
        let ready = ready.and_then(|(shown, prepared)| {
            context::keeps_secrets(&shown.spec, &prepared.spec)?;
            Ok((self.task.shared.runners.get(&prepared.spec)?, prepared))
        });
        let (runner, prepared) = match ready {
            Ok(ready) => ready,
            Err(error) => return Ok(Err(error.into())),
        };
        let attempt = self.tracker.attempt(index).attempt;
        self.say_debug(step, attempt).await;
        let (ctx, voice) = self.context(index, attempt, step, prepared.params);
        let waits = matches!(prepared.spec, StepSpec::CallJob { .. });
        if waits {
            self.task.give_place_back();
        }
        let answer = step_task::attempt(runner, prepared.spec, ctx, &self.task.cancel).await;
        if waits {
            self.task.take_place().await;
        }
        voice.last_word();
        Ok(answer)
    }

    async fn finish(mut self, end: End) -> Result<(), Lost> {
        let now = self.now();
        let run = self.task.run.clone();
        let (id, owner) = (run.id, run.owner());
        let (level, text, rest, change) = match end {
            End::Succeeded => {
                let reason = self.passed_over();
                let text = ["run succeeded"].into_iter().chain(reason.as_deref()).collect::<Vec<_>>().join(": ");
                let mut change = RunChange::succeed(id, owner, now);
                change.reason = reason;
                (LogLevel::Info, text, SKIPPED_DISABLED, change)
            }
            End::Failed(error) => (
                LogLevel::Error,
                format!("run failed: {error}"),
                SKIPPED_EARLIER_FAILED,
                RunChange::fail(id, owner, now, error),
            ),
            End::Canceled(reason) => (
                LogLevel::Warning,
                format!("run {reason}"),
                SKIPPED_RUN_CANCELED,
                RunChange::cancel(id, owner, now, reason),
            ),
        };
        self.tracker.queue_skip_rest(now, rest);
        self.say(level, text).await;
        self.task.shared.sink.finish(id).await;
        self.tracker.queue(change);
        self.tracker.commit().await
    }
}
