//! What can be wrong with an installation, looked at while health is told: each thing with its state, a figure, since when
//! this process has seen it so, and what to do. Pure but for the memory of states; whoever asks brings what was found.
//!
//! Only what costs nothing is looked at: health is asked every few seconds by whoever watches over processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use host_engine::SchedulerState;
use host_model::Instant;
use host_model::care::PoolUse;
use host_model::diagnostic::{Diagnostic, Severity};
use host_model::replica::Replica;
use serde::Serialize;
use utoipa::ToSchema;

use crate::taken::Taken;
use crate::view::instant;

/// A store that takes longer for its simplest answer slows every run down.
const SLOW_STORE: Duration = Duration::from_millis(250);
/// Free space below which a night may fail.
const LITTLE_SPACE: u64 = 1 << 30;
/// Another process's clock may be that much ahead.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(5);
/// After that a backup is old: two nights.
const OLD_BACKUP: TimeDelta = TimeDelta::hours(48);
/// Names that are told of many.
const MOST_NAMES: usize = 5;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Somebody should look when there is time.
    Look,
    /// In trouble.
    Bad,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Look, Self::Bad];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Look => "look",
            Self::Bad => "bad",
        }
    }
}

/// Something that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    #[schema(value_type = crate::view::words::CheckNameWord)]
    name: &'static str,
    #[schema(value_type = crate::view::words::CheckWord)]
    state: &'static str,
    /// Since when this process has seen it in this state.
    #[schema(format = DateTime)]
    since: String,
    /// In English.
    text: String,
    /// What to do; null where nothing has to be done.
    advice: Option<String>,
    /// Milliseconds of the store, free bytes of the disk, seconds of a clock; or how many: armed schedules, invalid jobs, broken
    /// files, versions, streams.
    figure: Option<f64>,
    /// Of the things that are not as they should be, and of versions, the first few.
    names: Vec<String>,
    /// Of a backup: when it was taken.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Of a backup: when the catalogue was last exported.
    #[schema(format = DateTime)]
    export_at: Option<String>,
}

/// What was found out.
pub(crate) struct Found<'f> {
    pub(crate) now: Instant,
    /// How long the store took for an answer; `None` when there was none.
    pub(crate) store: Option<Duration>,
    pub(crate) dialect: &'static str,
    pub(crate) pools: &'f [PoolUse],
    pub(crate) scheduler: SchedulerState,
    /// Who may fire schedules.
    pub(crate) holder: Option<&'f str>,
    pub(crate) replicas: &'f [Replica],
    /// Schedules that are on, of jobs that are and that the caller may see.
    pub(crate) armed: usize,
    /// Jobs that can run, and the ids of those that cannot, as far as the caller may see them.
    pub(crate) jobs: usize,
    pub(crate) invalid: Vec<&'f str>,
    /// Whether the caller sees every job.
    pub(crate) sees_all: bool,
    pub(crate) diagnostics: &'f [Diagnostic],
    pub(crate) free_bytes: Option<u64>,
    pub(crate) streams: usize,
    /// `None` when the trail could not be asked.
    pub(crate) taken: Option<Taken>,
}

struct Draft {
    state: State,
    text: String,
    advice: Option<&'static str>,
    figure: Option<f64>,
    names: Vec<String>,
}

impl Draft {
    fn new(state: State, text: impl Into<String>) -> Self {
        Self { state, text: text.into(), advice: None, figure: None, names: Vec::new() }
    }

    fn figure(self, figure: f64) -> Self {
        Self { figure: Some(figure), ..self }
    }

    /// What to do, unless it is as it should be.
    fn advice(self, advice: &'static str) -> Self {
        let advice = (self.state != State::Ok).then_some(advice);
        Self { advice, ..self }
    }
}

fn store(found: &Found<'_>) -> Draft {
    let Some(took) = found.store else {
        return Draft::new(State::Bad, format!("{} does not answer", found.dialect))
            .advice("nothing is fired or recorded until it does; the log of this process says what the database says");
    };
    let waiting: u32 = found.pools.iter().map(|pool| pool.waiting).sum();
    let state = if took > SLOW_STORE { State::Look } else { State::Ok };
    let ms = took.as_secs_f64() * 1000.0;
    let text = format!("{} answers in {ms:.1} ms, {waiting} wait for a connection", found.dialect);
    Draft::new(state, text).figure(ms).advice("look at its disk, its load and the way to it")
}

fn scheduler(found: &Found<'_>) -> Draft {
    let asked = found.replicas.iter().any(|replica| replica.presence.scheduler_enabled);
    let (state, text) = match (found.scheduler, found.holder) {
        (SchedulerState::Error, _) => (State::Bad, "the scheduler of this process has stopped".to_owned()),
        (_, Some(holder)) => (State::Ok, format!("{holder} fires schedules")),
        (_, None) if asked => (State::Bad, "nobody holds the scheduler's lease".to_owned()),
        (_, None) => (State::Look, "no process asks for the scheduler".to_owned()),
    };
    Draft::new(state, text).advice("set `jobs.scheduler_enabled` on one process, and look at its log")
}

fn schedules(found: &Found<'_>) -> Draft {
    let text = format!("{} schedules are armed", found.armed);
    Draft::new(State::Ok, text).figure(found.armed as f64)
}

fn catalogue(found: &Found<'_>) -> Draft {
    let invalid = &found.invalid;
    let state = if invalid.is_empty() { State::Ok } else { State::Bad };
    let text = match invalid.len() {
        0 => format!("{} jobs, all valid", found.jobs),
        n => format!("{n} jobs do not load and will not run"),
    };
    let draft = Draft::new(state, text).figure(invalid.len() as f64);
    let names = invalid.iter().take(MOST_NAMES).map(|id| (*id).to_owned()).collect();
    Draft { names, ..draft }.advice("nomaflow check")
}

/// Errors of files that are no jobs and no settings.
fn plugins(found: &Found<'_>) -> Draft {
    let is_of_plugin = |file: &str| {
        let last = file.rsplit('/').next().unwrap_or(file);
        last.ends_with(".wasm") || (last.ends_with(".toml") && !last.starts_with("jobs.") && file.contains('/'))
    };
    let errors = found.diagnostics.iter();
    let mut names: Vec<String> = errors
        .filter(|each| each.severity == Severity::Error && is_of_plugin(&each.file))
        .map(|each| each.file.clone())
        .collect();
    names.dedup();
    let (state, text) = match names.len() {
        0 => (State::Ok, "every plugin that is there loads".to_owned()),
        n => (State::Bad, format!("{n} files of plugins do not load")),
    };
    let draft = Draft::new(state, text).figure(names.len() as f64);
    names.truncate(MOST_NAMES);
    Draft { names, ..draft }.advice("nomaflow plugin list; nomaflow check")
}

/// Every process looks for those that are ahead of it; so whichever is wrong, one of them says it.
fn clocks(found: &Found<'_>) -> Draft {
    let ahead = |replica: &&Replica| replica.seen_at > found.now + CLOCK_SLACK;
    let wrong: Vec<&Replica> = found.replicas.iter().filter(ahead).collect();
    let most = wrong.iter().map(|replica| (replica.seen_at - found.now).as_seconds_f64()).fold(0.0, f64::max);
    let (state, text) = match wrong.len() {
        0 => (State::Ok, "no process is ahead of this one's clock".to_owned()),
        n => (State::Look, format!("{n} processes are up to {most:.0} s ahead of this one's clock")),
    };
    let draft = Draft::new(state, text).figure(most);
    let names = wrong.iter().take(MOST_NAMES).map(|replica| replica.presence.owner.clone()).collect();
    Draft { names, ..draft }.advice("let all machines follow a time server (chrony, systemd-timesyncd)")
}

/// Several are fine during an upgrade, and not for longer.
fn versions(found: &Found<'_>) -> Draft {
    let names: BTreeSet<String> = found.replicas.iter().map(|replica| replica.presence.version.clone()).collect();
    let (state, text) = match names.len() {
        0 | 1 => (State::Ok, "every process is of the same version".to_owned()),
        n => (State::Look, format!("processes of {n} versions share the store")),
    };
    let draft = Draft::new(state, text).figure(names.len() as f64);
    Draft { names: names.into_iter().take(MOST_NAMES).collect(), ..draft }.advice("end the upgrade")
}

fn disk(found: &Found<'_>) -> Draft {
    let Some(free) = found.free_bytes else {
        return Draft::new(State::Look, "the free space cannot be told").advice("is the home still there?");
    };
    let state = if free < LITTLE_SPACE { State::Bad } else { State::Ok };
    let text = format!("{:.1} GiB free where the home keeps its data", free as f64 / f64::from(1 << 30));
    let draft = Draft::new(state, text).figure(free as f64);
    draft.advice("make room, or keep less history: [jobs] history_days in app.toml")
}

fn streams(found: &Found<'_>) -> Draft {
    let text = format!("{} pages and commands listen to this process", found.streams);
    Draft::new(State::Ok, text).figure(found.streams as f64)
}

fn backup(found: &Found<'_>) -> Draft {
    let age = |at: Instant| (found.now - at).num_hours();
    let (state, text) = match found.taken.map(|taken| taken.backup) {
        None => (State::Look, "the audit trail cannot be asked for the last backup".to_owned()),
        Some(None) => (State::Look, "the audit trail knows of no backup".to_owned()),
        Some(Some(at)) if found.now - at > OLD_BACKUP => {
            (State::Look, format!("the last backup is {} hours old", age(at)))
        }
        Some(Some(at)) => (State::Ok, format!("the last backup is {} hours old", age(at))),
    };
    Draft::new(state, text).advice("nomaflow backup FILE; docs/backup.md")
}

type Look = fn(&Found<'_>) -> Draft;

/// Everything that is looked at, in the order in which somebody would.
const LOOKS: [(&str, Look); 10] = [
    ("store", store),
    ("scheduler", scheduler),
    ("schedules", schedules),
    ("catalogue", catalogue),
    ("plugins", plugins),
    ("versions", versions),
    ("clocks", clocks),
    ("disk", disk),
    ("streams", streams),
    ("backup", backup),
];

/// The names of the checks.
pub(crate) fn names() -> Vec<&'static str> {
    LOOKS.iter().map(|(name, _)| *name).collect()
}

/// What was looked at, and whether with eyes that see every job.
type Key = (&'static str, bool);

/// The states of an earlier look, and since when they were so.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Key, (State, Instant)>>);

impl Memory {
    fn since(&self, key: Key, state: State, now: Instant) -> Instant {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = known.entry(key).or_insert((state, now));
        if seen.0 != state {
            *seen = (state, now);
        }
        seen.1
    }

    /// Looks at everything.
    pub(crate) fn look(&self, found: &Found<'_>) -> Vec<Check> {
        LOOKS
            .iter()
            .map(|&(name, look)| {
                let Draft { state, text, advice, figure, names } = look(found);
                let taken = found.taken.filter(|_| name == "backup");
                Check {
                    name,
                    state: state.as_str(),
                    since: instant(self.since((name, found.sees_all), state, found.now)),
                    text,
                    advice: advice.map(str::to_owned),
                    figure,
                    names,
                    at: taken.and_then(|taken| taken.backup).map(instant),
                    export_at: taken.and_then(|taken| taken.export).map(instant),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
