//! `Store::record_fire` and the ledger in memory; the order of the checks is that of the SQL store.

use host_model::fire::{
    MOST_WAITING, NewRun, Recorded, SeenSchedule, Slot, SlotFilter, SlotOutcome, SlotRecord, overlap_of, queue_full,
    still_running, unmet_dependency,
};
use host_model::job::Overlap;
use host_model::port::{SlotsKept, StoreError};
use host_model::replica::Held;
use host_model::run::{Run, RunStatus, StepRun, StepStatus};
use host_model::{Instant, JobId, RunId};

use crate::tables::{Fact, RunRow, Tables, refused};

type Key = (JobId, Instant, String);

fn key(slot: &Slot) -> Key {
    (slot.job_id.clone(), slot.due_at, slot.schedule.clone())
}

impl Tables {
    pub(crate) fn record_fire(&mut self, new: &NewRun) -> Result<Recorded, StoreError> {
        // The lease is the right to serve a slot.
        if new.slot.is_some() && new.lease.as_ref().is_some_and(|held| !self.is_held(held)) {
            return Ok(Recorded::LeaseLost);
        }
        if new.slot.as_ref().is_some_and(|slot| self.slots.contains_key(&key(slot))) {
            return Ok(Recorded::SlotTaken);
        }
        if self.runs.contains_key(&new.id) {
            return Err(refused("record a run", "the run is there already"));
        }
        if let Some(reason) = self.unmet(new) {
            self.record_skipped(new, &reason);
            return Ok(Recorded::HeldBack { reason });
        }
        if new.overlap.waits() {
            let waiting = self.active_of(&new.job_id).filter(|row| row.run.status == RunStatus::Queued).count();
            if waiting >= MOST_WAITING as usize {
                self.record_skipped(new, &queue_full());
                return Ok(Recorded::HeldBack { reason: queue_full() });
            }
            if new.overlap == Overlap::CancelRunning {
                let before: Vec<RunId> = self.active_of(&new.job_id).map(|row| row.run.id).collect();
                for id in before {
                    self.request_cancel(id, &overlap_of(new.id), new.queued_at);
                }
            }
        }
        let active = self.active_of(&new.job_id).find(|row| row.exclusive).map(|row| row.run.id);
        if let Some(active) = active.filter(|_| new.overlap == Overlap::Skip) {
            self.record_skipped(new, &still_running(active));
            return Ok(Recorded::Skipped { active });
        }
        self.insert_run(new, RunStatus::Queued, None);
        for (index, (name, step_type)) in (0..).zip(&new.steps) {
            let step = StepRun {
                run_id: new.id,
                index,
                name: name.clone(),
                step_type: (*step_type).to_owned(),
                attempt: 1,
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
            };
            self.steps.insert((new.id, index, 1), step);
        }
        if let Some(slot) = &new.slot {
            self.insert_slot(of_run(new, slot, SlotOutcome::Fired, None));
        }
        self.ring |= new.owner.is_empty();
        Ok(Recorded::Queued)
    }

    fn unmet(&self, new: &NewRun) -> Option<String> {
        new.depends_on.iter().find_map(|job| {
            let mut runs = self.runs.values().rev().map(|row| &row.run);
            let latest = runs.find(|run| run.job_id == *job && run.status != RunStatus::Skipped);
            unmet_dependency(job, latest.map(|run| run.status))
        })
    }

    fn record_skipped(&mut self, new: &NewRun, reason: &str) {
        self.insert_run(new, RunStatus::Skipped, Some(reason));
        if let Some(slot) = &new.slot {
            self.insert_slot(of_run(new, slot, SlotOutcome::Skipped, Some(reason)));
        }
    }

    fn insert_run(&mut self, new: &NewRun, status: RunStatus, reason: Option<&str>) {
        let run = Run {
            id: new.id,
            job_id: new.job_id.clone(),
            status,
            reason: reason.map(str::to_owned),
            error: None,
            triggered_by: new.triggered_by.clone(),
            schedule: new.schedule().map(str::to_owned),
            scheduled_at: new.scheduled_at(),
            replay_of: new.replay.as_ref().map(|replay| replay.of),
            replay_from: new.replay.as_ref().and_then(|replay| replay.from.clone()),
            queued_at: new.queued_at,
            started_at: None,
            finished_at: status.is_final().then_some(new.queued_at),
            rows_affected: 0,
            step_count: new.steps.len() as u32,
            steps_done: 0,
            log_level: new.log_level,
            params: new.params.clone(),
            overrides: new.overrides.clone(),
            owner: new.owner.clone(),
            term: u32::from(!new.owner.is_empty()),
            placement: new.placement.clone(),
            cancel_requested_by: None,
            cancel_requested_at: None,
        };
        let row = RunRow {
            run,
            exclusive: new.overlap != Overlap::Allow,
            waits: new.overlap.waits(),
            limits: new.limits.clone(),
            definition: new.definition.clone(),
        };
        self.runs.insert(new.id, row);
        self.note_run(new.id);
    }

    /// False when the slot was already decided.
    pub(crate) fn insert_slot(&mut self, record: SlotRecord) -> bool {
        let free = !self.slots.contains_key(&key(&record.slot));
        if free {
            self.slots.insert(key(&record.slot), record.clone());
            self.note(Fact::Slot(record));
        }
        free
    }

    pub(crate) fn record_slots(&mut self, slots: &[SlotRecord], lease: Option<&Held>) -> SlotsKept {
        if lease.is_some_and(|held| !self.is_held(held)) {
            return SlotsKept::LeaseLost;
        }
        SlotsKept::New(slots.iter().filter(|record| self.insert_slot((*record).clone())).count() as u64)
    }

    pub(crate) fn find_slots(&self, filter: &SlotFilter) -> Vec<SlotRecord> {
        let wanted = |record: &&SlotRecord| {
            let slot = &record.slot;
            let before = |(due_at, schedule): &(Instant, String)| (slot.due_at, &slot.schedule) < (*due_at, schedule);
            slot.job_id == filter.job_id
                && filter.from.is_none_or(|from| slot.due_at >= from)
                && filter.before.as_ref().is_none_or(before)
        };
        self.slots.values().rev().filter(wanted).take(filter.limit as usize).cloned().collect()
    }

    pub(crate) fn list_unfired(&self, after: Option<Instant>, limit: usize) -> Vec<SlotRecord> {
        let mut rows: Vec<&SlotRecord> = self.slots.values().filter(|row| row.run_id.is_none()).collect();
        rows.sort_by_key(|row| row.decided_at);
        match after {
            Some(after) => rows.into_iter().filter(|row| row.decided_at > after).take(limit).cloned().collect(),
            None => rows.last().map(|row| (*row).clone()).into_iter().collect(),
        }
    }

    pub(crate) fn list_seen(&self, until: Instant) -> Vec<(SeenSchedule, Option<Instant>)> {
        let counts = |row: &&SlotRecord| row.slot.due_at <= until && self.says_up_to(row);
        let newest = |seen: &SeenSchedule| {
            let mut rows = self.slots.values().rev().filter(counts).map(|row| &row.slot);
            rows.find(|slot| slot.job_id == seen.job_id && slot.schedule == seen.schedule).map(|slot| slot.due_at)
        };
        self.seen.values().map(|seen| (seen.clone(), newest(seen))).collect()
    }

    /// Whether the row says that the slots before it were decided.
    pub(crate) fn says_up_to(&self, row: &SlotRecord) -> bool {
        let due = row.slot.due_at;
        !is_ahead(row) && !self.set_backs.iter().any(|&(to, ahead_to)| due > to && due <= ahead_to)
    }

    pub(crate) fn note_set_back(&mut self, to: Instant, ahead_to: Instant) {
        let newest = self.slots.values().filter(|row| !is_ahead(row)).map(|row| row.slot.due_at).max();
        let ahead_to = newest.map_or(ahead_to, |newest| newest.max(ahead_to));
        if ahead_to > to {
            self.set_backs.insert((to, ahead_to));
        }
    }

    pub(crate) fn save_seen(&mut self, seen: &[SeenSchedule], gone: &[(JobId, String)]) {
        for key in gone {
            self.seen.remove(key);
        }
        for seen in seen {
            self.seen.insert((seen.job_id.clone(), seen.schedule.clone()), seen.clone());
        }
    }
}

/// Whether the slot was skipped before it was due.
pub(crate) fn is_ahead(row: &SlotRecord) -> bool {
    row.run_id.is_none() && row.outcome == SlotOutcome::Skipped && row.decided_at < row.slot.due_at
}

fn of_run(new: &NewRun, slot: &Slot, outcome: SlotOutcome, reason: Option<&str>) -> SlotRecord {
    SlotRecord {
        slot: slot.clone(),
        outcome,
        reason: reason.map(str::to_owned),
        run_id: Some(new.id),
        decided_at: new.queued_at,
    }
}
