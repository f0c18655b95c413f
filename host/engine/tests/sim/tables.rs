//! The tables of a store in memory, with exactly the rules of the SQL one and nothing of its own: `differential` holds
//! the two against each other. Every call is one transaction, because nobody else runs meanwhile. Beside the tables lies
//! a journal of what became a fact when, which only the oracle reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use host_model::fire::{Pause, SeenSchedule, SlotRecord};
use host_model::hold::Maintenance;
use host_model::log::LogLine;
use host_model::placement::Limits;
use host_model::port::{CancelMark, Claim, Claimed, StoreError};
use host_model::replica::{Held, Lease, Presence, Replica};
use host_model::run::{Run, RunFilter, RunStatus, StepRun};
use host_model::{Instant, JobId, RunId};

/// A run with what only the store knows of it.
#[derive(Clone, Debug)]
pub(crate) struct RunRow {
    pub(crate) run: Run,
    pub(crate) exclusive: bool,
    pub(crate) waits: bool,
    pub(crate) limits: Vec<String>,
    pub(crate) definition: Arc<str>,
}

/// Something that became true, for the oracle.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// A row of the ledger.
    Slot(SlotRecord),
    /// A run was recorded or changed.
    Run { id: RunId, status: RunStatus, owner: String, term: u32 },
    /// The lease changed hands; `from` had it until now, if anybody did.
    Lease { holder: String, term: u64, from: Option<String> },
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Milliseconds of virtual time since the history began.
    pub(crate) at: u64,
    /// Who wrote.
    pub(crate) by: Arc<str>,
    pub(crate) fact: Fact,
}

#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) runs: BTreeMap<RunId, RunRow>,
    /// Runs that are not final.
    pub(crate) active: BTreeSet<RunId>,
    pub(crate) steps: BTreeMap<(RunId, u32, u32), StepRun>,
    pub(crate) logs: BTreeMap<(RunId, u64), LogLine>,
    pub(crate) slots: BTreeMap<(JobId, Instant, String), SlotRecord>,
    pub(crate) seen: BTreeMap<(JobId, String), SeenSchedule>,
    /// To where the clock was set back, and from where.
    pub(crate) set_backs: BTreeSet<(Instant, Instant)>,
    pub(crate) pause: Option<Pause>,
    pub(crate) windows: BTreeMap<String, Maintenance>,
    pub(crate) replicas: BTreeMap<String, Replica>,
    pub(crate) lease: Option<Lease>,
    pub(crate) journal: Vec<Entry>,
    /// Set before each call.
    pub(crate) now: u64,
    /// Set before each call.
    pub(crate) caller: Arc<str>,
    /// A run may have become free to be taken up.
    pub(crate) ring: bool,
}

pub(crate) fn refused(operation: &'static str, message: impl Into<String>) -> StoreError {
    StoreError::Unavailable { operation, message: message.into() }
}

impl Tables {
    pub(crate) fn note(&mut self, fact: Fact) {
        self.journal.push(Entry { at: self.now, by: self.caller.clone(), fact });
    }

    pub(crate) fn note_run(&mut self, id: RunId) {
        let Some(row) = self.runs.get(&id) else { return };
        let run = &row.run;
        let fact = Fact::Run { id, status: run.status, owner: run.owner.clone(), term: run.term };
        if run.status.is_final() {
            self.active.remove(&id);
        } else {
            self.active.insert(id);
        }
        self.note(fact);
    }

    pub(crate) fn steps_of(&self, run: RunId) -> impl Iterator<Item = &StepRun> {
        self.steps.range((run, 0, 0)..=(run, u32::MAX, u32::MAX)).map(|(_, step)| step)
    }

    pub(crate) fn active_of<'t>(&'t self, job: &JobId) -> impl Iterator<Item = &'t RunRow> {
        self.active
            .iter()
            .filter_map(|id| self.runs.get(id))
            .filter(move |row| row.run.job_id == *job && !row.run.status.is_final())
    }

    /// Whether another run of the job goes first: one that somebody has, or an older one.
    fn is_behind(&self, me: &RunRow) -> bool {
        self.active_of(&me.run.job_id).any(|ahead| {
            let goes_first = !ahead.run.owner.is_empty() || ahead.run.id < me.run.id;
            ahead.exclusive && ahead.run.id != me.run.id && goes_first
        })
    }

    pub(crate) fn claim_runs(&mut self, claim: &Claim) -> Vec<Claimed> {
        let mut taken = Vec::new();
        // A process that was given up for lost gets nothing that nobody would give back.
        if !self.replicas.contains_key(&claim.owner) {
            return taken;
        }
        let candidates: Vec<RunId> = self.active.iter().copied().collect();
        for id in candidates {
            if taken.len() as u32 >= claim.most {
                break;
            }
            let Some(row) = self.runs.get(&id) else { continue };
            let run = &row.run;
            let free = run.status == RunStatus::Queued && run.owner.is_empty() && run.cancel_requested_by.is_none();
            let mine = free && claim.placements.contains(&run.placement);
            if !mine || (row.exclusive && self.is_behind(row)) || !self.is_within(&row.limits, &claim.limits) {
                continue;
            }
            let Some(row) = self.runs.get_mut(&id) else { continue };
            row.run.owner = claim.owner.clone();
            row.run.term += 1;
            taken.push(Claimed { run: row.run.clone(), definition: row.definition.clone() });
            self.note_run(id);
        }
        taken
    }

    fn is_within(&self, wanted: &[String], limits: &Limits) -> bool {
        wanted.iter().filter_map(|key| Some((key, *limits.get(key)?))).all(|(key, most)| {
            let with_a_process = |id: &&RunId| {
                self.runs.get(*id).is_some_and(|row| !row.run.owner.is_empty() && row.limits.contains(key))
            };
            (self.active.iter().filter(with_a_process).count() as u64) < u64::from(most)
        })
    }

    pub(crate) fn request_cancel(&mut self, id: RunId, by: &str, at: Instant) -> CancelMark {
        let Some(row) = self.runs.get_mut(&id) else { return CancelMark::NotFound };
        if row.run.status.is_final() {
            return CancelMark::AlreadyFinal(row.run.status);
        }
        if row.run.cancel_requested_by.is_none() {
            row.run.cancel_requested_by = Some(by.to_owned());
            row.run.cancel_requested_at = Some(at);
        }
        self.ring = true;
        CancelMark::Marked
    }

    pub(crate) fn list_cancel_marks(&self, owner: &str) -> Vec<Run> {
        let rows = self.active.iter().filter_map(|id| self.runs.get(id)).map(|row| &row.run);
        let marked = |run: &&Run| run.cancel_requested_by.is_some() && (run.owner == owner || run.owner.is_empty());
        rows.filter(marked).cloned().collect()
    }

    pub(crate) fn list_runs(&self, filter: &RunFilter) -> Vec<Run> {
        let wanted = |run: &&Run| {
            (filter.jobs.is_empty() || filter.jobs.contains(&run.job_id))
                && (filter.statuses.is_empty() || filter.statuses.contains(&run.status))
                && filter.before.is_none_or(|before| run.id < before)
                && filter.from.is_none_or(|from| run.queued_at >= from)
                && filter.to.is_none_or(|to| run.queued_at < to)
        };
        let runs = self.runs.values().rev().map(|row| &row.run);
        runs.filter(wanted).take(filter.limit as usize).cloned().collect()
    }

    pub(crate) fn list_latest_runs(&self, jobs: &[JobId]) -> Vec<Run> {
        let mut latest: BTreeMap<&JobId, &Run> = BTreeMap::new();
        let is_asked = |run: &&Run| jobs.is_empty() || jobs.contains(&run.job_id);
        for run in self.runs.values().map(|row| &row.run).filter(is_asked) {
            let kept = latest.get(&run.job_id).map(|kept| kept.status);
            if run.status != RunStatus::Skipped || kept.is_none_or(|status| status == RunStatus::Skipped) {
                latest.insert(&run.job_id, run);
            }
        }
        latest.into_values().cloned().collect()
    }

    pub(crate) fn list_owners(&self) -> Vec<String> {
        let owners = self.active.iter().filter_map(|id| self.runs.get(id)).map(|row| row.run.owner.clone());
        owners.filter(|owner| !owner.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(crate) fn beat(&mut self, presence: &Presence, at: Instant) -> bool {
        let known = self.replicas.get(&presence.owner).map(|replica| replica.beat);
        let replica = Replica { presence: presence.clone(), beat: known.unwrap_or(0) + 1, seen_at: at };
        self.replicas.insert(presence.owner.clone(), replica);
        known.is_some()
    }

    pub(crate) fn forget_replica(&mut self, owner: &str, beat: Option<u64>) -> bool {
        let found = self.replicas.get(owner).is_some_and(|replica| beat.is_none_or(|beat| replica.beat == beat));
        if found {
            self.replicas.remove(owner);
        }
        found
    }

    pub(crate) fn is_held(&self, held: &Held) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.holder == held.holder && lease.term == held.term)
    }

    pub(crate) fn take_lease(&mut self, holder: &str, seen: Option<&Lease>, at: Instant) -> Option<u64> {
        let (term, from) = match &self.lease {
            None => (1, None),
            Some(lease) => {
                let as_seen = seen.is_some_and(|seen| (seen.term, seen.beat) == (lease.term, lease.beat));
                if !lease.holder.is_empty() && !as_seen {
                    return None;
                }
                (lease.term + 1, Some(lease.holder.clone()).filter(|holder| !holder.is_empty()))
            }
        };
        self.lease = Some(Lease { holder: holder.to_owned(), term, beat: 1, seen_at: at });
        self.note(Fact::Lease { holder: holder.to_owned(), term, from });
        Some(term)
    }

    pub(crate) fn keep_lease(&mut self, held: &Held, at: Instant) -> bool {
        let kept = self.is_held(held);
        if let Some(lease) = self.lease.as_mut().filter(|_| kept) {
            (lease.beat, lease.seen_at) = (lease.beat + 1, at);
        }
        kept
    }

    pub(crate) fn release_lease(&mut self, held: &Held) -> bool {
        let released = self.is_held(held);
        if let Some(lease) = self.lease.as_mut().filter(|_| released) {
            lease.holder.clear();
            let (term, from) = (lease.term, Some(held.holder.clone()));
            self.note(Fact::Lease { holder: String::new(), term, from });
        }
        released
    }

    /// False when the scheduler was paused, or not, already.
    pub(crate) fn set_pause(&mut self, pause: Option<&Pause>) -> bool {
        if pause.is_some() {
            // The pause lives in the row of the lease, which then is nobody's.
            self.lease.get_or_insert_with(|| Lease {
                holder: String::new(),
                term: 1,
                beat: 0,
                seen_at: Instant::UNIX_EPOCH,
            });
        }
        if pause.is_some() == self.pause.is_some() {
            return false;
        }
        self.pause = pause.cloned();
        true
    }
}
