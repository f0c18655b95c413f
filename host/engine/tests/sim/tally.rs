//! What happened in many histories, so that whoever reads "nothing found" sees that something was looked at.

use std::ops::AddAssign;

use host_model::fire::SlotOutcome;
use host_model::{RunStatus, StepStatus};

use crate::fires::is_ahead;
use crate::handle::lock;
use crate::tables::Fact;
use crate::world::Record;

macro_rules! tally {
    ($($name:ident),*) => {
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Tally { $(pub(crate) $name: usize),* }

        impl AddAssign for Tally {
            fn add_assign(&mut self, more: Self) {
                $(self.$name += more.$name;)*
            }
        }

        impl Tally {
            /// Whether there is some of each.
            pub(crate) fn has_everything(self) -> bool {
                [$(self.$name),*].iter().all(|count| *count > 0)
            }
        }
    };
}

tally! {
    histories, virtual_seconds, calls, calls_failed, answers_lost, deaths, leases_taken, leases_taken_from_another, slots,
    fired, skipped, skipped_once, in_maintenance, missed, runs, succeeded, failed, canceled, given_back, taken_up_again, lost_in_restart, executions,
    attempts_begun_but_never_executed
}

impl Tally {
    pub(crate) fn of(record: &Record) -> Self {
        let tables = lock(&record.shop.tables);
        let trace = lock(&record.shop.trace);
        let executions = lock(&record.executions);
        let came = |word: &str| trace.iter().filter(|(.., came)| *came == word).count();
        let outcome = |outcome| tables.slots.values().filter(|row| row.outcome == outcome).count();
        let status = |status| tables.runs.values().filter(|row| row.run.status == status).count();
        let reason = |word: &str| {
            let said = |row: &&crate::tables::RunRow| row.run.reason.as_deref().is_some_and(|r| r.contains(word));
            tables.runs.values().filter(said).count()
        };
        let leases = || {
            tables.journal.iter().filter_map(|entry| match &entry.fact {
                Fact::Lease { holder, from, .. } if !holder.is_empty() => Some(from),
                _ => None,
            })
        };
        let begun = tables.steps.values().filter(|s| s.started_at.is_some() && s.status == StepStatus::Failed);
        let executed = |run, index, attempt| {
            executions.iter().any(|one| (one.run, one.index, one.attempt) == (run, index, attempt))
        };
        Self {
            histories: 1,
            virtual_seconds: (record.shop.now() / 1000) as usize,
            calls: trace.len(),
            calls_failed: came("away"),
            answers_lost: came("answer lost"),
            deaths: lock(&record.lives)
                .iter()
                .filter(|life| life.leaves.is_none() && life.process.died().is_some())
                .count(),
            leases_taken: leases().count(),
            leases_taken_from_another: leases().filter(|from| from.is_some()).count(),
            slots: tables.slots.len(),
            fired: outcome(SlotOutcome::Fired),
            skipped: outcome(SlotOutcome::Skipped),
            skipped_once: tables.slots.values().filter(|row| is_ahead(row)).count(),
            in_maintenance: tables.slots.values().filter(|row| row.reason.as_deref() == Some("maintenance")).count(),
            missed: outcome(SlotOutcome::Missed),
            runs: tables.runs.len(),
            succeeded: status(RunStatus::Succeeded),
            failed: status(RunStatus::Failed),
            canceled: status(RunStatus::Canceled),
            given_back: reason("given back"),
            taken_up_again: tables.runs.values().filter(|row| row.run.term > 1).count(),
            lost_in_restart: reason("lost in restart"),
            executions: executions.len(),
            attempts_begun_but_never_executed: begun.filter(|s| !executed(s.run_id, s.index, s.attempt)).count(),
        }
    }
}
