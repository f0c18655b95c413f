//! The ledger against the calendar.
//!
//! Exact: no row for an instant at which nothing was due; a slot that came due while its schedule was known and in force,
//! and that still is in force at the end, has its row; a row that fired has its run and every run of a schedule its row; a
//! row says why it did not fire, and the reason is one that the rules allow. In calm weather also: a slot in time fires,
//! one of a paused scheduler is missed for that reason, and one in a maintenance window skipped for that one. What was
//! skipped once, and was not taken back, has exactly that row, whoever crashed or took over.
//!
//! Weaker than the truth: a slot that was due shortly before its schedule was changed, disabled or removed counts only if
//! the weather was calm; so does one that comes round again after the clock was set back.

use std::sync::atomic::Ordering;

use host_model::fire::{SlotOutcome, SlotRecord};
use host_model::job::CatchUp;
use host_model::{Instant, JobId, RunStatus};

use super::calendar::{Calendar, Pass, Phase, SKEW, State, phases};
use super::{SETTLED, Weather};
use crate::fires::is_ahead;
use crate::handle::lock;
use crate::plan::Rhythm;
use crate::tables::{Fact, Tables};
use crate::world::Record;

/// A reload reaches everybody in so many milliseconds.
const PROMPT: u64 = 150;

struct Bench<'r> {
    record: &'r Record,
    weather: &'r Weather,
    calendar: Calendar,
    quiet: u64,
}

pub(super) fn judge(record: &Record, weather: &Weather, wrong: &mut Vec<String>) {
    let quiet = record.quiet_since.load(Ordering::Relaxed) as u64;
    let calendar = Calendar::new(&lock(&record.jumps), record.shop.now());
    let bench = Bench { record, weather, calendar, quiet };
    let tables = lock(&record.shop.tables);
    for ((job, name), phases) in phases(&lock(&record.catalogues)) {
        bench.judge_schedule(&tables, job, name, &phases, wrong);
    }
    bench.judge_rows(&tables, wrong);
}

impl Bench<'_> {
    fn judge_schedule(&self, tables: &Tables, job: &str, name: &str, phases: &[Phase], wrong: &mut Vec<String>) {
        let rhythms: Vec<&Rhythm> = phases
            .iter()
            .filter_map(|phase| match &phase.state {
                State::On(rhythm) => Some(rhythm),
                _ => None,
            })
            .collect();
        let passes = self.calendar.passes(|second| rhythms.iter().any(|rhythm| rhythm.is_due(second)));
        let job = JobId::new(job).unwrap();
        for (job_id, due_at, schedule) in tables.slots.keys().filter(|(j, _, s)| *j == job && s == name) {
            let second = due_at.timestamp();
            let none = Vec::new();
            let passes = passes.get(&second).unwrap_or(&none);
            let row = &tables.slots[&(job_id.clone(), *due_at, schedule.clone())];
            if is_ahead(row) {
                if !self.is_skipped(row) {
                    wrong.push(format!("a slot that nobody skipped: {row:?}"));
                }
                continue;
            }
            if self.is_skipped(row) {
                wrong.push(format!("a slot that was skipped once was decided otherwise: {row:?}"));
            }
            if !passes.iter().any(|pass| self.may_have_row(second, *pass, phases)) {
                wrong.push(format!("a row for an instant at which nothing was due: {row:?}"));
            }
        }
        for (second, passes) in &passes {
            let due_at = Instant::from_timestamp(*second, 0).unwrap_or_default();
            let row = tables.slots.get(&(job.clone(), due_at, name.to_owned()));
            match row {
                None => {
                    if let Some(pass) = passes.iter().find(|pass| self.must_have_row(*second, **pass, phases)) {
                        wrong.push(format!("silent slot: `{job}` `{name}` due {due_at}, at {} ms", pass.at));
                    }
                }
                Some(row) if is_ahead(row) => {}
                Some(row) => {
                    if let Some(pass) = passes.iter().find(|pass| pass.natural && pass.certain && pass.first) {
                        self.judge_in_time(row, *second, *pass, phases, wrong);
                    }
                }
            }
        }
    }

    fn may_have_row(&self, second: i64, pass: Pass, phases: &[Phase]) -> bool {
        let at = pass.at;
        let on = |phase: &Phase| matches!(&phase.state, State::On(rhythm) if rhythm.is_due(second));
        let mut of_rhythm = phases.iter().filter(|phase| on(phase));
        // A process that stands still between asking for the lease and having it counts from when it asked.
        let stalled = lock(&self.record.disturbances);
        let asked_before =
            |from: u64| from <= at + PROMPT || stalled.iter().any(|(a, b, _)| *a <= at && from <= *b + SETTLED);
        if !of_rhythm.clone().any(|phase| asked_before(phase.from)) {
            return false;
        }
        let returns = of_rhythm.any(|phase| phase.to + PROMPT >= at);
        let Some(phase) = phases.iter().find(|phase| phase.from <= at && at < phase.to) else { return true };
        // Around a reload nobody knows, and neither while nobody can have noticed it.
        let is_noticed = self.weather.was_calm_for(PROMPT, phase.from, at);
        on(phase)
            || at <= phase.from + PROMPT
            || phase.to <= at + PROMPT
            || match phase.state {
                State::Absent => returns || !is_noticed,
                _ => !is_noticed,
            }
    }

    fn must_have_row(&self, second: i64, pass: Pass, phases: &[Phase]) -> bool {
        let at = pass.at;
        if !pass.certain || at > self.quiet {
            return false;
        }
        let Some(here) = phases.iter().position(|phase| phase.from <= at && at < phase.to) else { return false };
        // The rhythm in force, or the one that was before the file went away.
        let rhythm = phases[..=here].iter().rev().find_map(|phase| match &phase.state {
            State::On(rhythm) => Some(Some(rhythm)),
            State::Off => Some(None),
            State::Absent => None,
        });
        let Some(Some(rhythm)) = rhythm else { return false };
        let is_same = |phase: &Phase| matches!(&phase.state, State::On(other) if other == rhythm);
        if !rhythm.is_due(second) || !self.is_known(rhythm, at, &phases[..=here]) || !self.is_settled(pass) {
            return false;
        }
        let rest = &phases[here..];
        let goes_on = rest.iter().all(|phase| is_same(phase) || phase.state == State::Absent);
        let still =
            goes_on && rest.last().is_some_and(is_same) && second * 1000 + SKEW < self.calendar.wall(self.quiet);
        let phase = &phases[here];
        let steady = is_same(phase) && phase.from + SETTLED <= at && at + SETTLED < phase.to;
        still || (steady && self.weather.is_calm(at.saturating_sub(SETTLED), at + SETTLED))
    }

    /// Whether somebody had adopted the schedule, and the store knew it, before `at`.
    fn is_known(&self, rhythm: &Rhythm, at: u64, phases: &[Phase]) -> bool {
        let mut known = false;
        for phase in phases {
            match &phase.state {
                State::On(other) if other == rhythm => {
                    known |= self.weather.was_calm_for(PROMPT, phase.from, phase.to.min(at));
                }
                State::Absent => {}
                State::On(_) | State::Off => known = false,
            }
        }
        known
    }

    /// Whether no clock that was set back stands between the slot and its row.
    fn is_settled(&self, pass: Pass) -> bool {
        let back = self.calendar.last_set_back(pass.at);
        pass.first
            || back.is_none_or(|back| {
                let noticed = back + if self.record.tells_of_jumps { SETTLED } else { super::UNNOTICED };
                noticed < pass.at && self.weather.is_calm(noticed + 1, pass.at)
            })
    }

    /// A slot that came due in calm weather.
    fn judge_in_time(&self, row: &SlotRecord, second: i64, pass: Pass, phases: &[Phase], wrong: &mut Vec<String>) {
        let (from, to) = (pass.at.saturating_sub(SETTLED), pass.at + SETTLED);
        let steady = |phase: &Phase| {
            let on = matches!(&phase.state, State::On(rhythm) if rhythm.is_due(second));
            on && phase.from <= from && to < phase.to
        };
        if !phases.iter().any(steady) || !self.weather.is_calm(from, to) {
            return;
        }
        let pauses = lock(&self.record.pauses);
        let is_paused = pauses.iter().rev().find(|(at, _)| *at <= from).is_some_and(|(_, paused)| *paused);
        if pauses.iter().any(|(at, _)| from < *at && *at <= to) {
            return;
        }
        let reason = row.reason.as_deref().unwrap_or_default();
        let Some(is_held) = self.is_in_window(row.slot.due_at, from, to) else { return };
        let is_right = match row.outcome {
            SlotOutcome::Skipped if reason == "maintenance" => is_held,
            _ if is_held => false,
            SlotOutcome::Missed => is_paused && reason.contains("paused by user:sim"),
            SlotOutcome::Fired => !is_paused,
            SlotOutcome::Skipped => !is_paused && reason.contains("still running") | reason.contains("queue full"),
            SlotOutcome::FailedToStart => false,
        };
        if !is_right {
            let was = if is_paused { "paused" } else { "there" };
            wrong.push(format!("in calm weather, the scheduler {was}, at {} ms: {row:?}", pass.at));
        }
    }

    /// What every row must be, whenever it was written.
    fn judge_rows(&self, tables: &Tables, wrong: &mut Vec<String>) {
        let lives = lock(&self.record.lives);
        let mut fired = 0;
        for entry in &tables.journal {
            let Fact::Slot(row) = &entry.fact else { continue };
            let reason = row.reason.as_deref().unwrap_or_default();
            let run = row.run_id.and_then(|id| tables.runs.get(&id));
            let serves = run.is_some_and(|run| {
                run.run.scheduled_at == Some(row.slot.due_at)
                    && run.run.schedule.as_ref() == Some(&row.slot.schedule)
                    && run.run.job_id == row.slot.job_id
            });
            let fits = match row.outcome {
                SlotOutcome::Fired => serves && run.is_some_and(|run| run.run.status != RunStatus::Skipped),
                SlotOutcome::Skipped if is_ahead(row) => entry.by.as_ref() == "operator",
                SlotOutcome::Skipped if reason == "maintenance" => run.is_none() && self.was_in_window(row.slot.due_at),
                SlotOutcome::Skipped => serves && run.is_some_and(|run| run.run.status == RunStatus::Skipped),
                SlotOutcome::Missed => run.is_none() && !reason.is_empty(),
                SlotOutcome::FailedToStart => run.is_none() && reason.starts_with("there is no job"),
            };
            if !fits {
                wrong.push(format!("a row that does not fit its run ({:?}): {row:?}", run.map(|run| &run.run)));
            }
            fired += usize::from(run.is_some());
            let Some(life) = lives.iter().find(|life| life.process.name == entry.by) else { continue };
            let due = row.slot.due_at.timestamp_millis();
            let late = self.calendar.wall(entry.at) - due;
            let was_set_back = self.calendar.last_set_back(entry.at).is_some_and(|at| at + 60_000 > entry.at);
            if late < -SKEW && !was_set_back {
                wrong.push(format!("decided {} ms before it was due, by {}: {row:?}", -late, entry.by));
            }
            // Before it had begun nobody can say; while it began, either is right.
            let before = due < self.calendar.wall(life.began) - SKEW;
            let since = due > self.calendar.wall(life.ready.unwrap_or(life.began)) + SKEW;
            let catch_up = self.catch_up(row);
            if row.outcome == SlotOutcome::Missed && !reason.contains("paused by") && !reason.contains("maintenance") {
                if since && late <= 60_000 - SKEW && !was_set_back {
                    wrong.push(format!("missed although {} was there, {late} ms late: {row:?}", entry.by));
                }
                if catch_up == Some((CatchUp::All, None)) {
                    wrong.push(format!("missed although everything is caught up: {row:?}"));
                }
            }
            let has_jumped = !lock(&self.record.jumps).is_empty();
            if row.outcome == SlotOutcome::Fired
                && before
                && !has_jumped
                && matches!(catch_up, Some((CatchUp::None, _)))
            {
                wrong.push(format!("fired although nobody was there and nothing is caught up: {row:?}"));
            }
        }
        let of_schedules = tables.runs.values().filter(|run| run.run.triggered_by == "cron").count();
        if of_schedules != fired {
            wrong.push(format!("{of_schedules} runs of schedules for {fired} slots with a run"));
        }
    }

    /// Whether somebody skips the slot of a row, at the end of the history.
    fn is_skipped(&self, row: &SlotRecord) -> bool {
        lock(&self.record.skips).iter().any(|(slot, _, until)| *slot == row.slot && until.is_none())
    }

    /// Whether a window covered an instant, as the windows were from one moment to another; `None` when they changed then.
    fn is_in_window(&self, due_at: Instant, from: u64, to: u64) -> Option<bool> {
        let changes = lock(&self.record.windows);
        if changes.iter().any(|(at, _)| from < *at && *at <= to) {
            return None;
        }
        let known = changes.iter().rev().find(|(at, _)| *at <= from);
        Some(known.is_some_and(|(_, windows)| windows.iter().any(|window| window.covers(due_at))))
    }

    /// Whether one ever did.
    fn was_in_window(&self, due_at: Instant) -> bool {
        lock(&self.record.windows).iter().any(|(_, windows)| windows.iter().any(|window| window.covers(due_at)))
    }

    /// What the job says about late slots, if it always said the same.
    fn catch_up(&self, row: &SlotRecord) -> Option<(CatchUp, Option<u32>)> {
        let catalogues = lock(&self.record.catalogues);
        let works = catalogues.iter().flat_map(|(_, works)| works).filter(|work| work.id == row.slot.job_id.as_str());
        let mut said: Vec<_> = works.map(|work| (work.catch_up, work.window)).collect();
        said.dedup();
        (said.len() == 1).then(|| said[0])
    }
}
