//! The run task's own copy of its run and steps: changes go to the store first, then into the copy, then to the bus.
//! Nothing is read back, and listeners never hear of a change the store does not have.

use std::sync::Arc;

use host_model::event::Event;
use host_model::fire::NewRun;
use host_model::port::{Store, StoreError};
use host_model::run::{Run, RunStatus, StepRun, StepStatus};
use host_model::transition::{Applied, AttemptKey, Change, RunChange, StepChange};
use host_model::{Instant, RunId, StepName};

use crate::bus::Bus;
use crate::patience::Patience;
use crate::shared::Asked;

/// The run is no longer this task's: another process took it, or the store cannot keep it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("the run was changed by somebody else: {0}")]
    Stale(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) struct Tracker {
    store: Arc<dyn Store>,
    bus: Arc<Bus>,
    patience: Patience,
    asked: Asked,
    pub(crate) run: Run,
    /// The latest attempt of each step.
    steps: Vec<StepRun>,
    queued: Vec<Change>,
}

/// A run as `record_fire` has just written it.
pub(crate) fn queued_run(new: &NewRun) -> Run {
    Run {
        id: new.id,
        job_id: new.job_id.clone(),
        status: RunStatus::Queued,
        reason: None,
        error: None,
        triggered_by: new.triggered_by.clone(),
        schedule: new.schedule().map(str::to_owned),
        scheduled_at: new.scheduled_at(),
        replay_of: new.replay.as_ref().map(|replay| replay.of),
        replay_from: new.replay.as_ref().and_then(|replay| replay.from.clone()),
        queued_at: new.queued_at,
        started_at: None,
        finished_at: None,
        rows_affected: 0,
        step_count: u32::try_from(new.steps.len()).unwrap_or(u32::MAX),
        steps_done: 0,
        log_level: new.log_level,
        params: new.params.clone(),
        overrides: new.overrides.clone(),
        owner: new.owner.clone(),
        term: u32::from(!new.owner.is_empty()),
        placement: new.placement.clone(),
        cancel_requested_by: None,
        cancel_requested_at: None,
    }
}

/// The steps of a run as `record_fire` has just written them.
pub(crate) fn pending_steps(new: &NewRun) -> Vec<StepRun> {
    (0..).zip(&new.steps).map(|(index, (name, kind))| pending_step(new.id, index, name, kind, 1)).collect()
}

fn pending_step(run_id: RunId, index: u32, name: &StepName, step_type: &str, attempt: u32) -> StepRun {
    StepRun {
        run_id,
        index,
        name: name.clone(),
        step_type: step_type.to_owned(),
        attempt,
        status: StepStatus::Pending,
        reason: None,
        retry_at: None,
        started_at: None,
        finished_at: None,
        rows_affected: None,
        input: None,
        output: None,
        error: None,
        usage: None,
    }
}

impl Tracker {
    /// A tracker of `run`, whose attempts are `attempts`, by step and attempt.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        bus: Arc<Bus>,
        patience: Patience,
        asked: Asked,
        run: Run,
        attempts: Vec<StepRun>,
    ) -> Self {
        let mut steps: Vec<StepRun> = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            match steps.last_mut().filter(|last| last.index == attempt.index) {
                Some(last) => *last = attempt,
                None => steps.push(attempt),
            }
        }
        Self { store, bus, patience, asked, run, steps, queued: Vec::new() }
    }

    /// The latest attempt of step `index`, if it had ended when the run was taken up, or ended since.
    pub(crate) fn ended(&self, index: u32) -> Option<&StepRun> {
        self.steps.get(index as usize).filter(|step| step.status.is_final())
    }

    /// The earliest start of the latest attempt of step `index`, when that is a retry.
    pub(crate) fn retry_at(&self, index: u32) -> Option<Instant> {
        self.steps.get(index as usize).and_then(|step| step.retry_at)
    }

    /// The latest attempt of step `index`.
    pub(crate) fn attempt(&self, index: u32) -> AttemptKey<'_> {
        let attempt = self.steps.get(index as usize).map_or(1, |s| s.attempt);
        AttemptKey { run_id: self.run.id, index, attempt, owner: self.run.owner() }
    }

    /// When the latest attempt of step `index` began.
    pub(crate) fn started_at(&self, index: u32) -> Option<Instant> {
        self.steps.get(index as usize).and_then(|s| s.started_at)
    }

    /// Steps whose latest attempt is not final, and will not be with the next commit.
    fn unfinished(&self) -> Vec<u32> {
        let ending =
            |index| self.queued.iter().any(|c| matches!(c, Change::Step(s) if s.index == index && s.to.is_final()));
        self.steps.iter().filter(|s| !s.status.is_final() && !ending(s.index)).map(|s| s.index).collect()
    }

    /// Adds a change to the next commit.
    pub(crate) fn queue(&mut self, change: impl Into<Change>) {
        self.queued.push(change.into());
    }

    /// Writes the queued changes in one transaction and announces them.
    pub(crate) async fn commit(&mut self) -> Result<(), Lost> {
        let count = self.queued.len();
        match self.try_commit().await? {
            Applied::Yes => Ok(()),
            Applied::Stale { index, found } => Err(Lost::Stale(format!("change {index} of {count} met {found}"))),
        }
    }

    async fn try_commit(&mut self) -> Result<Applied, StoreError> {
        let changes = std::mem::take(&mut self.queued);
        if changes.is_empty() {
            return Ok(Applied::Yes);
        }
        let applied = self.patience.apply(&*self.store, &changes).await?;
        if applied != Applied::Yes {
            return Ok(applied);
        }
        let mut run_changed = false;
        for change in changes {
            match change {
                Change::Run(change) => {
                    self.take_run(change);
                    run_changed = true;
                }
                Change::Step(change) => run_changed |= self.take_step(*change),
            }
        }
        if run_changed {
            if let Some((by, at)) = self.asked.get() {
                self.run.cancel_requested_by.get_or_insert_with(|| by.clone());
                self.run.cancel_requested_at = self.run.cancel_requested_at.or(*at);
            }
            self.bus.publish(Event::Run(Arc::new(self.run.clone())));
        }
        Ok(Applied::Yes)
    }

    fn take_run(&mut self, change: RunChange) {
        let run = &mut self.run;
        run.status = change.to;
        run.reason = change.reason.or(run.reason.take());
        run.error = change.error.or(run.error.take());
        if change.to == RunStatus::Running {
            run.started_at.get_or_insert(change.at);
        }
        if change.to.is_final() {
            run.finished_at = Some(change.at);
        }
    }

    /// True when the run's own figures changed too.
    fn take_step(&mut self, change: StepChange) -> bool {
        let Some(step) = self.steps.get_mut(change.index as usize) else { return false };
        step.status = change.to;
        step.reason = change.reason;
        step.input = change.input.or(step.input.take());
        step.output = change.output;
        step.rows_affected = change.rows_affected;
        step.error = change.error;
        step.usage = change.usage;
        if change.to == StepStatus::Running {
            step.started_at = Some(change.at);
        }
        if change.to.is_final() {
            step.finished_at = Some(change.at);
        }
        self.announce(change.index);
        let Some(step) = self.steps.get_mut(change.index as usize) else { return false };
        if let Some(again) = change.retry_at {
            let mut next = pending_step(step.run_id, step.index, &step.name, &step.step_type, step.attempt + 1);
            next.retry_at = Some(again);
            *step = next;
            self.announce(change.index);
            return false;
        }
        if !change.to.is_final() {
            return false;
        }
        self.run.steps_done += 1;
        self.run.rows_affected += change.rows_affected.unwrap_or(0);
        true
    }

    fn announce(&self, index: u32) {
        if let Some(step) = self.steps.get(index as usize) {
            // The bus remembers events for a while; inputs and outputs may be large, and are read from the store.
            let told = StepRun { input: None, output: None, ..step.clone() };
            self.bus.publish(Event::Step { job_id: self.run.job_id.clone(), step: Arc::new(told) });
        }
    }

    /// Queues the cancellation of every step that is not final.
    pub(crate) fn queue_skip_rest(&mut self, at: Instant, reason: &str) {
        for index in self.unfinished() {
            let change = StepChange::cancel(self.attempt(index), at, reason.to_owned());
            self.queue(change);
        }
    }
}
