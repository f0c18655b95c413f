//! What was executed against what is recorded, and who had which right when.
//!
//! Exact: nothing stays open; each recorded attempt is executed at most once; a job that is not resumed never begins a step
//! again beyond its policy; two executions of a job that allows one at a time overlap only if a process without the right
//! to it has one of them; a lease or a run is taken only from somebody who was unwell; the term of the lease rises.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use host_model::definition::Definition;
use host_model::job::OnRestart;
use host_model::{RunId, RunStatus, StepStatus};

use crate::fires::is_ahead;
use crate::handle::lock;
use crate::runner::Execution;
use crate::tables::{Fact, Tables};
use crate::world::{BEAT, LEASE_LOST, Life, OWNER_LOST, Record};

pub(super) fn judge(record: &Record, wrong: &mut Vec<String>) {
    let tables = lock(&record.shop.tables);
    let executions = lock(&record.executions);
    let lives = lock(&record.lives);
    judge_open(record, &tables, wrong);
    judge_attempts(&tables, &executions, wrong);
    judge_exclusive(&tables, &executions, &lives, wrong);
    judge_order(&tables, wrong);
    judge_rights(record, &tables, &lives, wrong);
    for run in lock(&record.promised).iter().filter(|run| !tables.runs.contains_key(run)) {
        wrong.push(format!("run {run} was promised to its caller and is not there"));
    }
}

fn judge_open(record: &Record, tables: &Tables, wrong: &mut Vec<String>) {
    let quiet = record.quiet_since.load(Ordering::Relaxed) as u64;
    let mut began: HashMap<RunId, u64> = HashMap::new();
    for entry in &tables.journal {
        if let Fact::Run { id, .. } = &entry.fact {
            began.entry(*id).or_insert(entry.at);
        }
    }
    for row in tables.active.iter().filter_map(|id| tables.runs.get(id)) {
        if began.get(&row.run.id).is_some_and(|at| *at <= quiet) {
            let run = &row.run;
            wrong.push(format!(
                "run {} of `{}` is still {} with `{}` in term {}, placed `{}`, marked {:?}",
                run.id,
                run.job_id,
                run.status.as_str(),
                run.owner,
                run.term,
                run.placement,
                run.cancel_requested_by
            ));
        }
    }
    for row in tables.runs.values().filter(|row| row.run.status == RunStatus::Failed) {
        let error = row.run.error.as_deref().unwrap_or_default();
        if !error.contains("lost in restart") && !error.contains("no route to host") {
            wrong.push(format!("run {} failed for no reason of its own: {error}", row.run.id));
        }
    }
    for row in tables.runs.values().filter(|row| row.run.status.is_final() && row.run.status != RunStatus::Skipped) {
        if let Some(open) = tables.steps_of(row.run.id).find(|step| !step.status.is_final()) {
            wrong.push(format!("run {} is over, its step {} is {}", row.run.id, open.index, open.status.as_str()));
        }
    }
}

fn judge_attempts(tables: &Tables, executions: &[Execution], wrong: &mut Vec<String>) {
    let mut attempts: BTreeMap<(RunId, u32, u32), u32> = BTreeMap::new();
    let mut steps: BTreeMap<(RunId, u32), u32> = BTreeMap::new();
    for one in executions {
        *attempts.entry((one.run, one.index, one.attempt)).or_default() += 1;
        *steps.entry((one.run, one.index)).or_default() += 1;
    }
    for (key, count) in &attempts {
        let is_begun = tables.steps.get(key).is_some_and(|step| step.started_at.is_some());
        if *count > 1 || !is_begun {
            wrong.push(format!("attempt {key:?} was executed {count} times; recorded as begun: {is_begun}"));
        }
    }
    for ((run, index), count) in steps.iter().filter(|(_, count)| **count > 1) {
        let text = tables.runs.get(run).map(|row| row.definition.clone()).unwrap_or_default();
        let Ok(definition) = Definition::parse(&text) else { continue };
        let may_resume = definition.on_restart == OnRestart::Resume
            && definition.steps.get(*index as usize).is_some_and(|step| step.resumable);
        if !may_resume && *count > definition.retry.attempts {
            wrong.push(format!("step {index} of run {run} was executed {count} times"));
        }
    }
    for step in tables.steps.values().filter(|step| step.status == StepStatus::Succeeded) {
        let key = (step.run_id, step.index, step.attempt);
        let done = |one: &Execution| {
            (one.run, one.index, one.attempt) == key && one.ended.is_some_and(|(_, succeeded)| succeeded)
        };
        if !executions.iter().any(done) {
            wrong.push(format!("attempt {key:?} is recorded as succeeded and was not executed so"));
        }
    }
}

/// The part of an execution during which its process had the run.
fn rightful(tables: &Facts<'_>, lives: &[Life], one: &Execution) -> Option<(u64, u64)> {
    let facts = tables.get(&one.run)?;
    let now = facts.iter().rev().find(|(at, ..)| *at <= one.began)?;
    if now.1 != RunStatus::Running || now.2 != &*one.by {
        return None;
    }
    let lost = facts
        .iter()
        .find(|(at, status, owner)| *at > one.began && (*status != RunStatus::Running || *owner != &*one.by));
    let died = lives.iter().find(|life| life.process.name == one.by).and_then(|life| life.process.died());
    let ends = [lost.map(|lost| lost.0), died, one.ended.map(|(at, _)| at)];
    Some((one.began, ends.into_iter().flatten().min().unwrap_or(u64::MAX)))
}

type Facts<'t> = HashMap<RunId, Vec<(u64, RunStatus, &'t str)>>;

fn judge_exclusive(tables: &Tables, executions: &[Execution], lives: &[Life], wrong: &mut Vec<String>) {
    let mut facts: Facts<'_> = HashMap::new();
    for entry in &tables.journal {
        if let Fact::Run { id, status, owner, .. } = &entry.fact {
            facts.entry(*id).or_default().push((entry.at, *status, owner));
        }
    }
    let is_exclusive = |run: &RunId| tables.runs.get(run).is_some_and(|row| row.exclusive);
    let mut spans: HashMap<_, Vec<(u64, u64, &Execution)>> = HashMap::new();
    for one in executions {
        if let Some((from, to)) = rightful(&facts, lives, one) {
            // Of one run, steps follow one another whatever the job says.
            let key = if is_exclusive(&one.run) { (Some(&one.job), None) } else { (None, Some(one.run)) };
            spans.entry(key).or_default().push((from, to, one));
        }
    }
    for spans in spans.values_mut() {
        spans.sort_by_key(|(from, to, _)| (*from, *to));
        let mut open: Option<&(u64, u64, &Execution)> = None;
        for span in spans.iter() {
            if let Some(before) = open.filter(|before| before.1 > span.0) {
                wrong.push(format!("two at once: {:?} and {:?}", before.2, span.2));
            }
            open = open.filter(|before| before.1 > span.1).or(Some(span));
        }
    }
    for life in lives {
        let mut edges: Vec<(u64, i32)> = Vec::new();
        for one in executions.iter().filter(|one| one.by == life.process.name) {
            edges.extend([(one.began, 1), (one.ended.map_or(u64::MAX, |(at, _)| at), -1)]);
        }
        edges.sort_unstable();
        let mut count = 0;
        let most = edges
            .iter()
            .map(|(_, by)| {
                count += by;
                count
            })
            .max()
            .unwrap_or(0);
        if most > life.role.room as i32 {
            wrong.push(format!("{} executed {most} at once and has room for {}", life.process.name, life.role.room));
        }
    }
}

/// Runs that wait for one another start oldest first. Age is both: a clock that was set back gives a later run an older id.
fn judge_order(tables: &Tables, wrong: &mut Vec<String>) {
    let mut open: BTreeMap<RunId, (usize, RunStatus)> = BTreeMap::new();
    for (number, entry) in tables.journal.iter().enumerate() {
        let Fact::Run { id, status, .. } = &entry.fact else { continue };
        let Some(row) = tables.runs.get(id) else { continue };
        let recorded = open.get(id).map_or(number, |(recorded, _)| *recorded);
        let was_queued = open.get(id).is_some_and(|(_, status)| *status == RunStatus::Queued);
        if *status == RunStatus::Running && was_queued && row.waits {
            let goes_first =
                |other: &RunId| tables.runs.get(other).is_some_and(|o| o.exclusive && o.run.job_id == row.run.job_id);
            let before = open.range(..*id).find(|(other, (since, _))| *since < recorded && goes_first(other));
            if let Some((older, _)) = before {
                wrong.push(format!("run {id} started at {} ms, before {older} of its job was over", entry.at));
            }
        }
        if status.is_final() {
            open.remove(id);
        } else {
            open.insert(*id, (recorded, *status));
        }
    }
}

fn judge_rights(record: &Record, tables: &Tables, lives: &[Life], wrong: &mut Vec<String>) {
    let life_of = |name: &str| lives.iter().find(|life| &*life.process.name == name);
    let disturbances = lock(&record.disturbances);
    // A loss is noticed at the earliest when it was lost, and at the latest a few looks after.
    let was_unwell = |name: &str, at: u64, span: u64| {
        let gone = life_of(name).is_none_or(|life| life.process.died().is_some_and(|died| died <= at));
        let since = at.saturating_sub(span + 4 * BEAT + 3000);
        let its = |who: &Option<Arc<str>>| who.as_deref().is_none_or(|who| who == name);
        gone || disturbances.iter().any(|(from, to, who)| its(who) && *from <= at && since <= *to)
    };
    let mut last_term = 0;
    let mut holder_now = "";
    let mut owners: HashMap<RunId, (&str, u32)> = HashMap::new();
    let is_disturbed = |at: u64| disturbances.iter().any(|(from, to, _)| *from <= at && at <= *to + BEAT);
    for (number, entry) in tables.journal.iter().enumerate() {
        match &entry.fact {
            // Written by whoever skips it, whoever has the lease.
            Fact::Slot(row) if is_ahead(row) => {}
            Fact::Slot(row) => {
                if holder_now != &*entry.by {
                    wrong.push(format!("{} decided a slot while the lease was `{holder_now}`'s: {row:?}", entry.by));
                }
            }
            Fact::Lease { holder, .. } if holder.is_empty() => holder_now = "",
            Fact::Lease { holder, term, from } => {
                holder_now = holder;
                if *term <= last_term {
                    wrong.push(format!("the lease's term went from {last_term} to {term}"));
                }
                last_term = *term;
                let displaced = from.as_deref().filter(|from| from != holder);
                if displaced.is_some_and(|from| !was_unwell(from, entry.at, LEASE_LOST)) {
                    wrong.push(format!("at {} ms {holder} took the lease from {from:?}, who was well", entry.at));
                }
                // A stop may meet a question for the lease that is under way; then it goes back at once.
                let stopping = life_of(holder).and_then(|life| life.leaves).filter(|at| at + 100 < entry.at);
                let is_given_back = tables.journal[number..].iter().any(|later| {
                    let back = matches!(&later.fact, Fact::Lease { holder, .. } if holder.is_empty());
                    back && later.by == entry.by && later.at < entry.at + BEAT
                });
                if stopping.is_some() && !is_given_back && !is_disturbed(entry.at) {
                    wrong.push(format!("at {} ms {holder} took the lease although it was stopping", entry.at));
                }
            }
            Fact::Run { id, owner, term, status } => {
                if let Some((before, _)) = owners.get(id).filter(|(before, _)| !before.is_empty()) {
                    if *before != &*entry.by && *status == RunStatus::Succeeded {
                        wrong.push(format!("{} ended run {id} of {before}, at {} ms", entry.by, entry.at));
                    }
                    let taken = *before != &*entry.by && (owner != before || status.is_final());
                    if taken && !was_unwell(before, entry.at, OWNER_LOST) {
                        wrong
                            .push(format!("at {} ms {} took run {id} from {before}, who was well", entry.at, entry.by));
                    }
                }
                owners.insert(*id, (owner, *term));
            }
        }
    }
}
