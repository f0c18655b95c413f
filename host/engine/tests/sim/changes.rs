//! `Store::apply` in memory: all changes of a batch or none, each guarded by the states it may start from and by the
//! owner and term it names.

use std::collections::BTreeMap;

use host_model::RunId;
use host_model::port::StoreError;
use host_model::run::{RunStatus, StepRun, StepStatus};
use host_model::transition::{Applied, Change, RunChange, StepChange};

use crate::tables::{RunRow, Tables, refused};

/// Rows as they were before the batch; `None` = there was none.
#[derive(Default)]
struct Before {
    runs: BTreeMap<RunId, RunRow>,
    steps: BTreeMap<(RunId, u32, u32), Option<StepRun>>,
}

/// Why a change does not take.
enum Stale {
    Found(String),
    /// What the index on running runs refuses.
    TwoAtOnce,
}

fn missing() -> Stale {
    Stale::Found("missing".to_owned())
}

impl Tables {
    pub(crate) fn apply(&mut self, changes: &[Change]) -> Result<Applied, StoreError> {
        let mut before = Before::default();
        for (index, change) in changes.iter().enumerate() {
            let found = match change {
                Change::Run(change) => self.apply_run(change, &mut before),
                Change::Step(change) => self.apply_step(change, &mut before),
            };
            if let Err(stale) = found {
                self.runs.extend(before.runs);
                for (key, step) in before.steps {
                    match step {
                        Some(step) => self.steps.insert(key, step),
                        None => self.steps.remove(&key),
                    };
                }
                return match stale {
                    Stale::Found(found) => Ok(Applied::Stale { index, found }),
                    Stale::TwoAtOnce => Err(refused("apply changes", "two runs of a job that allows one")),
                };
            }
        }
        for (id, was) in before.runs {
            let Some(row) = self.runs.get(&id) else { continue };
            let (was, now) = (was.run, &row.run);
            if (was.status, &was.owner, was.term) != (now.status, &now.owner, now.term) {
                // Whoever waits for it, or may take it up, has something to do.
                self.ring |= now.status.is_final() || now.owner.is_empty();
                self.note_run(id);
            }
        }
        Ok(Applied::Yes)
    }

    fn guard(&self, run: RunId, owner: &str, term: u32) -> Result<&RunRow, Stale> {
        let row = self.runs.get(&run).ok_or_else(missing)?;
        let is_his = (row.run.owner.as_str(), row.run.term) == (owner, term);
        if is_his { Ok(row) } else { Err(Stale::Found("another owner".to_owned())) }
    }

    fn apply_run(&mut self, change: &RunChange, before: &mut Before) -> Result<(), Stale> {
        let row = self.guard(change.run_id, &change.owner, change.term)?;
        if !change.from.contains(&row.run.status) {
            return Err(Stale::Found(row.run.status.as_str().to_owned()));
        }
        let is_other = |other: &RunRow| other.exclusive && other.run.id != change.run_id;
        let mut others = self.active_of(&row.run.job_id);
        let one_runs = others.any(|other| is_other(other) && other.run.status == RunStatus::Running);
        drop(others);
        if change.to == RunStatus::Running && row.exclusive && one_runs {
            return Err(Stale::TwoAtOnce);
        }
        before.runs.entry(change.run_id).or_insert_with(|| row.clone());
        let Some(row) = self.runs.get_mut(&change.run_id) else { return Err(missing()) };
        let run = &mut row.run;
        run.status = change.to;
        run.reason = change.reason.clone().or(run.reason.take());
        run.error = change.error.clone().or(run.error.take());
        if change.to == RunStatus::Running {
            run.started_at.get_or_insert(change.at);
        }
        run.finished_at = change.to.is_final().then_some(change.at);
        if let Some(placement) = &change.give_to {
            run.owner.clear();
            run.placement.clone_from(placement);
        }
        Ok(())
    }

    fn apply_step(&mut self, change: &StepChange, before: &mut Before) -> Result<(), Stale> {
        let key = (change.run_id, change.index, change.attempt);
        if !self.steps.contains_key(&key) {
            return Err(missing());
        }
        let row = self.guard(change.run_id, &change.owner, change.term)?.clone();
        let step = self.steps.get_mut(&key).ok_or_else(missing)?;
        if !change.from.contains(&step.status) {
            return Err(Stale::Found(step.status.as_str().to_owned()));
        }
        before.steps.entry(key).or_insert_with(|| Some(step.clone()));
        before.runs.entry(change.run_id).or_insert(row);
        step.status = change.to;
        step.reason = change.reason.clone().or(step.reason.take());
        if change.to == StepStatus::Running {
            step.started_at = Some(change.at);
        }
        step.finished_at = change.to.is_final().then_some(change.at);
        step.input = change.input.clone().or(step.input.take());
        step.output.clone_from(&change.output);
        step.rows_affected = change.rows_affected;
        step.error.clone_from(&change.error);
        step.usage.clone_from(&change.usage);
        if let Some(again) = change.retry_at {
            let next = StepRun {
                attempt: change.attempt + 1,
                status: StepStatus::Pending,
                retry_at: Some(again),
                reason: None,
                started_at: None,
                finished_at: None,
                rows_affected: None,
                input: None,
                output: None,
                error: None,
                usage: None,
                ..step.clone()
            };
            let key = (change.run_id, change.index, next.attempt);
            before.steps.entry(key).or_insert(None);
            self.steps.insert(key, next);
        }
        let Some(row) = self.runs.get_mut(&change.run_id) else { return Err(missing()) };
        row.run.steps_done += u32::from(change.to.is_final() && change.retry_at.is_none());
        row.run.rows_affected += change.rows_affected.unwrap_or(0);
        Ok(())
    }
}
