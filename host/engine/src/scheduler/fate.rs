//! What becomes of slots that are due: the rules of `catch_up`, of blackouts, and of all that holds schedules back, a pause,
//! maintenance, a skip (product §4, §5). Pure.

use std::collections::VecDeque;

use chrono::TimeDelta;
use host_model::Instant;
use host_model::fire::SlotOutcome;
use host_model::hold::Holds;
use host_model::job::CatchUp;

use super::agenda::Due;

/// Most slots that `catch_up = "all"` fires of one schedule.
pub(super) const MOST_CAUGHT_UP: usize = 1000;

/// What is to be done with one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It fires.
    Fire {
        /// Long after it was due, so that it waits for the runs of its job before it.
        late: bool,
    },
    /// It only gets a row in the ledger.
    Record(SlotOutcome, String),
}

/// Decides about the slots of one schedule, oldest first. One found more than `grace` after it was to fire is late. What is
/// skipped once was decided before.
pub(super) fn decide(due: &Due, now: Instant, grace: TimeDelta, holds: &Holds) -> Vec<(Instant, Fate)> {
    let (job, schedule) = (&*due.job, &due.job.schedules[due.schedule]);
    let lateness = |at: Instant| now - schedule.fire_at(&job.id, at);
    let blackout = |at: Instant| job.blackouts.iter().find(|b| b.covers(at, schedule.spec.zone));
    let window = |at: Instant| holds.window_of(at, schedule.fire_at(&job.id, at));
    let is_skipped = |at: Instant| holds.skips(&job.id, &schedule.name, at);
    let is_open = |at: &Instant| blackout(*at).is_none() && window(*at).is_none() && !is_skipped(*at);
    let newest_open = due.instants.iter().rev().copied().find(is_open);
    // What may be caught up: in reach, held back by nothing of its own, and not overtaken by the rule.
    let reach = job.catch_up_window_seconds.map_or(TimeDelta::MAX, |s| TimeDelta::seconds(i64::from(s)));
    let in_reach = |at: Instant| now - at <= reach;
    let candidates: VecDeque<Instant> = match job.catch_up {
        CatchUp::None => VecDeque::new(),
        CatchUp::Last => newest_open.into_iter().filter(|at| in_reach(*at)).collect(),
        CatchUp::All => due.instants.iter().copied().filter(|at| in_reach(*at) && is_open(at)).collect(),
    };
    let oldest_fired = candidates.iter().rev().take(MOST_CAUGHT_UP).next_back().copied();
    let missed = |text: String| Fate::Record(SlotOutcome::Missed, text);

    let mut fates = Vec::with_capacity(due.instants.len() + 1);
    if let Some((oldest, count)) = due.left_out {
        let late = lateness(oldest).num_seconds();
        let text = format!("found {late} s late; stands for {count} slots from here on, too many to list");
        fates.push((oldest, missed(text)));
    }
    for at in due.instants.iter().copied().filter(|at| !is_skipped(*at)) {
        let (late, seconds) = (lateness(at) > grace, lateness(at).num_seconds());
        let fate = if let Some(blackout) = blackout(at) {
            Fate::Record(SlotOutcome::Skipped, format!("blackout: {}", blackout.name))
        } else if let Some(window) = window(at) {
            Fate::Record(SlotOutcome::Skipped, window.why())
        } else if let Some(pause) = &holds.pause {
            let reason = if pause.reason.is_empty() { String::new() } else { format!(": {}", pause.reason) };
            let before = if at < pause.at { format!("found {seconds} s late; ") } else { String::new() };
            missed(format!("{before}scheduler paused by {}{reason}", pause.by))
        } else if !late {
            Fate::Fire { late: false }
        } else if let Some(window) = holds.window_at(now) {
            missed(format!("found {seconds} s late; {}", window.why()))
        } else if oldest_fired.is_some_and(|oldest| at >= oldest) {
            Fate::Fire { late: true }
        } else {
            let why = match (job.catch_up, job.catch_up_window_seconds) {
                (CatchUp::None, _) => "catch_up is none".to_owned(),
                (_, Some(seconds)) if !in_reach(at) => format!("the catch_up_window is {seconds} s"),
                (CatchUp::Last, _) => "catch_up is last: only the newest slot fires".to_owned(),
                (CatchUp::All, _) => format!("catch_up is all: only the newest {MOST_CAUGHT_UP} slots fire"),
            };
            missed(format!("found {seconds} s late; {why}"))
        };
        fates.push((at, fate));
    }
    fates
}
