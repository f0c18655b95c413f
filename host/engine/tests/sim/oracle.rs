//! What must be true after a history, told from the record of what happened and never from the engine's code: `calendar`
//! says which slots were due when, `ledger` holds the ledger against it, `runs` what was executed against what is recorded.
//!
//! Some rules are exact; where the engine may take its time (a reload is noticed, a lease is taken over), a slot is
//! neither asked for nor forbidden unless the history was *calm* around it: nobody had been disturbed for [`SETTLED`], and
//! somebody who fires schedules was up.

mod calendar;
mod ledger;
mod runs;

use std::fmt::Write as _;

use crate::handle::lock;
use crate::tables::Fact;
use crate::world::{BEAT, LEASE_LOST, Record};

/// After a disturbance everything is as before within so many milliseconds: the lease is taken over, a store that was away
/// is asked again.
pub(crate) const SETTLED: u64 = LEASE_LOST + 4 * BEAT;
/// Later than anything.
pub(crate) const NEVER: u64 = u64::MAX / 4;
/// A clock that was set is noticed so late when nobody says so.
pub(crate) const UNNOTICED: u64 = 31_000;

/// When the history was calm.
pub(crate) struct Weather {
    /// Not calm, in no order.
    unsettled: Vec<(u64, u64)>,
    /// Somebody who fires schedules was up and settled.
    manned: Vec<(u64, u64)>,
}

impl Weather {
    fn of(record: &Record) -> Self {
        let mut unsettled: Vec<(u64, u64)> =
            lock(&record.disturbances).iter().map(|(from, to, _)| (*from, to + SETTLED)).collect();
        let notice = if record.tells_of_jumps { SETTLED } else { UNNOTICED };
        unsettled.extend(lock(&record.jumps).iter().map(|(at, _)| (at.saturating_sub(50), at + notice)));
        let mut manned = Vec::new();
        for life in lock(&record.lives).iter() {
            let (died, leaves) = (life.process.died(), life.leaves);
            if let Some(died) = died.filter(|_| leaves.is_none()) {
                unsettled.push((died, died + SETTLED));
            }
            unsettled.extend(leaves.map(|at| (at, at + SETTLED)));
            if let Some(ready) = life.ready.filter(|_| life.role.scheduler) {
                let end = leaves.or(died).unwrap_or(NEVER);
                manned.push((ready + SETTLED, end));
            }
        }
        Self { unsettled, manned }
    }

    /// Whether it was calm from one moment to another.
    fn is_calm(&self, from: u64, to: u64) -> bool {
        self.manned.iter().any(|(a, b)| *a <= from && to < *b)
            && !self.unsettled.iter().any(|(a, b)| *a <= to && from <= *b)
    }

    /// Whether it was calm for `long` somewhere between two moments.
    fn was_calm_for(&self, long: u64, from: u64, to: u64) -> bool {
        let ends = self.unsettled.iter().map(|(_, end)| *end + 1);
        let starts = self.manned.iter().map(|(start, _)| *start).chain(ends).chain([from]);
        let mut starts = starts.filter(|start| *start >= from && start + long <= to);
        starts.any(|start| self.is_calm(start, start + long))
    }
}

/// Everything that is not as it must be.
pub(crate) fn judge(record: &Record) -> Vec<String> {
    let weather = Weather::of(record);
    let mut wrong = Vec::new();
    runs::judge(record, &mut wrong);
    ledger::judge(record, &weather, &mut wrong);
    wrong
}

/// The verdict with what led to it.
pub(crate) fn explain(record: &Record, verdict: &[String]) -> String {
    let mut text = String::new();
    for wrong in verdict.iter().take(12) {
        let _ = writeln!(text, "  WRONG: {wrong}");
    }
    if verdict.len() > 12 {
        let _ = writeln!(text, "  … and {} more", verdict.len() - 12);
    }
    for life in lock(&record.lives).iter() {
        let _ = writeln!(
            text,
            "  process {}: began {} ready {:?} leaves {:?} died {:?} {:?}",
            life.process.name,
            life.began,
            life.ready,
            life.leaves,
            life.process.died(),
            life.role
        );
    }
    let tables = lock(&record.shop.tables);
    if std::env::var_os("NOMAFLOW_SIM_TRACE").is_some() {
        let trace = lock(&record.shop.trace);
        let calls = trace.iter().map(|(at, by, what, came)| (*at, 0, format!("{by} {what}: {came}")));
        let facts = tables.journal.iter().map(|entry| (entry.at, 1, format!("{} ==> {:?}", entry.by, entry.fact)));
        let mut lines: Vec<_> = calls.chain(facts).collect();
        lines.sort_by_key(|(at, kind, _)| (*at, *kind));
        for (at, _, line) in lines {
            let _ = writeln!(text, "  {at:>6} ms  {line}");
        }
    } else {
        let leases = tables.journal.iter().filter(|entry| matches!(entry.fact, Fact::Lease { .. }));
        leases.for_each(|entry| {
            let _ = writeln!(text, "  {:>6} ms  {} ==> {:?}", entry.at, entry.by, entry.fact);
        });
        text.push_str("  NOMAFLOW_SIM_TRACE=1 shows every call\n");
    }
    text
}
